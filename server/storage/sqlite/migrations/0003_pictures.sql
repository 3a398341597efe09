-- The bytes of files, named by their SHA-256: the same bytes are kept once.
CREATE TABLE blobs (
    hash BLOB NOT NULL PRIMARY KEY,
    data BLOB NOT NULL
) STRICT;

-- The newest picture of an entity is the one with the largest number. made_from lists
-- [entity, place, version, look]; visual_hash is the entity's when the picture was added.
CREATE TABLE pictures (
    number INTEGER PRIMARY KEY,
    project_id TEXT NOT NULL,
    id TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    file_full BLOB NOT NULL REFERENCES blobs (hash),
    file_640 BLOB NOT NULL REFERENCES blobs (hash),
    file_320 BLOB NOT NULL REFERENCES blobs (hash),
    made_from TEXT NOT NULL,
    visual_hash BLOB NOT NULL,
    author TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (project_id, id),
    FOREIGN KEY (project_id, entity_id) REFERENCES entities (project_id, id)
) STRICT;

CREATE INDEX pictures_by_entity ON pictures (project_id, entity_id, number);
CREATE INDEX pictures_by_full ON pictures (file_full);
CREATE INDEX pictures_by_640 ON pictures (file_640);
CREATE INDEX pictures_by_320 ON pictures (file_320);
