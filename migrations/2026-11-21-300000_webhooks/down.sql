ALTER TABLE kakao_accounts DROP COLUMN unlinked_at;
DROP TABLE webhook_events;
