/**
 * What both engines do alike is written once, as recipes: generator functions that ask for one statement after another and go on with the answers.
 * SQLite runs a recipe to its end in one go, without letting go of the thread, so that nothing can slip into its transaction; PostgreSQL awaits each
 * answer (docs/decisions/0004-shared-recipes.md).
 *
 * The SQL is what both understand: `?` for parameters, 0 and 1 for truth, no functions but standard ones.
 */

export type SqlValue = string | number | null | Uint8Array;

export type Ask =
  | { readonly kind: 'rows' | 'changes'; readonly sql: string; readonly parameters: readonly SqlValue[] }
  /** The store's clock. */
  | { readonly kind: 'now' };

/** Rows, a number of changed rows, or an instant: whatever was asked for. */
export type Answer = readonly object[] | number;

export type Recipe<T> = Generator<Ask, T, Answer>;

export function* all<T extends object>(sql: string, ...parameters: readonly SqlValue[]): Recipe<T[]> {
  return (yield { kind: 'rows', sql, parameters }) as T[];
}

export function* get<T extends object>(sql: string, ...parameters: readonly SqlValue[]): Recipe<T | undefined> {
  return (yield* all<T>(sql, ...parameters))[0];
}

/** @returns how many rows changed */
export function* run(sql: string, ...parameters: readonly SqlValue[]): Recipe<number> {
  return (yield { kind: 'changes', sql, parameters }) as number;
}

/** The store's clock, epoch milliseconds. */
export function* now(): Recipe<number> {
  return (yield { kind: 'now' }) as number;
}

/** Whether there is a row. */
export function* exists(sql: string, ...parameters: readonly SqlValue[]): Recipe<boolean> {
  return (yield* get(sql, ...parameters)) !== undefined;
}
