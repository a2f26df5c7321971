-- Pull jobs (kind 1) beside push jobs, and failures that can be run again. What is found by a client's key or by
-- the end of a lease is in a table of its own: every index of `job` is paid for by push jobs too. No table is
-- copied for that, and an ALTER makes all of a table's changes or none.

ALTER TABLE job
    ADD COLUMN pull_key VARBINARY(255) NULL;                 -- the client's id of a pull job

-- One row for each pull job.
CREATE TABLE IF NOT EXISTS pull_job (
    queue VARBINARY(255) NOT NULL,
    pull_key VARBINARY(255) NOT NULL,
    job_id BIGINT UNSIGNED NOT NULL,
    pull_timeout INT NOT NULL,                               -- seconds; may be negative
    max_retries INT NOT NULL,                                -- as given; negative: no end
    pull_state LONGBLOB NULL,                                -- what the worker has saved
    lease_end BIGINT NULL,                                   -- of a running job
    PRIMARY KEY (pull_key, queue),                           -- so that no one goes through a whole queue
    KEY pull_job_lease (lease_end)
) ENGINE = InnoDB;

ALTER TABLE failure
    ADD COLUMN kind TINYINT UNSIGNED NOT NULL DEFAULT 0,     -- 0: push, 1: pull
    ADD COLUMN pull_key VARBINARY(255) NULL,
    ADD COLUMN pull_state LONGBLOB NULL,
    ADD COLUMN max_retries BIGINT NULL,                      -- what follows is NULL before version 3
    ADD COLUMN priority INT NULL,
    ADD COLUMN timeout BIGINT NULL,
    ADD COLUMN retry_delay INT UNSIGNED NULL,
    DROP KEY failure_failed,
    DROP KEY failure_created,
    ADD KEY failure_failed (kind, queue, id),
    ADD KEY failure_created (kind, queue, created_at, id);
