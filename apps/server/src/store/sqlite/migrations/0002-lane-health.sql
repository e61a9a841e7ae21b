-- What a lane remembers of its endpoint's health, and what of it people are to be told.

ALTER TABLE lanes ADD COLUMN succeeded_at INTEGER; -- the last success
ALTER TABLE lanes ADD COLUMN failures INTEGER NOT NULL DEFAULT 0; -- in a row
ALTER TABLE lanes ADD COLUMN failed TEXT; -- JSON array: the first few different deliveries among them
ALTER TABLE lanes ADD COLUMN last_failure TEXT;
ALTER TABLE lanes ADD COLUMN retry_after INTEGER NOT NULL DEFAULT 0; -- the endpoint asked for a pause until then
ALTER TABLE lanes ADD COLUMN probe_at INTEGER; -- the breaker is open while not null: its next probe
ALTER TABLE lanes ADD COLUMN probes INTEGER NOT NULL DEFAULT 0; -- that failed
ALTER TABLE lanes ADD COLUMN warned_at INTEGER;
ALTER TABLE lanes ADD COLUMN health_epoch INTEGER NOT NULL DEFAULT 0; -- counts what starts the endpoint's health anew: whoever holds the lane must not write the old one back
ALTER TABLE lanes ADD COLUMN wish_at INTEGER; -- something was asked for by hand: it waits for no floor

-- 0 proven, 1 untried, 2 failing: each has its share of a dispatcher, so each is looked for by itself.
ALTER TABLE lanes ADD COLUMN standing INTEGER NOT NULL GENERATED ALWAYS AS
  (CASE WHEN failing_since IS NOT NULL THEN 2 WHEN succeeded_at IS NULL THEN 1 ELSE 0 END) VIRTUAL;
DROP INDEX lanes_first;
DROP INDEX lanes_due;
CREATE INDEX lanes_first ON lanes (cadence_group, standing, first_at) WHERE holder IS NULL AND enabled = 1 AND first_at IS NOT NULL;
CREATE INDEX lanes_due ON lanes (standing, due_at) WHERE holder IS NULL AND enabled = 1 AND due_at IS NOT NULL;
CREATE INDEX lanes_wish ON lanes (wish_at) WHERE holder IS NULL AND enabled = 1 AND wish_at IS NOT NULL;
CREATE INDEX lanes_breaker ON lanes (probe_at) WHERE probe_at IS NOT NULL;

-- By hand (1: beside the automatic attempts, 2: re-sent after its end) is rare: this index stays tiny, and lets a scan find them wherever they are.
DROP INDEX deliveries_by_hand;
CREATE INDEX deliveries_by_hand ON deliveries (lane, seq) WHERE status = 'pending' AND by_hand > 0;
-- What has an instant of its own and so does not wait for the gate that ends a scan. Nothing that succeeds at once touches it.
CREATE INDEX deliveries_due ON deliveries (lane, due_at, seq) WHERE status = 'pending' AND due_at IS NOT NULL;
CREATE INDEX deliveries_late_key ON deliveries (lane, ordering_key, seq) WHERE status = 'pending' AND late = 1;

-- An outbox: written by settle in its own transaction, published and mailed later.
CREATE TABLE notices (
  pk INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL, -- endpoint.failing, endpoint.disabled, endpoint.recovered, delivery.failed
  environment TEXT NOT NULL,
  application INTEGER NOT NULL,
  endpoint INTEGER NOT NULL,
  delivery INTEGER, -- seq
  at INTEGER NOT NULL,
  detail TEXT NOT NULL, -- JSON object
  handled_at INTEGER
) STRICT;

CREATE INDEX notices_waiting ON notices (pk) WHERE handled_at IS NULL;
