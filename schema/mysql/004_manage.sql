-- What is remembered of jobs that have ended, how many there were over time, queues with a priority of their
-- own, and queues that are paused.

-- Jobs are counted by category from this index alone.
ALTER TABLE job
    DROP KEY job_claim,
    ADD KEY job_claim (kind, queue, state, priority, next_try, id, category);

ALTER TABLE failure
    ADD COLUMN attempt INT UNSIGNED NULL,                    -- both are NULL before version 4
    ADD COLUMN started_at BIGINT NULL,
    DROP KEY failure_failed,
    ADD KEY failure_failed (kind, queue, id, category, failed_at),
    ADD KEY failure_all (kind, id, category, failed_at),     -- whatever is sought, without a look at the rows
    ADD KEY failure_job (job_id),
    ADD KEY failure_time (failed_at);

ALTER TABLE queue
    ADD COLUMN priority INT NOT NULL DEFAULT 100;

-- Jobs that have ended well, of both kinds, for a while. Each is written once and removed once, at the pace
-- of the jobs themselves, hence one index and no more.
CREATE TABLE IF NOT EXISTS finished (
    job_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    kind TINYINT UNSIGNED NOT NULL,
    queue VARBINARY(255) NOT NULL,
    category VARBINARY(255) NOT NULL,
    url BLOB NOT NULL,
    pull_key VARBINARY(255) NULL,
    payload LONGBLOB NULL,                                   -- NULL: too large to be kept
    payload_form TINYINT UNSIGNED NOT NULL,
    priority INT NOT NULL,
    message MEDIUMBLOB NOT NULL,
    code INT NOT NULL,
    fail_count INT UNSIGNED NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT NULL,
    ended_at BIGINT NOT NULL,
    KEY finished_ended (kind, queue, ended_at)
) ENGINE = InnoDB;

-- Rows are never removed, so that a number always means the same.
CREATE TABLE IF NOT EXISTS job_type (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    kind TINYINT UNSIGNED NOT NULL,
    name VARBINARY(255) NOT NULL,
    UNIQUE KEY job_type_name (kind, name)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS load_sample (
    time BIGINT NOT NULL PRIMARY KEY,
    pending INT UNSIGNED NOT NULL,
    queued INT UNSIGNED NOT NULL,
    running INT UNSIGNED NOT NULL
) ENGINE = InnoDB;

-- The part of each job type; by type first, so that a series of one does not read those of the others.
CREATE TABLE IF NOT EXISTS load_count (
    job_type INT UNSIGNED NOT NULL,
    time BIGINT NOT NULL,
    pending INT UNSIGNED NOT NULL,
    queued INT UNSIGNED NOT NULL,
    running INT UNSIGNED NOT NULL,
    PRIMARY KEY (job_type, time),
    KEY load_count_time (time)
) ENGINE = InnoDB;

-- When a chore was last done, by whichever node.
CREATE TABLE IF NOT EXISTS chore (
    name VARBINARY(255) NOT NULL PRIMARY KEY,
    done_at BIGINT NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS paused (
    kind TINYINT UNSIGNED NOT NULL,
    queue VARBINARY(255) NOT NULL,
    PRIMARY KEY (kind, queue)
) ENGINE = InnoDB;

INSERT IGNORE INTO config_revision (name, revision) VALUES ('pause', 0);
