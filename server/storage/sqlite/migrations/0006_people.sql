-- Members of a project. role NULL: removed, and kept out until somebody adds them again.
CREATE TABLE members (
    project_id TEXT NOT NULL,
    user TEXT NOT NULL,
    role TEXT,
    since TEXT NOT NULL,
    added_by TEXT NOT NULL,
    PRIMARY KEY (project_id, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_user ON members (user);

-- Who made a project owns it; who has a token for it is in it, with the highest of their roles.
INSERT INTO members
    SELECT project_id, actor, 'owner', at, actor FROM audit WHERE action = 'project_created'
    ON CONFLICT DO NOTHING;

INSERT INTO members
    SELECT project_id, user,
        CASE MAX(CASE role WHEN 'owner' THEN 4 WHEN 'approver' THEN 3 WHEN 'editor' THEN 2 ELSE 1 END)
            WHEN 4 THEN 'owner' WHEN 3 THEN 'approver' WHEN 2 THEN 'editor' ELSE 'viewer' END,
        MIN(created_at), user
    FROM tokens WHERE project_id IS NOT NULL GROUP BY project_id, user
    ON CONFLICT DO NOTHING;

CREATE INDEX tokens_by_user ON tokens (user, project_id);

-- wanted 0: they said that they do not want to follow it.
CREATE TABLE follows (
    project_id TEXT NOT NULL,
    user TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    wanted INTEGER NOT NULL,
    PRIMARY KEY (project_id, user, entity_id)
) STRICT, WITHOUT ROWID;

-- what is entity or kind.
CREATE TABLE mutes (
    project_id TEXT NOT NULL,
    user TEXT NOT NULL,
    what TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (project_id, user, what, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE notifications (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    user TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    entity_id TEXT,
    run_id TEXT,
    detail TEXT NOT NULL,
    created_at TEXT NOT NULL,
    read_at TEXT
) STRICT;

CREATE INDEX notifications_by_user ON notifications (user, project_id, number);
CREATE INDEX notifications_unread ON notifications (user, number) WHERE read_at IS NULL;

-- The secret signs what is sent, so it is kept as it is.
CREATE TABLE webhooks (
    project_id TEXT NOT NULL REFERENCES projects (id),
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    description TEXT NOT NULL,
    secret TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    failing_since TEXT,
    disabled_at TEXT,
    disabled_because TEXT,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

-- What is on its way to webhooks, and what became of it. attempts lists [at, status, error, ms].
CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at TEXT NOT NULL,
    status TEXT NOT NULL,
    next_at TEXT,
    tries INTEGER NOT NULL,
    attempts TEXT NOT NULL,
    FOREIGN KEY (project_id, webhook_id) REFERENCES webhooks (project_id, id)
) STRICT;

CREATE INDEX deliveries_by_webhook ON deliveries (project_id, webhook_id, status, number);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE status = 'waiting';
