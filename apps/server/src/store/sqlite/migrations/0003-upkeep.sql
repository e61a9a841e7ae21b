-- Jobs, statistics, and what the keeper needs to find.

ALTER TABLE deliveries ADD COLUMN revived_at INTEGER; -- of a late one: when it was sent again, or made
-- The newest job that there was when it failed or was canceled: only a later one sends it again. A number of a job, not an instant: clocks step.
ALTER TABLE deliveries ADD COLUMN ended_after_job INTEGER NOT NULL DEFAULT 0;
CREATE INDEX deliveries_revived ON deliveries (lane, revived_at) WHERE status = 'pending' AND late = 1;
CREATE INDEX deliveries_canceled ON deliveries (endpoint, published_at, seq) WHERE status = 'canceled';

CREATE TABLE jobs (
  pk INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL, -- recover, replay_missing
  environment TEXT NOT NULL,
  application INTEGER NOT NULL REFERENCES applications (pk),
  endpoint INTEGER NOT NULL REFERENCES endpoints (pk),
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  status TEXT, -- of the deliveries to recover
  state TEXT NOT NULL, -- queued, running, done, canceled
  done INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL DEFAULT 0,
  cursor_at INTEGER NOT NULL, -- the next step goes on after this publish
  cursor_seq INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;

CREATE INDEX jobs_unfinished ON jobs (endpoint) WHERE ended_at IS NULL;
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX jobs_of_environment ON jobs (environment, pk);
CREATE INDEX jobs_of_application ON jobs (application, environment, pk);
CREATE INDEX jobs_of_endpoint ON jobs (endpoint, pk);

-- What settles counted, one row for a whole batch: a single insert on the hot path. The keeper moves it into rollups.
CREATE TABLE rollup_deltas (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  counts TEXT NOT NULL -- JSON: [[lane, how many failed, [milliseconds of each attempt]], …]
) STRICT;

CREATE TABLE rollups (
  environment TEXT NOT NULL,
  scope INTEGER NOT NULL, -- 0 environment, 1 application, 2 endpoint
  owner INTEGER NOT NULL, -- its pk; 0 for the environment
  width INTEGER NOT NULL, -- milliseconds
  at INTEGER NOT NULL, -- the bucket's start
  accepted INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  latencies TEXT NOT NULL, -- JSON: counts by bucket
  PRIMARY KEY (environment, scope, owner, width, at)
) STRICT, WITHOUT ROWID;

CREATE INDEX rollups_age ON rollups (width, at);

-- failing, disabled or recovered: what people were last told of the endpoint, so that they are told once.
ALTER TABLE lanes ADD COLUMN told TEXT;

ALTER TABLE notices ADD COLUMN mail_at INTEGER; -- its mail is due then; null: none is
ALTER TABLE notices ADD COLUMN mail_to TEXT; -- JSON array: whom an earlier try did not reach
ALTER TABLE notices ADD COLUMN mail_tries INTEGER NOT NULL DEFAULT 0;
CREATE INDEX notices_mail ON notices (mail_at) WHERE mail_at IS NOT NULL;
CREATE INDEX notices_handled ON notices (handled_at) WHERE handled_at IS NOT NULL;
