-- What people who look around need: failures in groups, and what nodes say of themselves.

ALTER TABLE failure ADD COLUMN error TEXT NOT NULL DEFAULT '';  -- core.failures.error_of; empty before version 5

-- Groups are counted without a look at the rows, and the id comes with it.
CREATE INDEX failure_group ON failure (kind, queue, category, error, failed_at);

ALTER TABLE node ADD COLUMN host TEXT NOT NULL DEFAULT '';      -- both are the node's own to report
ALTER TABLE node ADD COLUMN report BLOB;                        -- core.nodes.write_report

-- What is kept of the last failed attempt at a job that is tried again: core.results.write_last_error.
ALTER TABLE job ADD COLUMN last_error BLOB;
