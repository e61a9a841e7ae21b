/** What migrations may do: from the tagged version on they only add, or say that the version before does not work with the result. */
import { expect, test } from 'vitest';
import { MIGRATIONS, type Migration, readMigrations } from '../../src/store/postgres/migrate.ts';
import { breaks, undeclared } from './additive.ts';
import { sampleMigrations } from './sample-migrations.ts';
import tagged from './tagged-version.json' with { type: 'json' };

const migrations = readMigrations(MIGRATIONS);
const before = migrations.map(({ sql }) => sql).join('\n');
const numbered = (number: number, requires: number, sql: string): Migration => ({ number, requires, file: `${number}.sql`, sql });

test(`each migration after ${tagged.tag} only adds, or declares its break`, () => {
  expect(migrations.map(({ number }) => number)).toEqual(migrations.map((_, index) => index + 1));
  expect(tagged.schema).toBeLessThanOrEqual(migrations.length);
  expect(undeclared(migrations, tagged.schema)).toEqual([]);
});

test.each([
  'ALTER TABLE posthorn.pending ADD COLUMN weight integer NOT NULL DEFAULT 1, ADD COLUMN remark text COLLATE "C"',
  'ALTER TABLE posthorn.events ADD COLUMN weights bigint[], ADD COLUMN pull double precision DEFAULT 0.5; CREATE INDEX events_pull ON posthorn.events (pull)',
  'CREATE TABLE posthorn.weights (pk bigint PRIMARY KEY, remark text NOT NULL); CREATE UNIQUE INDEX weights_remark ON posthorn.weights (remark)',
  'CREATE TABLE posthorn.weights (pk bigint PRIMARY KEY); INSERT INTO posthorn.weights (pk) VALUES (1); ALTER TABLE posthorn.weights ALTER pk SET DEFAULT 1',
  'CREATE INDEX pending_weight ON posthorn.pending (lane) WHERE failures > 1',
  'DROP INDEX CONCURRENTLY IF EXISTS posthorn.pending_weight; CREATE INDEX CONCURRENTLY pending_weight ON posthorn.pending (lane) WHERE failures > 1',
  "CREATE SEQUENCE posthorn.weight_seq; CREATE TYPE posthorn.weight AS ENUM ('light', 'heavy')",
])('adds: %s', (sql) => {
  expect(breaks(sql, before)).toEqual([]);
});

test.each([
  'DROP TABLE posthorn.outbox_refused',
  'DROP INDEX posthorn.pending_due',
  'DROP INDEX CONCURRENTLY IF EXISTS posthorn.pending_due; CREATE INDEX CONCURRENTLY pending_due ON posthorn.pending (lane) WHERE failures > 1',
  'ALTER TABLE posthorn.pending DROP COLUMN failures',
  'ALTER TABLE posthorn.pending RENAME COLUMN failures TO tries',
  'ALTER TABLE posthorn.pending RENAME TO waiting',
  'ALTER TABLE posthorn.pending ALTER COLUMN failures TYPE bigint',
  'ALTER TABLE posthorn.pending ALTER COLUMN due_at SET NOT NULL',
  'ALTER TABLE posthorn.pending ALTER COLUMN failures DROP DEFAULT',
  'ALTER TABLE posthorn.pending ADD COLUMN weight integer NOT NULL',
  'ALTER TABLE posthorn.pending ADD COLUMN weight integer, ADD COLUMN pull integer NOT NULL',
  'ALTER TABLE posthorn.pending ADD COLUMN weight integer UNIQUE',
  'ALTER TABLE posthorn.pending ADD COLUMN weight integer REFERENCES posthorn.applications (pk)',
  'ALTER TABLE posthorn.pending ADD COLUMN weight double precision DEFAULT random()',
  'ALTER TABLE posthorn.pending ADD COLUMN url text',
  'ALTER TABLE posthorn.pending ADD COLUMN weight integer; ALTER TABLE posthorn.lanes ADD COLUMN pull integer',
  'ALTER TABLE posthorn.pending ADD COLUMN weight integer; CREATE INDEX lanes_application ON posthorn.lanes (application)',
  'ALTER TABLE posthorn.pending ADD CONSTRAINT few CHECK (failures < 9)',
  'CREATE UNIQUE INDEX pending_id ON posthorn.pending (id)',
  'CREATE TABLE posthorn.weights (person text REFERENCES posthorn.people (id))',
  'UPDATE posthorn.pending SET failures = 0',
  "INSERT INTO posthorn.environments (name, cadence) VALUES ('staging', 'immediate')",
  "ALTER TYPE posthorn.environment ADD VALUE 'staging'",
  'CREATE TRIGGER t BEFORE INSERT ON posthorn.pending EXECUTE FUNCTION f()',
  'TRUNCATE posthorn.rollups',
  '-- harmless, it says; \nDELETE FROM posthorn.rollups',
])('does not only add: %s', (sql) => {
  expect(breaks(sql, before).length).toBeGreaterThan(0);
});

test('a break has to be declared, and only a break may be', () => {
  const drop = 'ALTER TABLE posthorn.pending DROP COLUMN failures';
  const add = 'ALTER TABLE posthorn.pending ADD COLUMN weight integer';
  const next = migrations.length + 1;
  const after = (...more: Migration[]): string[] => undeclared([...migrations, ...more], tagged.schema);
  expect(after(numbered(next, tagged.schema, add))).toEqual([]);
  expect(after(numbered(next, next, drop))).toEqual([]);
  expect(after(numbered(next, next, drop), numbered(next + 1, next, add))).toEqual([]);
  expect(after(numbered(next, tagged.schema, drop))).toEqual([`${next}.sql: DROP COLUMN failures`]);
  const late = numbered(next + 1, next, add);
  expect(after(numbered(next, tagged.schema, 'CREATE SEQUENCE posthorn.weight_seq'), late)).toEqual([
    `${next + 1}.sql: requires ${next}, though it only adds: ${tagged.schema} would do`,
  ]);
  // Names of one migration are in use for the next.
  expect(after(numbered(next, tagged.schema, add), numbered(next + 1, tagged.schema, add)).length).toBe(1);
});

test('the sample migrations of the upgrade tests only add', () => {
  expect(undeclared([...migrations, ...sampleMigrations(migrations)], tagged.schema)).toEqual([]);
});
