-- SQLite has one writer, so one row a number is enough.
DELETE FROM member_tallies;
INSERT INTO member_tallies (day, provider, shard, joined, withdrawn)
SELECT day, provider, 0, SUM(joined), SUM(withdrawn) FROM (
    SELECT '' AS day, joined_with AS provider, 1 AS joined, withdrawn_at IS NOT NULL AS withdrawn
      FROM members
    UNION ALL
    SELECT date(created_at, '+9 hours'), joined_with, 1, 0 FROM members
    UNION ALL
    SELECT date(withdrawn_at, '+9 hours'), joined_with, 0, 1 FROM members
     WHERE withdrawn_at IS NOT NULL
) GROUP BY day, provider;

CREATE TRIGGER members_tallied_in AFTER INSERT ON members BEGIN
    INSERT INTO member_tallies (day, provider, shard, joined, withdrawn)
    VALUES ('', NEW.joined_with, 0, 1, 0), (date(NEW.created_at, '+9 hours'), NEW.joined_with, 0, 1, 0)
    ON CONFLICT (day, provider, shard) DO UPDATE SET joined = joined + 1;
END;
CREATE TRIGGER members_tallied_in_gone AFTER INSERT ON members
WHEN NEW.withdrawn_at IS NOT NULL BEGIN
    INSERT INTO member_tallies (day, provider, shard, joined, withdrawn)
    VALUES ('', NEW.joined_with, 0, 0, 1), (date(NEW.withdrawn_at, '+9 hours'), NEW.joined_with, 0, 0, 1)
    ON CONFLICT (day, provider, shard) DO UPDATE SET withdrawn = withdrawn + 1;
END;
CREATE TRIGGER members_tallied_left AFTER UPDATE OF withdrawn_at ON members
WHEN OLD.withdrawn_at IS NULL AND NEW.withdrawn_at IS NOT NULL BEGIN
    INSERT INTO member_tallies (day, provider, shard, joined, withdrawn)
    VALUES ('', NEW.joined_with, 0, 0, 1), (date(NEW.withdrawn_at, '+9 hours'), NEW.joined_with, 0, 0, 1)
    ON CONFLICT (day, provider, shard) DO UPDATE SET withdrawn = withdrawn + 1;
END;
CREATE TRIGGER members_tallied_back AFTER UPDATE OF withdrawn_at ON members
WHEN OLD.withdrawn_at IS NOT NULL AND NEW.withdrawn_at IS NULL BEGIN
    UPDATE member_tallies SET withdrawn = withdrawn - 1
     WHERE provider = OLD.joined_with AND day IN ('', date(OLD.withdrawn_at, '+9 hours'));
END;
CREATE TRIGGER members_tallied_out AFTER DELETE ON members BEGIN
    UPDATE member_tallies SET joined = joined - 1
     WHERE provider = OLD.joined_with AND day IN ('', date(OLD.created_at, '+9 hours'));
    UPDATE member_tallies SET withdrawn = withdrawn - 1
     WHERE OLD.withdrawn_at IS NOT NULL AND provider = OLD.joined_with
       AND day IN ('', date(OLD.withdrawn_at, '+9 hours'));
END;
