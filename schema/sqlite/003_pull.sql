-- Pull jobs (kind 1) beside push jobs, and failures that can be run again.

ALTER TABLE job ADD COLUMN pull_key TEXT;         -- the client's id of a pull job
ALTER TABLE job ADD COLUMN pull_state BLOB;       -- what its worker has saved
ALTER TABLE job ADD COLUMN max_retries INTEGER;   -- of a pull job, as given; negative: no end
ALTER TABLE job ADD COLUMN lease_end INTEGER;     -- of a running pull job

-- Partial, so that push jobs cost nothing here.
CREATE UNIQUE INDEX job_pull_key ON job (queue, pull_key) WHERE pull_key IS NOT NULL;
CREATE INDEX job_lease ON job (lease_end) WHERE lease_end IS NOT NULL;

ALTER TABLE failure ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;  -- 0: push, 1: pull
ALTER TABLE failure ADD COLUMN pull_key TEXT;
ALTER TABLE failure ADD COLUMN pull_state BLOB;
ALTER TABLE failure ADD COLUMN max_retries INTEGER;  -- what follows is NULL before version 3
ALTER TABLE failure ADD COLUMN priority INTEGER;
ALTER TABLE failure ADD COLUMN timeout INTEGER;
ALTER TABLE failure ADD COLUMN retry_delay INTEGER;

DROP INDEX failure_failed;
DROP INDEX failure_created;
CREATE INDEX failure_failed ON failure (kind, queue);  -- and the id
CREATE INDEX failure_created ON failure (kind, queue, created_at);
