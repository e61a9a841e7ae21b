-- Instants are epoch milliseconds. `pk` columns are internal: hot tables refer to them because an integer of a few bytes
-- keeps their indexes small; the outside only ever sees `id`.

CREATE TABLE applications (
  pk INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  uid TEXT UNIQUE,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT;

CREATE TABLE environments (
  name TEXT PRIMARY KEY,
  cadence TEXT NOT NULL,
  opened_at INTEGER NOT NULL DEFAULT 0,
  last_dispatch_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE endpoints (
  pk INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  application INTEGER NOT NULL REFERENCES applications (pk),
  environment TEXT NOT NULL,
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  event_types TEXT NOT NULL, -- JSON array
  headers BLOB NOT NULL, -- JSON object, sealed: owners put credentials there
  cadence TEXT, -- null: the environment's
  ordering TEXT NOT NULL,
  rate_limit REAL,
  max_in_flight INTEGER NOT NULL,
  retry_schedule TEXT, -- JSON array of seconds; null: the default
  status TEXT NOT NULL, -- enabled, paused, disabled
  disabled_reason TEXT,
  secrets BLOB NOT NULL, -- JSON, sealed
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT;

CREATE INDEX endpoints_of_application ON endpoints (application, environment, pk) WHERE deleted_at IS NULL;
CREATE INDEX endpoints_of_environment ON endpoints (environment, pk) WHERE deleted_at IS NULL;

-- An endpoint's pending deliveries as a queue. `pk` equals the endpoint's while there is one shard.
CREATE TABLE lanes (
  pk INTEGER PRIMARY KEY,
  endpoint INTEGER NOT NULL REFERENCES endpoints (pk),
  shard INTEGER NOT NULL DEFAULT 0,
  cadence_group TEXT NOT NULL, -- environment:cadence; nothing after the colon: the environment's own
  enabled INTEGER NOT NULL, -- 1 while the endpoint is enabled
  first_at INTEGER, -- publish of the earliest first attempt that may wait for its gate
  due_at INTEGER, -- earliest instant of anything that is not gated
  not_before INTEGER NOT NULL DEFAULT 0, -- floor under both
  opened_at INTEGER NOT NULL DEFAULT 0, -- dispatch now, up to here
  holder TEXT,
  lease_until INTEGER,
  fence INTEGER NOT NULL DEFAULT 0,
  failing_since INTEGER,
  rate_at REAL NOT NULL DEFAULT 0,
  UNIQUE (endpoint, shard)
) STRICT;

CREATE INDEX lanes_first ON lanes (cadence_group, first_at) WHERE holder IS NULL AND enabled = 1 AND first_at IS NOT NULL;
CREATE INDEX lanes_due ON lanes (due_at) WHERE holder IS NULL AND enabled = 1 AND due_at IS NOT NULL;
CREATE INDEX lanes_held ON lanes (lease_until) WHERE holder IS NOT NULL;
-- Held lanes into which something came meanwhile: few, and gone with the holder's next look.
CREATE INDEX lanes_stirred ON lanes (holder) WHERE holder IS NOT NULL AND (first_at IS NOT NULL OR due_at IS NOT NULL);
CREATE INDEX lanes_floor ON lanes (not_before) WHERE holder IS NULL AND enabled = 1 AND not_before > 0;
CREATE INDEX lanes_group ON lanes (cadence_group);

CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  application INTEGER NOT NULL REFERENCES applications (pk),
  environment TEXT NOT NULL,
  type TEXT NOT NULL,
  ordering_key TEXT,
  published_at INTEGER NOT NULL,
  deliveries INTEGER NOT NULL,
  dispatch_at INTEGER,
  data_start INTEGER NOT NULL, -- where `data` begins in body, to compare a repeated publish with the first
  body BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX events_id ON events (id, application, environment);
CREATE INDEX events_of_application ON events (application, environment, published_at, seq);
CREATE INDEX events_of_environment ON events (environment, published_at, seq);
CREATE INDEX events_of_key ON events (environment, ordering_key, published_at, seq) WHERE ordering_key IS NOT NULL;

-- The three growing tables refer to each other without REFERENCES: checking those cost 2 µs a delivery (of 15 to settle), and only publish writes them.
CREATE TABLE deliveries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- publish order
  id TEXT NOT NULL UNIQUE,
  event INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  endpoint INTEGER NOT NULL,
  application INTEGER NOT NULL,
  environment TEXT NOT NULL,
  ordering_key TEXT,
  status TEXT NOT NULL, -- pending, succeeded, failed, canceled
  reason TEXT,
  published_at INTEGER NOT NULL,
  attempt_count INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0, -- automatic attempts that failed
  due_at INTEGER, -- null: the first attempt, gated
  by_hand INTEGER NOT NULL DEFAULT 0,
  late INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX deliveries_pending ON deliveries (lane, seq) WHERE status = 'pending';
CREATE INDEX deliveries_pending_key ON deliveries (lane, ordering_key, seq) WHERE status = 'pending' AND ordering_key IS NOT NULL AND late = 0;
-- By hand is rare: this index stays tiny, and lets a scan find them beyond its gate.
CREATE INDEX deliveries_by_hand ON deliveries (lane, seq) WHERE status = 'pending' AND by_hand + late > 0;
CREATE INDEX deliveries_failed ON deliveries (endpoint, published_at, seq) WHERE status = 'failed';
-- Lists of what failed or was canceled, without walking past all that succeeded. Nothing that is published or accepted touches them.
CREATE INDEX deliveries_failed_of_environment ON deliveries (environment, published_at, seq) WHERE status = 'failed';
CREATE INDEX deliveries_canceled_of_environment ON deliveries (environment, published_at, seq) WHERE status = 'canceled';
CREATE INDEX deliveries_failed_of_application ON deliveries (application, environment, published_at, seq) WHERE status = 'failed';
CREATE INDEX deliveries_canceled_of_application ON deliveries (application, environment, published_at, seq) WHERE status = 'canceled';
CREATE INDEX deliveries_of_event ON deliveries (event);
CREATE INDEX deliveries_of_endpoint ON deliveries (endpoint, published_at, seq);
CREATE INDEX deliveries_of_application ON deliveries (application, environment, published_at, seq);
CREATE INDEX deliveries_of_environment ON deliveries (environment, published_at, seq);

-- One tree, in the order in which attempts are read: no second index to keep.
CREATE TABLE attempts (
  delivery INTEGER NOT NULL,
  id TEXT NOT NULL,
  number INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  error TEXT,
  detail TEXT,
  response_status INTEGER,
  response_headers TEXT, -- JSON object
  response_body BLOB,
  response_truncated INTEGER NOT NULL,
  timings TEXT NOT NULL, -- JSON array: dns, connect, tls, first byte, body
  stale INTEGER NOT NULL,
  PRIMARY KEY (delivery, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  events TEXT NOT NULL, -- JSON array of event seqs, in the order of the request
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

CREATE TABLE event_types (
  name TEXT PRIMARY KEY,
  description TEXT NOT NULL,
  schema TEXT,
  example TEXT,
  strict INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
  pk INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  environment TEXT NOT NULL,
  application INTEGER REFERENCES applications (pk),
  name TEXT NOT NULL,
  token_hash BLOB NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER,
  revoked_at INTEGER
) STRICT;

CREATE INDEX keys_of_environment ON keys (environment, pk) WHERE revoked_at IS NULL;
