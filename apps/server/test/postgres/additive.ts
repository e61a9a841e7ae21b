/**
 * What a migration may do so that the program before it works on: it only adds, and nothing that the program before would notice. Everything that is not known
 * to be harmless is not allowed; such a migration declares its break by `-- requires: <its own number>`.
 */
import { type Migration, statementsOf } from '../../src/store/postgres/migrate.ts';

const TABLE = 'posthorn\\.[a-z_]+';
const CREATE = new RegExp(
  `^CREATE (?:TABLE (?<table>${TABLE}) \\(|SEQUENCE ${TABLE}$|TYPE ${TABLE} AS ENUM |(?<unique>UNIQUE )?INDEX (?<concurrently>CONCURRENTLY )?(?<index>[a-z_]+) ON (?<on>${TABLE}) )`,
);
const ALTER = new RegExp(`^ALTER TABLE (?<on>${TABLE}) (?<actions>.+)$`);
const DROP_INDEX = /^DROP INDEX CONCURRENTLY IF EXISTS posthorn\.(?<index>[a-z_]+)$/;
const INSERT = new RegExp(`^INSERT INTO (?<on>${TABLE}) \\(`);
const ADD_COLUMN =
  /^ADD COLUMN (?<name>[a-z_]+) (?<type>[a-z]+(?: precision)?(?:\[\])?)(?<rest>(?: COLLATE "C")?(?: NOT NULL)?(?: DEFAULT [^ ]+)?)$/;

/** @param before everything that was there already: the text of the migrations before it @returns what is wrong; empty where it only adds */
export function breaks(sql: string, before: string): string[] {
  const statements = statementsOf(sql);
  const own = new Set(statements.flatMap((statement) => CREATE.exec(statement)?.groups?.['table'] ?? []));
  const changed = new Set(
    statements.flatMap((statement) => (ALTER.exec(statement) ?? CREATE.exec(statement))?.groups?.['on'] ?? []).filter((on) => !own.has(on)),
  );
  // A publish locks one, then another; a migration that has the second and waits for the first hardly ever gets both from servers at work.
  const several = changed.size > 1 ? [`a file each, since servers are at work in them: ${[...changed].join(', ')}`] : [];
  return [...several, ...statements.flatMap((statement, index) => judge(statement, { own, before, next: statements[index + 1] ?? '' }))];
}

interface Around {
  /** Tables that the migration itself makes. */
  readonly own: ReadonlySet<string>;
  readonly before: string;
  readonly next: string;
}

function judge(statement: string, { own, before, next }: Around): string[] {
  const refused = [statement.slice(0, 80)];
  const create = CREATE.exec(statement)?.groups;
  if (create !== undefined) {
    // A unique index refuses what the program before may write; a reference, what it may delete.
    const unique = create['unique'] !== undefined && !own.has(create['on'] ?? '');
    return unique || /REFERENCES (?!.*ON DELETE (CASCADE|SET NULL))/.test(statement) ? refused : [];
  }
  // What an earlier try of the same statement left behind.
  const dropped = DROP_INDEX.exec(statement)?.groups?.['index'];
  if (dropped !== undefined) return CREATE.exec(next)?.groups?.['index'] === dropped && !uses(before, dropped) ? [] : refused;
  const insert = INSERT.exec(statement)?.groups;
  if (insert !== undefined) return own.has(insert['on'] ?? '') ? [] : refused;
  const alter = ALTER.exec(statement)?.groups;
  if (alter === undefined) return refused;
  if (own.has(alter['on'] ?? '')) return [];
  return (alter['actions'] ?? '').split(/, (?=[A-Z])/).flatMap((action) => judgeColumn(action, before) ?? []);
}

function judgeColumn(action: string, before: string): string | null {
  const column = ADD_COLUMN.exec(action)?.groups;
  if (column === undefined) return action;
  const { name = '', rest = '' } = column;
  if (/ NOT NULL/.test(rest) && !/ DEFAULT /.test(rest)) return `${action}: NOT NULL without a default`;
  // Rewrites the table, and keeps everybody out for as long; a constant is only written down.
  if (/ DEFAULT .*[(]/.test(rest)) return `${action}: a default that is not a constant`;
  // Where a statement joins two tables and names a column of one without its table, the same name in the other makes it ambiguous.
  if (uses(before, name)) return `${action}: the name is in use`;
  return null;
}

function uses(sql: string, name: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(sql);
}

/** @param known the newest migration that the version before knows @returns what has to be mended, by file */
export function undeclared(migrations: readonly Migration[], known: number): string[] {
  let lowest = known;
  return migrations.flatMap((migration, index) => {
    const { number, requires, file, sql } = migration;
    if (number <= known) return [];
    const before = migrations.slice(0, index).map((each) => each.sql);
    const broken = requires === number ? [] : breaks(sql, before.join('\n')).map((what) => `${file}: ${what}`);
    const needless =
      requires !== number && requires > lowest ? [`${file}: requires ${requires}, though it only adds: ${lowest} would do`] : [];
    lowest = Math.max(lowest, requires);
    return [...broken, ...needless];
  });
}
