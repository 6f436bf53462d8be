ALTER TABLE sessions DROP COLUMN unasked;
DROP INDEX outbox_outcome;
ALTER TABLE outbox DROP COLUMN cause;
