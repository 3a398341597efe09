-- A run reaches an entity once: a second outcome fails its commit.
CREATE UNIQUE INDEX outcomes_once ON outcomes (run_id, entity_id);

-- A run that is being cancelled is open too.
DROP INDEX runs_open;
CREATE INDEX runs_open ON runs (project_id) WHERE status IN ('queued', 'running', 'cancelling');
