-- One row for each approval, whole; the one that changed last has the largest number.
-- refs lists [reference, from, to].
CREATE TABLE approvals (
    number INTEGER PRIMARY KEY,
    project_id TEXT NOT NULL,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    refs TEXT NOT NULL,
    classes TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    rule TEXT NOT NULL,
    run_id TEXT NOT NULL,
    author TEXT NOT NULL,
    since TEXT NOT NULL,
    at TEXT NOT NULL,
    status TEXT NOT NULL,
    decided_by TEXT,
    comment TEXT NOT NULL,
    reason TEXT NOT NULL,
    UNIQUE (project_id, id),
    FOREIGN KEY (project_id, source) REFERENCES entities (project_id, id),
    FOREIGN KEY (project_id, target) REFERENCES entities (project_id, id)
) STRICT;

-- At most one is open for a source and a target.
CREATE UNIQUE INDEX approvals_open ON approvals (project_id, source, target)
    WHERE status = 'open';
CREATE INDEX approvals_by_status ON approvals (project_id, status, number);
CREATE INDEX approvals_by_pair ON approvals (project_id, source, target, number);
CREATE INDEX approvals_by_target ON approvals (project_id, target, number);
