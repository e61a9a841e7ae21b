-- requires: 1
--
-- The oldest among those re-sent or made by hand: their numbers do not follow their publish. Nothing that is published or first attempted touches it.
DROP INDEX CONCURRENTLY IF EXISTS posthorn.pending_late_age;
CREATE INDEX CONCURRENTLY pending_late_age ON posthorn.pending (lane, published_at) WHERE late;
