-- What Kakao tells us of its own accord, until it is applied, and a while longer so that it is
-- applied once.
CREATE TABLE webhook_events (
    id          TEXT PRIMARY KEY NOT NULL,
    digest      TEXT NOT NULL,
    source      TEXT NOT NULL,
    event       TEXT NOT NULL,
    kakao_id    BIGINT,
    reason      TEXT,
    happened_at TIMESTAMP NOT NULL,
    received_at TIMESTAMP NOT NULL,
    tries       INTEGER NOT NULL,
    next_try_at TIMESTAMP NOT NULL,
    applied_at  TIMESTAMP,
    effect      TEXT
);
CREATE UNIQUE INDEX webhook_events_digest ON webhook_events (digest);
CREATE INDEX webhook_events_due ON webhook_events (applied_at, next_try_at);

-- Since when Kakao says that the person is not connected any more.
ALTER TABLE kakao_accounts ADD COLUMN unlinked_at TIMESTAMP;
