-- Many join at once: each connection adds to a row of its own, one of sixteen.
CREATE OR REPLACE FUNCTION seoul_day(at TIMESTAMP) RETURNS TEXT LANGUAGE SQL IMMUTABLE
    AS $$ SELECT to_char(at + INTERVAL '9 hours', 'YYYY-MM-DD') $$;

DELETE FROM member_tallies;
INSERT INTO member_tallies (day, provider, shard, joined, withdrawn)
SELECT day, provider, 0, SUM(joined), SUM(withdrawn) FROM (
    SELECT '' AS day, joined_with AS provider, 1 AS joined,
           CASE WHEN withdrawn_at IS NULL THEN 0 ELSE 1 END AS withdrawn FROM members
    UNION ALL
    SELECT seoul_day(created_at), joined_with, 1, 0 FROM members
    UNION ALL
    SELECT seoul_day(withdrawn_at), joined_with, 0, 1 FROM members WHERE withdrawn_at IS NOT NULL
) AS counted GROUP BY day, provider;

-- Once a statement, not a row: a million rows in one transaction would be as many versions of one
-- tally, each of which looks through those before it.
CREATE OR REPLACE FUNCTION members_tallied_in() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO member_tallies AS tally (day, provider, shard, joined, withdrawn)
    SELECT day, provider, pg_backend_pid() % 16, SUM(joined), SUM(withdrawn) FROM (
        SELECT '' AS day, joined_with AS provider, 1 AS joined,
               CASE WHEN withdrawn_at IS NULL THEN 0 ELSE 1 END AS withdrawn FROM fresh
        UNION ALL
        SELECT seoul_day(created_at), joined_with, 1, 0 FROM fresh
        UNION ALL
        SELECT seoul_day(withdrawn_at), joined_with, 0, 1 FROM fresh WHERE withdrawn_at IS NOT NULL
    ) AS counted GROUP BY day, provider ORDER BY day, provider
    ON CONFLICT (day, provider, shard) DO UPDATE
        SET joined = tally.joined + EXCLUDED.joined, withdrawn = tally.withdrawn + EXCLUDED.withdrawn;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION members_tallied_out() RETURNS TRIGGER LANGUAGE plpgsql AS $$ DECLARE
    gone BIGINT := CASE WHEN OLD.withdrawn_at IS NULL THEN 0 ELSE -1 END;
    joins BIGINT := -1;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        joins := 0;
        IF NEW.withdrawn_at IS NOT NULL THEN gone := 1; END IF;
    END IF;
    INSERT INTO member_tallies AS tally (day, provider, shard, joined, withdrawn)
    SELECT day, OLD.joined_with, pg_backend_pid() % 16, SUM(joined), SUM(withdrawn) FROM (
        SELECT '' AS day, joins AS joined, gone AS withdrawn
        UNION ALL
        SELECT seoul_day(OLD.created_at), joins, 0
        UNION ALL
        SELECT seoul_day(CASE WHEN gone > 0 THEN NEW.withdrawn_at ELSE OLD.withdrawn_at END), 0, gone
         WHERE gone <> 0
    ) AS counted GROUP BY day ORDER BY day
    ON CONFLICT (day, provider, shard) DO UPDATE
        SET joined = tally.joined + EXCLUDED.joined, withdrawn = tally.withdrawn + EXCLUDED.withdrawn;
    RETURN NULL;
END $$;

CREATE TRIGGER members_tallied_in AFTER INSERT ON members
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION members_tallied_in();
CREATE TRIGGER members_tallied_left AFTER UPDATE OF withdrawn_at ON members FOR EACH ROW
    WHEN ((OLD.withdrawn_at IS NULL) <> (NEW.withdrawn_at IS NULL))
    EXECUTE FUNCTION members_tallied_out();
CREATE TRIGGER members_tallied_out AFTER DELETE ON members FOR EACH ROW
    EXECUTE FUNCTION members_tallied_out();
