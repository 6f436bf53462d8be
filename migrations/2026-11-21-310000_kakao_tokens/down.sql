ALTER TABLE sessions DROP COLUMN kakao_refresh_after;
ALTER TABLE sessions DROP COLUMN kakao_refreshing_until;
