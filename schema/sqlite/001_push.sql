-- Push jobs, their failures, definitions and ownership. Times are UTC milliseconds since the epoch; names
-- are compared as bytes (BINARY collation over UTF-8).

CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice
    kind INTEGER NOT NULL,                 -- 0: push
    queue TEXT NOT NULL,
    category TEXT NOT NULL,
    url TEXT NOT NULL,
    payload BLOB NOT NULL,
    payload_form INTEGER NOT NULL,         -- core.jobs.PayloadForm
    state INTEGER NOT NULL,                -- core.jobs.JobState
    priority INTEGER NOT NULL,             -- lower first
    next_try INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    timeout INTEGER NOT NULL,              -- seconds
    retry_delay INTEGER NOT NULL,          -- seconds
    retries_left INTEGER NOT NULL,
    fail_count INTEGER NOT NULL,
    attempt INTEGER NOT NULL,              -- fencing token, grows with every claim
    started_at INTEGER                     -- of the running attempt
) STRICT;

-- Both end in the id by themselves: SQLite appends the row's key to every index.
CREATE INDEX job_claim ON job (kind, queue, state, priority, next_try);
CREATE INDEX job_list ON job (kind, queue, state, next_try);

CREATE TABLE failure (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL,
    queue TEXT NOT NULL,
    category TEXT NOT NULL,
    url TEXT NOT NULL,
    payload BLOB NOT NULL,
    payload_form INTEGER NOT NULL,
    result_status TEXT NOT NULL,           -- core.results.ResultStatus
    result_code INTEGER NOT NULL,
    result_message TEXT NOT NULL,
    fail_count INTEGER NOT NULL,
    failed_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX failure_failed ON failure (queue);  -- and the id, as above
CREATE INDEX failure_created ON failure (queue, created_at);

CREATE TABLE queue (
    name TEXT NOT NULL PRIMARY KEY,
    polling_interval INTEGER NOT NULL,     -- milliseconds
    max_workers INTEGER NOT NULL,
    max_dispatches_per_second REAL NOT NULL,
    max_burst_size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE routing (
    category TEXT NOT NULL PRIMARY KEY,
    queue TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE config_revision (
    name TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO config_revision (name, revision) VALUES ('queue', 0), ('routing', 0);

-- A row stays when its lease ends: the epoch must never go back.
CREATE TABLE queue_owner (
    queue TEXT NOT NULL PRIMARY KEY,
    node_id TEXT NOT NULL,
    host TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
