DROP TABLE audit_events;
DROP TABLE outbox;
DROP TABLE attempts;
DROP TABLE sessions;
DROP TABLE kakao_accounts;
DROP TABLE members;
