-- What failures have in common, and what nodes say of themselves.

-- A group of failures is one range of the index, in the order of their ids; groups are counted from it alone.
ALTER TABLE failure
    ADD COLUMN error VARBINARY(255) NOT NULL DEFAULT '',     -- core.failures.error_of; empty before version 5
    ADD KEY failure_error (kind, queue, category, error, id, failed_at);

-- With the counts, so that those of all types at some times are read from the index alone.
ALTER TABLE load_count
    DROP KEY load_count_time,
    ADD KEY load_count_time (time, pending, queued, running);

ALTER TABLE node
    ADD COLUMN host VARBINARY(255) NOT NULL DEFAULT '',
    ADD COLUMN report MEDIUMBLOB NULL;                       -- core.nodes.write_report

-- What is kept of the last failed attempt at a job that is tried again: core.results.write_last_error.
ALTER TABLE job
    ADD COLUMN last_error BLOB NULL;
