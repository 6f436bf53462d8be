-- Roles, the member directory, and an audit log that shows when it was touched.

-- The member number that people say on the telephone; the id stays the key.
ALTER TABLE members ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
UPDATE members SET number = numbered.place
  FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS place FROM members) AS numbered
 WHERE numbered.id = members.id;
ALTER TABLE members ADD COLUMN role TEXT NOT NULL DEFAULT 'member';
-- Grows with every act of an admin on the member: who acts on what has changed is told so.
ALTER TABLE members ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE members ADD COLUMN joined_with TEXT NOT NULL DEFAULT 'kakao';
ALTER TABLE members ADD COLUMN email TEXT;
ALTER TABLE members ADD COLUMN email_verified_at TIMESTAMP;
ALTER TABLE members ADD COLUMN withdrawn_at TIMESTAMP;
-- What is searched and sorted instead of the spelling that is shown: `store::directory` writes
-- them wherever it writes a name or an address.
ALTER TABLE members ADD COLUMN email_key TEXT;
ALTER TABLE members ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN name_grams TEXT NOT NULL DEFAULT '';

-- The bare orders in which members are listed, and what single members are found by.
CREATE UNIQUE INDEX members_number ON members (number);
CREATE INDEX members_created ON members (created_at, number);
CREATE INDEX members_seen ON members (last_login_at, number);
CREATE INDEX members_name ON members (name_key, number);
CREATE INDEX members_email ON members (email_key);
CREATE INDEX members_role ON members (role, number);

-- Each order once more for each standing, role and way to have come, with all that a filter may
-- ask beside: a filtered list is read off these alone (`store::directory`).
CREATE INDEX members_by_number
    ON members (standing, role, joined_with, number, created_at, name_key);
CREATE INDEX members_by_created
    ON members (standing, role, joined_with, created_at, number, name_key);
CREATE INDEX members_by_seen
    ON members (standing, role, joined_with, last_login_at, number, created_at, name_key);
CREATE INDEX members_by_name
    ON members (standing, role, joined_with, name_key, number, created_at);

-- What an admin keeps for next time.
CREATE TABLE saved_views (
    id         TEXT PRIMARY KEY NOT NULL,
    member_id  TEXT NOT NULL REFERENCES members (id),
    name       TEXT NOT NULL,
    query      TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX saved_views_name ON saved_views (member_id, name);

CREATE TABLE admin_preferences (
    member_id    TEXT PRIMARY KEY NOT NULL REFERENCES members (id),
    list_columns TEXT,
    shortcuts    BOOLEAN NOT NULL
);

-- Each entry has a place and the digest of itself and its predecessor. Entries from before have
-- neither; the program chains them when it starts.
ALTER TABLE audit_events ADD COLUMN place BIGINT;
ALTER TABLE audit_events ADD COLUMN detail TEXT;
ALTER TABLE audit_events ADD COLUMN digest TEXT;
CREATE UNIQUE INDEX audit_events_place ON audit_events (place);
-- For the people who read it, in the order of time.
DROP INDEX audit_events_at;
CREATE INDEX audit_events_at ON audit_events (at, place);
CREATE INDEX audit_events_actor ON audit_events (actor, at, place);
CREATE INDEX audit_events_subject ON audit_events (subject, at, place);
CREATE INDEX audit_events_action ON audit_events (action, at, place, result);
-- Of what did not succeed only: that of everything would be taken for one person's entries, too.
CREATE INDEX audit_events_result ON audit_events (result, at, place) WHERE result <> 'success';

-- Both ends of the chain, vouched for with the service's own key: whoever rewrites the chain
-- without that key is found out.
CREATE TABLE audit_chain (
    id          INTEGER PRIMARY KEY NOT NULL,
    base_place  BIGINT NOT NULL,
    base_digest TEXT NOT NULL,
    head_place  BIGINT NOT NULL,
    head_digest TEXT NOT NULL,
    voucher     TEXT NOT NULL
);

-- How many joined and left, by day in Seoul; kept by triggers, which each database writes in its
-- own way (`store::tallies`).
CREATE TABLE member_tallies (
    day       TEXT NOT NULL,
    provider  TEXT NOT NULL,
    shard     INTEGER NOT NULL,
    joined    BIGINT NOT NULL,
    withdrawn BIGINT NOT NULL,
    PRIMARY KEY (day, provider, shard)
);
