-- Pull jobs (kind 1) beside push jobs, and failures that can be run again. One statement each, so that a
-- start that was cut short has made all of a table's changes or none.

ALTER TABLE job
    MODIFY timeout BIGINT NOT NULL,                          -- seconds; negative ones are pull's
    ADD COLUMN pull_key VARBINARY(255) NULL,                 -- the client's id of a pull job
    ADD COLUMN pull_state LONGBLOB NULL,                     -- what its worker has saved
    ADD COLUMN max_retries INT NULL,                         -- of a pull job, as given; negative: no end
    ADD COLUMN lease_end BIGINT NULL,                        -- of a running pull job
    ADD UNIQUE KEY job_pull_key (queue, pull_key),
    ADD KEY job_lease (lease_end);

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
