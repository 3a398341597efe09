-- For each role of authors the last version, up to this one, that was made in it:
-- [[role, number], …]. What was made before nobody wrote down.
ALTER TABLE versions ADD COLUMN roles TEXT NOT NULL DEFAULT '[]';
