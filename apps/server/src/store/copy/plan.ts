/** The rules and both schemas, put together: for each table the statements that read, write and find its rows. */
import { FORMS, type Form } from './forms.ts';
import { LEFT_OUT, type Rule } from './rules.ts';

/** Names of tables, and of the columns of each. */
export type SqliteSchema = ReadonlyMap<string, readonly string[]>;

interface PostgresColumn {
  readonly name: string;
  /** As the catalogue calls it. */
  readonly type: string;
}

export type PostgresSchema = ReadonlyMap<string, { readonly columns: readonly PostgresColumn[]; readonly primaryKey: readonly string[] }>;

export interface Column {
  readonly name: string;
  readonly form: Form;
}

export interface TablePlan {
  /** In PostgreSQL; it is what people are told. */
  readonly table: string;
  readonly columns: readonly Column[];
  /** Places of the columns that name a row: the order in which it is read, and how far that has come. */
  readonly key: readonly number[];
  /** Places of the columns by which PostgreSQL finds it. */
  readonly find: readonly number[];
  readonly keep: NonNullable<Rule['keep']>;
  /** SQLite: how many rows will be read. */
  readonly count: string;
  /** SQLite: all rows, or those after a key, in the order of the key. */
  readonly readAll: string;
  readonly readAfter: string;
  /** SQLite: the row that PostgreSQL would find by these. */
  readonly look: string;
}

const quoted = (name: string): string => `"${name}"`;

/** @throws {TypeError} a table or a column of either schema is neither copied nor left out by name: a fault of the program */
export function planCopy(
  rules: readonly Rule[],
  { sqlite, postgres }: { readonly sqlite: SqliteSchema; readonly postgres: PostgresSchema },
): TablePlan[] {
  const gaps = [
    ...forgotten([...sqlite.keys()], [...rules.map(sourceOf), ...LEFT_OUT.sqlite]).map((name) => `${name} of SQLite`),
    ...forgotten([...postgres.keys()], [...rules.map(({ to }) => to), ...LEFT_OUT.postgres]).map((name) => `${name} of PostgreSQL`),
    ...rules.flatMap((rule) => columnGaps(rule, { sqlite, postgres })),
  ];
  if (gaps.length > 0) throw new TypeError(`copy has no rule for ${gaps.join(', ')}`);
  return rules.map((rule) => planTable(rule, postgres));
}

function sourceOf({ from, to }: Rule): string {
  return from?.table ?? to;
}

function forgotten(all: readonly string[], known: readonly string[]): string[] {
  return all.filter((name) => !known.includes(name));
}

function columnGaps(rule: Rule, { sqlite, postgres }: { readonly sqlite: SqliteSchema; readonly postgres: PostgresSchema }): string[] {
  const source = sqlite.get(sourceOf(rule)) ?? [];
  const target = (postgres.get(rule.to)?.columns ?? []).map(({ name }) => name);
  const { made = {}, unset = [], used = [] } = rule;
  const missing = forgotten(target, [...source, ...Object.keys(made), ...unset]).map((name) => `${rule.to}.${name} of PostgreSQL`);
  // A second rule reads a table of which another one has to take everything.
  const dropped = rule.from?.table === undefined || rule.from.table === rule.to ? forgotten(source, [...target, ...used]) : [];
  return [...missing, ...dropped.map((name) => `${sourceOf(rule)}.${name} of SQLite`)];
}

function planTable(rule: Rule, postgres: PostgresSchema): TablePlan {
  const schema = postgres.get(rule.to);
  if (schema === undefined) throw new TypeError(`there is no table ${rule.to} in PostgreSQL`);
  const columns = schema.columns
    .filter(({ name }) => rule.unset?.includes(name) !== true)
    .map(({ name, type }): Column => {
      const form = FORMS[type];
      if (form === undefined) throw new TypeError(`copy does not know the type ${type} of ${rule.to}.${name}`);
      return { name, form };
    });
  const places = (names: readonly string[]): number[] => names.map((name) => columns.findIndex((column) => column.name === name));
  const { table = rule.to, index, join = '', where } = rule.from ?? {};
  const source = (name: string): string => rule.made?.[name] ?? `s.${quoted(name)}`;
  const from = `FROM ${quoted(table)} s ${index === undefined ? '' : `INDEXED BY ${index}`}`;
  const select = `SELECT ${columns.map(({ name }) => `${source(name)} AS ${quoted(name)}`).join(', ')} ${from} ${join}`;
  const order = rule.key.map(source).join(', ');
  const conditions = (...more: readonly string[]): string => {
    const all = [...(where === undefined ? [] : [where]), ...more];
    return all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`;
  };
  const find = rule.find ?? schema.primaryKey;
  return {
    table: rule.to,
    columns,
    key: places(rule.key),
    find: places(find),
    keep: rule.keep ?? (() => true),
    count: `SELECT count(*) AS count ${from} ${conditions()}`,
    readAll: `${select} ${conditions()} ORDER BY ${order}`,
    readAfter: `${select} ${conditions(`(${order}) > (${rule.key.map(() => '?').join(', ')})`)} ORDER BY ${order}`,
    look: `${select} ${conditions(...find.map((name) => `${source(name)} = ?`))}`,
  };
}
