-- People, what they may do, and what they did.
--
-- people, sessions, credentials and verifications belong to better-auth, which reads and writes them over a connection of its own:
-- names and columns are ours, their meaning is its. Its instants are ISO 8601 text.

CREATE TABLE people (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  email TEXT NOT NULL UNIQUE, -- lower case
  email_verified INTEGER NOT NULL,
  image TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  token TEXT NOT NULL UNIQUE, -- worth nothing without the key that signs the cookie
  ip_address TEXT,
  user_agent TEXT,
  expires_at TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;

CREATE INDEX sessions_of_person ON sessions (person);

CREATE TABLE credentials (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  account_id TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  password TEXT, -- scrypt
  access_token TEXT,
  refresh_token TEXT,
  id_token TEXT,
  access_token_expires_at TEXT,
  refresh_token_expires_at TEXT,
  scope TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;

CREATE INDEX credentials_of_person ON credentials (person);

CREATE TABLE verifications (
  id TEXT PRIMARY KEY,
  identifier TEXT NOT NULL, -- hashed
  value TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;

CREATE INDEX verifications_identifier ON verifications (identifier);

-- Ours from here on. Tokens are random and stored as their SHA-256.

CREATE TABLE members (
  pk INTEGER PRIMARY KEY,
  application INTEGER NOT NULL REFERENCES applications (pk),
  person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  role TEXT NOT NULL, -- owner, developer, viewer
  created_at INTEGER NOT NULL,
  UNIQUE (application, person)
) STRICT;

CREATE INDEX members_of_person ON members (person);

CREATE TABLE operators (
  person TEXT PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Links that make their visitor the operator. They are worth something only while there is none.
CREATE TABLE operator_links (
  token_hash BLOB PRIMARY KEY,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE invitations (
  pk INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  application INTEGER NOT NULL REFERENCES applications (pk),
  email TEXT NOT NULL, -- lower case
  role TEXT NOT NULL,
  token_hash BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ended_at INTEGER -- accepted, withdrawn, or replaced by a newer one
) STRICT;

CREATE UNIQUE INDEX invitations_open ON invitations (application, email) WHERE ended_at IS NULL;

CREATE TABLE portal_links (
  token_hash BLOB PRIMARY KEY,
  application INTEGER NOT NULL REFERENCES applications (pk),
  environment TEXT, -- null: both
  role TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE portal_sessions (
  token_hash BLOB PRIMARY KEY,
  id TEXT NOT NULL,
  application INTEGER NOT NULL REFERENCES applications (pk),
  environment TEXT, -- null: both
  role TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Written in the transaction of the change that it tells of. Refers to nothing: it outlives whoever and whatever it names.
CREATE TABLE audit_log (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  application INTEGER, -- null: of the whole installation
  environment TEXT, -- null: of both
  actor_kind TEXT NOT NULL, -- person, key, system
  actor_id TEXT,
  actor_name TEXT NOT NULL,
  action TEXT NOT NULL,
  target_kind TEXT NOT NULL,
  target_id TEXT NOT NULL,
  changes TEXT NOT NULL -- JSON object: field -> {from, to}
) STRICT;

CREATE INDEX audit_log_of_application ON audit_log (application, seq);

-- Receivers built in, for the sandbox. The token is no secret to whoever sees the endpoint's URL, and has to be shown again.
CREATE TABLE inboxes (
  pk INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  application INTEGER NOT NULL REFERENCES applications (pk),
  token TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX inboxes_of_application ON inboxes (application, pk);

CREATE TABLE inbox_requests (
  pk INTEGER PRIMARY KEY AUTOINCREMENT,
  inbox INTEGER NOT NULL REFERENCES inboxes (pk) ON DELETE CASCADE,
  id TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  method TEXT NOT NULL,
  headers TEXT NOT NULL, -- JSON object
  body BLOB NOT NULL,
  body_truncated INTEGER NOT NULL,
  event_id TEXT,
  event_type TEXT,
  x_signature TEXT NOT NULL, -- the verdict
  standard TEXT NOT NULL
) STRICT;

CREATE INDEX inbox_requests_of_inbox ON inbox_requests (inbox, pk);
