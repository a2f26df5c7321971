-- What failures have in common, and what nodes say of themselves.

-- A group of failures is one range of the index, in the order of their ids; groups are counted from it alone.
ALTER TABLE failure
    ADD COLUMN error VARBINARY(255) NOT NULL DEFAULT '',     -- core.failures.error_of; empty before version 5
    ADD KEY failure_error (kind, queue, category, error, id, failed_at);

ALTER TABLE node
    ADD COLUMN host VARBINARY(255) NOT NULL DEFAULT '',
    ADD COLUMN report MEDIUMBLOB NULL;                       -- core.nodes.write_report
