-- What managing and watching need: failures that wait again, finished jobs, the load over time, chores that
-- one node does for all, and queues that are paused.

ALTER TABLE failure ADD COLUMN attempt INTEGER;     -- these two are NULL before version 4
ALTER TABLE failure ADD COLUMN started_at INTEGER;  -- of the last attempt

-- Whatever is sought is found and counted without a look at the rows, which may be large.
DROP INDEX failure_failed;
CREATE INDEX failure_failed ON failure (kind, queue, id, category, failed_at);
CREATE INDEX failure_all ON failure (id, kind, category, failed_at);
CREATE INDEX failure_job ON failure (job_id);
CREATE INDEX failure_time ON failure (failed_at);

ALTER TABLE queue ADD COLUMN priority INTEGER NOT NULL DEFAULT 100;

-- Lists end in the id; what follows it is for counts, which read nothing else.
DROP INDEX job_list;
CREATE INDEX job_list ON job (kind, queue, state, next_try, id, category, priority);

CREATE TABLE finished (
    job_id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,                 -- core.jobs.Kind
    queue TEXT NOT NULL,
    category TEXT NOT NULL,
    url TEXT NOT NULL,
    pull_key TEXT,
    payload BLOB,                          -- NULL when it was too large to be kept
    payload_form INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    message TEXT NOT NULL,
    code INTEGER NOT NULL,
    fail_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,                    -- NULL when it never was
    ended_at INTEGER NOT NULL
) STRICT;

CREATE INDEX finished_ended ON finished (kind, queue, ended_at);  -- and the job's id

CREATE TABLE job_type (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (kind, name)
) STRICT;

CREATE TABLE load_sample (
    time INTEGER PRIMARY KEY,
    pending INTEGER NOT NULL,              -- of all types together
    queued INTEGER NOT NULL,
    running INTEGER NOT NULL
) STRICT;

CREATE TABLE load_count (
    job_type INTEGER NOT NULL,
    time INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    queued INTEGER NOT NULL,
    running INTEGER NOT NULL,
    PRIMARY KEY (time, job_type)           -- a page of a series is one range
) STRICT, WITHOUT ROWID;

CREATE TABLE chore (
    name TEXT NOT NULL PRIMARY KEY,        -- stores.interface.Chore
    done_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE paused (
    kind INTEGER NOT NULL,
    queue TEXT NOT NULL,
    PRIMARY KEY (kind, queue)
) STRICT, WITHOUT ROWID;

INSERT INTO config_revision (name, revision) VALUES ('pause', 0);
