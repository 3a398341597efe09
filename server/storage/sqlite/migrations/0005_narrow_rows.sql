-- What a run changes of each dependent stands in narrow rows: a whole reference or entity takes
-- ten times as long to write, and its page goes to the disk with it.

-- Why dependents have an outcome: thousands of a batch share one finding.
CREATE TABLE findings (
    number INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    source_version INTEGER NOT NULL
) STRICT;

INSERT INTO findings (run_id, at, kind, outcome, reason, source, source_version)
    SELECT run_id, at, kind, outcome, reason, source, source_version FROM outcomes
    UNION
    SELECT
        json_extract(last_outcome, '$[4]'), json_extract(last_outcome, '$[5]'), kind,
        json_extract(last_outcome, '$[0]'), json_extract(last_outcome, '$[1]'),
        json_extract(last_outcome, '$[2]'), json_extract(last_outcome, '$[3]')
    FROM entities WHERE last_outcome IS NOT NULL;

CREATE INDEX findings_found ON findings (run_id, at, outcome, kind, source);

CREATE TABLE outcomes_narrow (
    run INTEGER NOT NULL REFERENCES runs (number),
    ordinal INTEGER NOT NULL,
    entity_id TEXT NOT NULL,
    finding INTEGER NOT NULL REFERENCES findings (number),
    from_hash BLOB NOT NULL,
    to_hash BLOB NOT NULL,
    PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;

INSERT INTO outcomes_narrow
    SELECT r.number, o.ordinal, o.entity_id, f.number, from_hex(o.from_hash), from_hex(o.to_hash)
    FROM outcomes AS o
    JOIN runs AS r ON r.id = o.run_id
    JOIN findings AS f ON f.run_id = o.run_id AND f.at = o.at AND f.outcome = o.outcome
        AND f.kind = o.kind AND f.source = o.source AND f.reason = o.reason
        AND f.source_version = o.source_version
    ORDER BY r.number, o.ordinal;

DROP TABLE outcomes;
ALTER TABLE outcomes_narrow RENAME TO outcomes;
CREATE UNIQUE INDEX outcomes_once ON outcomes (run, entity_id);

-- How an entity looks now, and why: the two hashes, the newest finding about it.
CREATE TABLE looks (
    project_id TEXT NOT NULL,
    id TEXT NOT NULL,
    visual_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    finding INTEGER REFERENCES findings (number),
    updated_at TEXT NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

INSERT INTO looks
    SELECT e.project_id, e.id, e.visual_hash, e.hash, (
        SELECT f.number FROM findings AS f
        WHERE f.run_id = json_extract(e.last_outcome, '$[4]')
            AND f.at = json_extract(e.last_outcome, '$[5]')
            AND f.outcome = json_extract(e.last_outcome, '$[0]')
            AND f.kind = e.kind
            AND f.source = json_extract(e.last_outcome, '$[2]')
            AND f.reason = json_extract(e.last_outcome, '$[1]')
            AND f.source_version = json_extract(e.last_outcome, '$[3]')
    ), e.updated_at
    FROM entities AS e;

DROP INDEX findings_found;
CREATE INDEX findings_by_run ON findings (run_id);
ALTER TABLE entities DROP COLUMN visual_hash;
ALTER TABLE entities DROP COLUMN hash;
ALTER TABLE entities DROP COLUMN last_outcome;
ALTER TABLE entities DROP COLUMN updated_at;

-- version is the one that a reference resolved to when it was last put whole; where it was moved
-- since, the version stands in pointers.
CREATE TABLE refs_numbered (
    number INTEGER PRIMARY KEY,
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
    UNIQUE (project_id, id),
    FOREIGN KEY (project_id, source, version)
        REFERENCES versions (project_id, entity_id, number),
    FOREIGN KEY (project_id, target) REFERENCES entities (project_id, id)
) STRICT;

INSERT INTO refs_numbered
    SELECT NULL, project_id, id, source, target, role, policy, version, position, overrides,
        pinned_by
    FROM refs ORDER BY project_id, target, position, id;

DROP TABLE refs;
ALTER TABLE refs_numbered RENAME TO refs;
CREATE INDEX refs_by_source ON refs (project_id, source);
CREATE INDEX refs_by_target ON refs (project_id, target);

CREATE TABLE pointers (
    number INTEGER PRIMARY KEY REFERENCES refs (number) ON DELETE CASCADE,
    version INTEGER NOT NULL
) STRICT;
