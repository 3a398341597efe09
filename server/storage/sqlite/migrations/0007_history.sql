-- For each role of authors the last version, up to this one, that was made in it:
-- [[role, number], …]. What was made before nobody wrote down.
ALTER TABLE versions ADD COLUMN roles TEXT NOT NULL DEFAULT '[]';

-- Where the chain of a project's audit trail ends: rows that are cut off its end are missed by this.
CREATE TABLE audit_heads (
    project_id TEXT NOT NULL PRIMARY KEY REFERENCES projects (id),
    number INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO audit_heads
    SELECT a.project_id, a.number, a.hash FROM audit AS a
    WHERE a.number = (SELECT MAX(b.number) FROM audit AS b WHERE b.project_id = a.project_id);
