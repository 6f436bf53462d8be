-- Why a call was put off the last time; nothing while somebody is at it.
ALTER TABLE outbox ADD COLUMN cause TEXT;
-- What was given up is looked for among what was done.
CREATE INDEX outbox_outcome ON outbox (outcome, id);
-- Nobody was asked anything: a login without a click proves nothing.
ALTER TABLE sessions ADD COLUMN unasked BOOLEAN NOT NULL DEFAULT FALSE;
