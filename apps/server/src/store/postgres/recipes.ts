/** Runs the recipes of shared/, awaiting each answer. */
import type { LaneRecipes, LanesOf, SharedContext } from '../shared/context.ts';
import { type Answer, all, get, type Recipe, run } from '../shared/recipe.ts';
import type { PostgresContext } from './context.ts';
import type { Transaction } from './database.ts';
import { postgresJobs } from './jobs.ts';
import { unfolded } from './stats.ts';

/**
 * Changes that people and their programs make are rare, and made one at a time over all processes. So a recipe may look first and write then, as
 * with SQLite: whether a name is taken, whether this is the last owner. Publishing and dispatching do not wait for it.
 */
const ONE_AT_A_TIME = 'SELECT pg_advisory_xact_lock(8101815670912281200)';

/** Runs a recipe within a transaction, or statement by statement. */
export async function runRecipe<T>({ clock }: Pick<PostgresContext, 'clock'>, tx: Transaction, recipe: Recipe<T>): Promise<T> {
  let step = recipe.next();
  while (step.done !== true) {
    let answer: Answer;
    try {
      const ask = step.value;
      if (ask.kind === 'now') answer = await clock.now();
      else {
        const sql = numbered(ask.sql);
        answer = ask.kind === 'rows' ? await tx.all(sql, ...ask.parameters) : await tx.run(sql, ...ask.parameters);
      }
    } catch (error) {
      step = recipe.throw(error);
      continue;
    }
    step = recipe.next(answer);
  }
  return step.value;
}

const translated = new Map<string, string>();

/** `?` as `$1`, `$2`, … No recipe has a question mark anywhere else. */
function numbered(sql: string): string {
  let text = translated.get(sql);
  if (text === undefined) {
    let count = 0;
    text = sql.replaceAll('?', () => {
      count += 1;
      return `$${count}`;
    });
    translated.set(sql, text);
  }
  return text;
}

export function sharedContext(context: PostgresContext): SharedContext {
  const { db } = context;
  return {
    transaction: (recipe) =>
      db.transaction(async (tx) => {
        await tx.run(ONE_AT_A_TIME);
        return runRecipe(context, tx, recipe());
      }),
    step: (recipe) => db.transaction((tx) => runRecipe(context, tx, recipe())),
    read: (recipe) => runRecipe(context, db, recipe()),
    snapshot: (recipe) =>
      db.transaction(async (tx) => {
        await tx.run('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
        return runRecipe(context, tx, recipe());
      }),
    randomBytes: context.randomBytes,
    cipher: context.cipher,
    actor: context.actor,
    hint: context.hint,
    lanes,
    jobs: postgresJobs(context),
    counts: { unfolded },
    deletions: context.deletions,
  };
}

const lanes: LaneRecipes = {
  add: ({ endpoint, application, group, enabled }) =>
    run(
      'INSERT INTO lanes (pk, endpoint, application, cadence_group, enabled) VALUES (?, ?, ?, ?, ?)',
      endpoint,
      endpoint,
      application,
      group,
      enabled ? 1 : 0,
    ),
  lock: (of) => all(`SELECT pk FROM lanes WHERE ${condition(of)} ORDER BY pk FOR NO KEY UPDATE`, value(of)),
  *close(of) {
    // Waits for whoever is publishing into them. What they wrote is seen afterwards, and whoever comes next sees this.
    yield* all(`SELECT pk FROM lanes WHERE ${condition(of)} ORDER BY pk FOR UPDATE`, value(of));
    yield* run(`UPDATE lanes SET enabled = 0, deleted = 1 WHERE ${condition(of)}`, value(of));
  },
  targetsChanged: (application) => run('UPDATE applications SET targets_epoch = targets_epoch + 1 WHERE pk = ?', application),
  *pending(endpoint) {
    const row = yield* get<{ n: number }>('SELECT count(*) AS n FROM pending WHERE lane = ?', endpoint);
    return row?.n ?? 0;
  },
};

function condition(of: LanesOf): string {
  if ('endpoint' in of) return 'endpoint = ?';
  return 'application' in of ? 'application = ?' : 'cadence_group LIKE ?';
}

function value(of: LanesOf): string | number {
  if ('endpoint' in of) return of.endpoint;
  return 'application' in of ? of.application : `${of.environment}:%`;
}
