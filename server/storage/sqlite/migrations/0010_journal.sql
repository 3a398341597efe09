-- What each step changed, as it was before: walked backwards it tells how a project was at a moment.
-- before holds {"entities": {id: [version, approved, deleted] or null}, "references": {id: row or
-- null}, "pointers": [[version, [reference, …]], …]}; null: it was not there.
CREATE TABLE journal (
    number INTEGER PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    at TEXT NOT NULL,
    run_id TEXT,
    before TEXT NOT NULL
) STRICT;

CREATE INDEX journal_by_time ON journal (project_id, at);
CREATE INDEX journal_by_run ON journal (project_id, run_id) WHERE run_id IS NOT NULL;

-- Of a project that is older than the journal, nothing before today can be told.
INSERT INTO journal (project_id, at, before)
    SELECT id, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), '{}' FROM projects;

-- What is long is kept deflated: of a version [fields, changes], of an audit entry its detail (which
-- are {} then), of a state the state. A text and what it was before are mostly the same words.
ALTER TABLE versions ADD COLUMN packed BLOB;
ALTER TABLE audit ADD COLUMN packed BLOB;
ALTER TABLE version_states ADD COLUMN packed INTEGER NOT NULL DEFAULT 0;
