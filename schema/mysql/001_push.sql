-- Push jobs, their failures, definitions and ownership. Times are UTC milliseconds since the epoch; names
-- are VARBINARY so that they are compared as bytes, with nothing trimmed. Every statement may be run again:
-- a definition commits by itself here, so a start that is cut short leaves some of them done.

CREATE TABLE IF NOT EXISTS job (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,  -- never used twice
    kind TINYINT UNSIGNED NOT NULL,                          -- 0: push
    queue VARBINARY(255) NOT NULL,
    category VARBINARY(255) NOT NULL,
    url BLOB NOT NULL,
    payload LONGBLOB NOT NULL,
    payload_form TINYINT UNSIGNED NOT NULL,                  -- core.jobs.PayloadForm
    state TINYINT UNSIGNED NOT NULL,                         -- core.jobs.JobState
    priority INT NOT NULL,                                   -- lower first
    next_try BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    timeout INT UNSIGNED NOT NULL,                           -- seconds
    retry_delay INT UNSIGNED NOT NULL,                       -- seconds
    retries_left INT UNSIGNED NOT NULL,
    fail_count INT UNSIGNED NOT NULL,
    attempt INT UNSIGNED NOT NULL,                           -- fencing token, grows with every claim
    started_at BIGINT NULL,                                  -- of the running attempt
    KEY job_claim (kind, queue, state, priority, next_try, id),
    KEY job_list (kind, queue, state, next_try, id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS failure (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    job_id BIGINT UNSIGNED NOT NULL,
    queue VARBINARY(255) NOT NULL,
    category VARBINARY(255) NOT NULL,
    url BLOB NOT NULL,
    payload LONGBLOB NOT NULL,
    payload_form TINYINT UNSIGNED NOT NULL,
    result_status VARBINARY(32) NOT NULL,                    -- core.results.ResultStatus
    result_code INT NOT NULL,
    result_message MEDIUMBLOB NOT NULL,
    fail_count INT UNSIGNED NOT NULL,
    failed_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    KEY failure_failed (queue, id),
    KEY failure_created (queue, created_at, id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS queue (
    name VARBINARY(255) NOT NULL PRIMARY KEY,
    polling_interval INT UNSIGNED NOT NULL,                  -- milliseconds
    max_workers INT UNSIGNED NOT NULL,
    max_dispatches_per_second DOUBLE NOT NULL,
    max_burst_size INT UNSIGNED NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS routing (
    category VARBINARY(255) NOT NULL PRIMARY KEY,
    queue VARBINARY(255) NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS config_revision (
    name VARBINARY(255) NOT NULL PRIMARY KEY,
    revision BIGINT UNSIGNED NOT NULL
) ENGINE = InnoDB;

INSERT IGNORE INTO config_revision (name, revision) VALUES ('queue', 0), ('routing', 0);

-- A row stays when its lease ends: the epoch must never go back.
CREATE TABLE IF NOT EXISTS queue_owner (
    queue VARBINARY(255) NOT NULL PRIMARY KEY,
    node_id VARBINARY(255) NOT NULL,
    host VARBINARY(255) NOT NULL,
    epoch BIGINT UNSIGNED NOT NULL,
    expires_at BIGINT NOT NULL,
    KEY queue_owner_node (node_id)
) ENGINE = InnoDB;

-- The number of a node's last committed batch: tells the outcome of a commit whose answer was lost.
CREATE TABLE IF NOT EXISTS node_batch (
    node_id VARBINARY(255) NOT NULL PRIMARY KEY,
    batch BIGINT UNSIGNED NOT NULL
) ENGINE = InnoDB;
