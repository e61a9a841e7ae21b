-- The operator's brake: nothing new leaves for the endpoints of an environment, or of one application in it.
CREATE TABLE brakes (
  environment TEXT NOT NULL,
  application INTEGER NOT NULL, -- 0: the whole environment
  paused_at INTEGER NOT NULL,
  PRIMARY KEY (environment, application)
) STRICT, WITHOUT ROWID;
