-- Who refreshes the Kakao tokens of a session: until when it is somebody's turn, and before when
-- nobody tries again.

ALTER TABLE sessions ADD COLUMN kakao_refreshing_until TIMESTAMP;
ALTER TABLE sessions ADD COLUMN kakao_refresh_after TIMESTAMP;
