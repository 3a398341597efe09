-- How a run hangs together with others: whose failures it goes over again, which one it takes back,
-- and which one took it over.
ALTER TABLE runs ADD COLUMN retry_of TEXT;
ALTER TABLE runs ADD COLUMN rollback_of TEXT;
ALTER TABLE runs ADD COLUMN superseded_by TEXT;
