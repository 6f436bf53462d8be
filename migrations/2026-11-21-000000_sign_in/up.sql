-- One tree for SQLite and PostgreSQL: text ids made by us, UTC timestamps in microseconds.

CREATE TABLE members (
    id              TEXT PRIMARY KEY NOT NULL,
    standing        TEXT NOT NULL,
    standing_reason TEXT,
    standing_until  TIMESTAMP,
    display_name    TEXT,
    picture         TEXT,
    locale          TEXT,
    created_at      TIMESTAMP NOT NULL,
    last_login_at   TIMESTAMP NOT NULL
);

-- A Kakao id means something only together with the app it was given to.
CREATE TABLE kakao_accounts (
    app_id         BIGINT NOT NULL,
    kakao_id       BIGINT NOT NULL,
    member_id      TEXT NOT NULL REFERENCES members (id),
    connected_at   TIMESTAMP,
    nickname       TEXT,
    picture        TEXT,
    email          TEXT,
    email_valid    BOOLEAN NOT NULL,
    email_verified BOOLEAN NOT NULL,
    scopes         TEXT NOT NULL,
    linked_at      TIMESTAMP NOT NULL,
    synced_at      TIMESTAMP NOT NULL,
    PRIMARY KEY (app_id, kakao_id)
);
CREATE UNIQUE INDEX kakao_accounts_member ON kakao_accounts (member_id, app_id);

-- The authority on who is signed in, whatever the cookie or Redis says.
CREATE TABLE sessions (
    id                    TEXT PRIMARY KEY NOT NULL,
    secret_hash           TEXT NOT NULL,
    member_id             TEXT NOT NULL REFERENCES members (id),
    method                TEXT NOT NULL,
    ip                    TEXT NOT NULL,
    user_agent            TEXT NOT NULL,
    created_at            TIMESTAMP NOT NULL,
    last_seen_at          TIMESTAMP NOT NULL,
    -- Never after ends_at; when a session is ended, this becomes that moment.
    idle_ends_at          TIMESTAMP NOT NULL,
    ends_at               TIMESTAMP NOT NULL,
    ended_at              TIMESTAMP,
    ended_by              TEXT,
    kakao_access          TEXT,
    kakao_access_ends_at  TIMESTAMP,
    kakao_refresh         TEXT,
    kakao_refresh_ends_at TIMESTAMP
);
CREATE INDEX sessions_member ON sessions (member_id, last_seen_at);
CREATE INDEX sessions_idle_ends ON sessions (idle_ends_at);

-- Login attempts that came back from Kakao; one that never came back has no row.
CREATE TABLE attempts (
    state_hash TEXT PRIMARY KEY NOT NULL,
    outcome    TEXT,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX attempts_expires ON attempts (expires_at);

-- Calls we still owe Kakao.
CREATE TABLE outbox (
    id           TEXT PRIMARY KEY NOT NULL,
    kind         TEXT NOT NULL,
    member_id    TEXT,
    sealed_token TEXT NOT NULL,
    tries        INTEGER NOT NULL,
    created_at   TIMESTAMP NOT NULL,
    next_try_at  TIMESTAMP NOT NULL,
    expires_at   TIMESTAMP NOT NULL,
    outcome      TEXT,
    finished_at  TIMESTAMP
);
CREATE INDEX outbox_due ON outbox (finished_at, next_try_at);

CREATE TABLE audit_events (
    id         TEXT PRIMARY KEY NOT NULL,
    at         TIMESTAMP NOT NULL,
    actor      TEXT,
    subject    TEXT,
    ip         TEXT NOT NULL,
    action     TEXT NOT NULL,
    result     TEXT NOT NULL,
    reason     TEXT,
    request_id TEXT NOT NULL
);
CREATE INDEX audit_events_at ON audit_events (at);
