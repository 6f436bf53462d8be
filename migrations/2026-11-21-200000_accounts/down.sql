DROP INDEX members_email_awaited;
DROP INDEX members_email_proved;
ALTER TABLE sessions DROP COLUMN brief;
DROP TABLE throttles;
DROP TABLE mail_links;
DROP TABLE consents;
DROP TABLE passwords;
