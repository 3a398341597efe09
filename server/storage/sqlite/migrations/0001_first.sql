-- JSON is kept as text, hashes and CRDT data as blobs, times as ISO 8601 text.
-- Foreign keys are immediate: a deferred one would only fail at COMMIT, and with it a whole group.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    settings TEXT NOT NULL,
    kinds TEXT NOT NULL,
    rules TEXT NOT NULL
) STRICT;

CREATE TABLE entities (
    project_id TEXT NOT NULL REFERENCES projects (id),
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    number INTEGER NOT NULL,
    last_number INTEGER NOT NULL,
    approved_version INTEGER,
    visual_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    last_outcome TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX entities_alive ON entities (id) WHERE deleted_at IS NULL;

CREATE TABLE versions (
    project_id TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    fields TEXT NOT NULL,
    visual_fields TEXT NOT NULL,
    built_on TEXT NOT NULL,
    changes TEXT NOT NULL,
    previous INTEGER,
    timestamp TEXT NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    cause TEXT NOT NULL,
    run_id TEXT,
    checksum TEXT NOT NULL,
    state_number INTEGER NOT NULL,
    own_visual BLOB NOT NULL,
    own_all BLOB NOT NULL,
    built_on_visual BLOB NOT NULL,
    built_on_all BLOB NOT NULL,
    visual_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (project_id, entity_id, number),
    FOREIGN KEY (project_id, entity_id) REFERENCES entities (project_id, id)
) STRICT;

CREATE TABLE version_states (
    project_id TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (project_id, entity_id, number),
    FOREIGN KEY (project_id, entity_id, number)
        REFERENCES versions (project_id, entity_id, number)
) STRICT;

-- A reference resolves to a version that is there.
CREATE TABLE refs (
    project_id TEXT NOT NULL,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    role TEXT NOT NULL,
    policy TEXT NOT NULL,
    version INTEGER NOT NULL,
    position TEXT NOT NULL,
    overrides TEXT NOT NULL,
    pinned_by TEXT,
    PRIMARY KEY (project_id, id),
    FOREIGN KEY (project_id, source, version)
        REFERENCES versions (project_id, entity_id, number),
    FOREIGN KEY (project_id, target) REFERENCES entities (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX refs_by_source ON refs (project_id, source);
CREATE INDEX refs_by_target ON refs (project_id, target);

-- The base state of a document without a row here is the state of its entity's
-- oldest version: number 1, unless it was imported with another.
CREATE TABLE documents (
    project_id TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (project_id, entity_id),
    FOREIGN KEY (project_id, entity_id) REFERENCES entities (project_id, id)
) STRICT;

CREATE TABLE document_updates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    data BLOB NOT NULL,
    FOREIGN KEY (project_id, entity_id) REFERENCES entities (project_id, id)
) STRICT;

CREATE INDEX document_updates_by_document ON document_updates (project_id, entity_id);

CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL REFERENCES projects (id),
    roots TEXT NOT NULL,
    classes TEXT NOT NULL,
    cause TEXT NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    mode TEXT NOT NULL,
    notify INTEGER NOT NULL,
    status TEXT NOT NULL,
    total INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    processed INTEGER NOT NULL,
    counts TEXT NOT NULL,
    phases TEXT NOT NULL,
    error TEXT
) STRICT;

CREATE INDEX runs_by_creation ON runs (project_id, created_at);
CREATE INDEX runs_open ON runs (project_id) WHERE status IN ('queued', 'running');

CREATE TABLE outcomes (
    run_id TEXT NOT NULL REFERENCES runs (id),
    ordinal INTEGER NOT NULL,
    at TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    source_version INTEGER NOT NULL,
    from_hash TEXT NOT NULL,
    to_hash TEXT NOT NULL,
    PRIMARY KEY (run_id, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    project_id TEXT NOT NULL REFERENCES projects (id),
    number INTEGER NOT NULL,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    via TEXT NOT NULL,
    action TEXT NOT NULL,
    entity_id TEXT,
    run_id TEXT,
    detail TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (project_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_by_entity ON audit (project_id, entity_id, number) WHERE entity_id IS NOT NULL;
CREATE INDEX audit_by_run ON audit (project_id, run_id, number) WHERE run_id IS NOT NULL;

CREATE TABLE events (
    project_id TEXT NOT NULL REFERENCES projects (id),
    seq INTEGER NOT NULL,
    at TEXT NOT NULL,
    body TEXT NOT NULL,
    concerns TEXT,
    PRIMARY KEY (project_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    user TEXT NOT NULL,
    role TEXT NOT NULL,
    project_id TEXT,
    purpose TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT
) STRICT, WITHOUT ROWID;

-- Answers to requests with an Idempotency-Key; at is in seconds since 1970.
CREATE TABLE answers (
    key TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX answers_by_age ON answers (at);
