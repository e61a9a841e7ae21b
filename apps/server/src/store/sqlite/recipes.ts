/** Runs the recipes of shared/: each to its end in one go, so that nothing else can slip into its transaction. */
import type { LaneRecipes, LanesOf, SharedContext } from '../shared/context.ts';
import { type Answer, get, type Recipe, run } from '../shared/recipe.ts';
import type { SqliteContext } from './context.ts';
import { sqliteJobs } from './jobs.ts';
import { unfolded } from './stats.ts';

/** Runs a recipe now, within whatever transaction is open. */
export function runRecipe<T>({ db, now }: Pick<SqliteContext, 'db' | 'now'>, recipe: Recipe<T>): T {
  let step = recipe.next();
  while (step.done !== true) {
    let answer: Answer;
    try {
      const ask = step.value;
      if (ask.kind === 'now') answer = now();
      else answer = ask.kind === 'rows' ? db.all(ask.sql, ...ask.parameters) : db.run(ask.sql, ...ask.parameters);
    } catch (error) {
      step = recipe.throw(error);
      continue;
    }
    step = recipe.next(answer);
  }
  return step.value;
}

export function sharedContext(context: SqliteContext): SharedContext {
  return {
    async transaction(recipe) {
      return context.db.transaction(() => runRecipe(context, recipe()));
    },
    async step(recipe) {
      return context.db.relaxedTransaction(() => runRecipe(context, recipe()));
    },
    async snapshot(recipe) {
      return runRecipe(context, recipe());
    },
    async read(recipe) {
      return runRecipe(context, recipe());
    },
    randomBytes: context.randomBytes,
    cipher: context.cipher,
    actor: context.actor,
    hint: (...hints) => {
      for (const hint of hints) context.hint(hint);
    },
    lanes,
    jobs: sqliteJobs(context),
    counts: { unfolded },
    deletions: context.deletions,
  };
}

/** There is one writer: nothing has to be locked, and no publisher keeps what it read. */
const lanes: LaneRecipes = {
  add: ({ endpoint, group, enabled }) =>
    run('INSERT INTO lanes (pk, endpoint, cadence_group, enabled) VALUES (?, ?, ?, ?)', endpoint, endpoint, group, enabled ? 1 : 0),
  *lock() {},
  *close(of) {
    yield* run(`UPDATE lanes SET enabled = 0 WHERE endpoint IN (SELECT e.pk FROM endpoints e WHERE ${condition(of)} = ?)`, value(of));
  },
  *targetsChanged() {},
  *pending(endpoint) {
    const row = yield* get<{ n: number }>(`SELECT count(*) AS n FROM deliveries WHERE lane = ? AND status = 'pending'`, endpoint);
    return row?.n ?? 0;
  },
};

function condition(of: LanesOf): string {
  if ('endpoint' in of) return 'e.pk';
  return 'application' in of ? 'e.application' : 'e.environment';
}

function value(of: LanesOf): string | number {
  if ('endpoint' in of) return of.endpoint;
  return 'application' in of ? of.application : of.environment;
}
