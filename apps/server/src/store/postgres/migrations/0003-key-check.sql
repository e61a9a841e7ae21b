-- requires: 1
--
-- A value sealed with the installation's encryption key, written by the first process that opens it: so that one with another key is refused also while there is
-- no endpoint yet whose secret it could be tried on.
CREATE TABLE posthorn.key_check (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  sealed bytea NOT NULL
);
