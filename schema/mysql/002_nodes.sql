-- The nodes that are alive, so that queues can be spread over them; and a count that tells the owner of a
-- queue, wherever it is, that one of its running jobs has been deleted.

CREATE TABLE IF NOT EXISTS node (
    node_id VARBINARY(255) NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL,                              -- renewed with the node's leases
    server VARBINARY(255) NOT NULL                           -- which server has the node's presence lock
) ENGINE = InnoDB;

INSERT IGNORE INTO config_revision (name, revision) VALUES ('deletion', 0);
