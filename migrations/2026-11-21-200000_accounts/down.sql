DROP INDEX members_email_awaited;
DROP INDEX members_email_proved;
DROP TABLE throttles;
DROP TABLE mail_links;
DROP TABLE consents;
DROP TABLE passwords;
