-- Passwords, consents, what a mailed link stands for, and what slows guessing down.

CREATE TABLE passwords (
    member_id  TEXT PRIMARY KEY NOT NULL REFERENCES members (id),
    kept       TEXT NOT NULL,
    changed_at TIMESTAMP NOT NULL
);

-- One row each time somebody agreed or withdrew; the newest of an item is in force.
CREATE TABLE consents (
    id        TEXT PRIMARY KEY NOT NULL,
    member_id TEXT NOT NULL REFERENCES members (id),
    item      TEXT NOT NULL,
    version   TEXT NOT NULL,
    agreed    BOOLEAN NOT NULL,
    at        TIMESTAMP NOT NULL
);
CREATE INDEX consents_member ON consents (member_id, item, at);

-- A link that was mailed, by the digest of what it carries. It works once, and only the newest of
-- its purpose for its member; sign-ups of one address each have a link of their own.
CREATE TABLE mail_links (
    digest     TEXT PRIMARY KEY NOT NULL,
    purpose    TEXT NOT NULL,
    member_id  TEXT NOT NULL REFERENCES members (id),
    email_key  TEXT NOT NULL,
    sealed     TEXT,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at    TIMESTAMP
);
CREATE INDEX mail_links_member ON mail_links (member_id, purpose);
CREATE INDEX mail_links_expires ON mail_links (expires_at);

-- Failures by what they are counted for: an account, a network, a device. Keys are digests.
CREATE TABLE throttles (
    what       TEXT PRIMARY KEY NOT NULL,
    failures   INTEGER NOT NULL,
    first_at   TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX throttles_expires ON throttles (expires_at);

-- A session that is to end with the browser, by the member's wish.
ALTER TABLE sessions ADD COLUMN brief BOOLEAN NOT NULL DEFAULT FALSE;

-- An address that was proved belongs to one member, whatever the spelling; one that was not is
-- waited for by one. Of members who share one from before, the first keeps it.
UPDATE members SET email = NULL, email_key = NULL, email_verified_at = NULL
 WHERE email_verified_at IS NOT NULL AND EXISTS (
       SELECT 1 FROM members AS older
        WHERE older.email_key = members.email_key AND older.email_verified_at IS NOT NULL
          AND older.id < members.id);
CREATE UNIQUE INDEX members_email_proved ON members (email_key)
 WHERE email_verified_at IS NOT NULL;
CREATE UNIQUE INDEX members_email_awaited ON members (email_key)
 WHERE standing = 'unverified';
