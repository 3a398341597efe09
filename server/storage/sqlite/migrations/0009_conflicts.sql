-- One row for each conflict, whole; the one that changed last has the largest number.
-- base, ours, theirs and merged are JSON.
CREATE TABLE conflicts (
    number INTEGER PRIMARY KEY,
    project_id TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    severity TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    field TEXT NOT NULL,
    base TEXT NOT NULL,
    ours TEXT NOT NULL,
    theirs TEXT NOT NULL,
    merged TEXT NOT NULL,
    ours_by TEXT NOT NULL,
    theirs_by TEXT NOT NULL,
    affected_users TEXT NOT NULL,
    options TEXT NOT NULL,
    reason TEXT NOT NULL,
    run_id TEXT,
    created_at TEXT NOT NULL,
    status TEXT NOT NULL,
    resolution TEXT,
    resolved_by TEXT,
    resolved_at TEXT,
    UNIQUE (project_id, id),
    FOREIGN KEY (project_id, entity_id) REFERENCES entities (project_id, id)
) STRICT;

CREATE INDEX conflicts_by_status ON conflicts (project_id, status, number);
CREATE INDEX conflicts_by_entity ON conflicts (project_id, entity_id, number);
CREATE INDEX conflicts_by_type ON conflicts (project_id, type, number);
CREATE INDEX conflicts_by_run ON conflicts (run_id, number) WHERE run_id IS NOT NULL;
