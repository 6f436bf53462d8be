DROP INDEX outbox_outcome;
ALTER TABLE outbox DROP COLUMN cause;
