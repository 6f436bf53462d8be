-- What programs hold for a member: keys that sign access tokens, and refresh tokens.

CREATE TABLE signing_keys (
    kid        TEXT PRIMARY KEY NOT NULL,
    sealed     TEXT NOT NULL,
    public     TEXT NOT NULL,
    signs_from TIMESTAMP NOT NULL,
    created_at TIMESTAMP NOT NULL,
    gone_at    TIMESTAMP
);

-- One chain a session, which goes with it.
CREATE TABLE api_tokens (
    session_id  TEXT PRIMARY KEY NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    digest      TEXT NOT NULL,
    sealed      TEXT NOT NULL,
    previous    TEXT,
    replaced_at TIMESTAMP NOT NULL
);

-- What servers show that ask about members or tokens. The secret is told once and kept as a digest.
CREATE TABLE api_keys (
    id           TEXT PRIMARY KEY NOT NULL,
    name         TEXT NOT NULL,
    digest       TEXT NOT NULL UNIQUE,
    scopes       TEXT NOT NULL,
    made_by      TEXT,
    created_at   TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP,
    ends_at      TIMESTAMP,
    revoked_at   TIMESTAMP
);
