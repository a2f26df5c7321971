-- The nodes that are alive, so that queues can be spread over them; and a count that tells the owner of a
-- queue, wherever it is, that one of its running jobs has been deleted.

CREATE TABLE node (
    node_id TEXT NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL            -- renewed with the node's leases
) STRICT, WITHOUT ROWID;

INSERT INTO config_revision (name, revision) VALUES ('deletion', 0);
