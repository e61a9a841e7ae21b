/**
 * Moving an installation from SQLite to PostgreSQL.
 *
 *   begun ──every table, batch by batch──▶ copied ──read back and compared──▶ verified ──▶ finished
 *
 * How far it has come is written into the target in the transaction of the rows themselves, so whoever is killed at any instant is gone on with. Until it is
 * finished no server opens the target (postgres/index.ts).
 */
import { DatabaseError } from 'pg';
import type { Cipher } from '../cipher.ts';
import { StoreUnavailable } from '../store.ts';
import { COPY_ANEW, CopyError } from './error.ts';
import { planCopy, type TablePlan } from './plan.ts';
import { Progress } from './progress.ts';
import { batches } from './rows.ts';
import { rules } from './rules.ts';
import { Source, type SourcePlace } from './source.ts';
import { type CopyRow, Target } from './target.ts';
import { verifyTable } from './verify.ts';

/** Where a copy is. Of a table, rows read in the source; overall, each row twice: copied and compared. */
export interface CopyStep {
  readonly phase: 'copying' | 'verifying';
  readonly table: string;
  readonly tables: { readonly done: number; readonly total: number };
  readonly rows: { readonly done: number; readonly total: number };
  readonly overall: { readonly done: number; readonly total: number };
}

export interface CopyOptions {
  readonly from: SourcePlace;
  /** A postgres:// URL, as DATABASE_URL has it. */
  readonly to: string;
  /** Of the encryption key that is configured; null: none is. */
  readonly cipher: Cipher | null;
  readonly onStep?: (step: CopyStep) => void | Promise<void>;
  /** Instead of the database's clock, epoch milliseconds: for tests that move the time. */
  readonly now?: () => number;
}

export interface CopiedTable {
  readonly table: string;
  readonly rows: number;
  /** SHA-256 of its rows, the same on both sides; empty where there are none. */
  readonly checksum: string;
}

export interface CopyResult {
  /** `already`: an earlier run had finished it. */
  readonly kind: 'finished' | 'already';
  /** When, epoch milliseconds. */
  readonly at: number;
  readonly resumed: boolean;
  readonly tables: readonly CopiedTable[];
}

/**
 * Copies, compares, and opens the target to servers; or goes on with that.
 * @throws {CopyError} it must not be done, or what was compared differs
 * @throws {SealError} the encryption key is not that of the installation
 * @throws {StoreUnavailable} the target does not answer: the same call later goes on
 */
export async function copyInstallation({ from, to, cipher, onStep = () => {}, now }: CopyOptions): Promise<CopyResult> {
  const source = Source.open(from);
  try {
    if (cipher !== null) source.checkKey(cipher);
    const target = await Target.open(to, now);
    try {
      const { copy, resumed } = await claim(source, target, from);
      const progress = Progress.parse(copy.progress);
      if (copy.finished_at !== null) return { kind: 'already', at: copy.finished_at, resumed, tables: copiedTables(progress) };
      const plans = planCopy(rules(copy.started_at), { sqlite: source.schema(), postgres: await target.schema() });
      await target.makePartitions(source.weeks());
      const steps = new Steps(plans, source, onStep);
      const verified = await verify(plans, { source, target, steps }, await fill(plans, { source, target, steps }, progress));
      await target.setSequences((table, column) => source.highest(table, column));
      for (const plan of plans) await target.analyze(plan);
      const at = await target.now();
      await target.finish(verified, at);
      return { kind: 'finished', at, resumed, tables: copiedTables(verified) };
    } finally {
      await target.close();
    }
  } catch (error) {
    throw storeError(error);
  } finally {
    source.close();
  }
}

/** Makes sure that the target is there for this copy and no other, and begins it where nobody has. */
async function claim(source: Source, target: Target, { file }: SourcePlace): Promise<{ copy: CopyRow; resumed: boolean }> {
  const installation = source.identity();
  const state = source.state();
  const begun = await target.begun();
  if (begun === null) {
    const occupied = await target.occupied();
    if (occupied !== null)
      throw new CopyError(`--to: this database holds an installation already (there are rows in posthorn.${occupied}): give an empty one`);
    await target.prepare();
    const copy = { installation, state, source: file, progress: '{}', started_at: await target.now() };
    await target.begin(copy);
    return { copy: { ...copy, finished_at: null }, resumed: false };
  }
  if (begun.installation !== installation)
    throw new CopyError(`--to: this database holds the copy of another installation (${begun.source}). ${COPY_ANEW}`);
  if (begun.state !== state) {
    const since = begun.finished_at === null ? 'began' : 'was finished';
    throw new CopyError(
      `--from: a server has worked on ${file} since the copy of it ${since}: what it did is not in the copy. ${COPY_ANEW}`,
    );
  }
  if (begun.finished_at === null) await target.prepare();
  return { copy: begun, resumed: begun.finished_at === null };
}

interface Work {
  readonly source: Source;
  readonly target: Target;
  readonly steps: Steps;
}

async function fill(plans: readonly TablePlan[], { source, target, steps }: Work, from: Progress): Promise<Progress> {
  let progress = from;
  for (const plan of plans) {
    const { table } = plan;
    if (progress.of(table).copied.done) continue;
    for (const batch of batches(plan, source.read(plan, progress.of(table).copied.key))) {
      const { read, rows } = progress.of(table).copied;
      const copied = { read: read + batch.read, rows: rows + batch.rows.length, key: batch.key, done: false };
      progress = progress.with(table, { copied });
      await target.write(plan, batch.rows, progress);
      await steps.tell('copying', plan, copied.read);
    }
    progress = progress.with(table, { copied: { ...progress.of(table).copied, done: true } });
    await target.keep(progress);
  }
  return progress;
}

async function verify(plans: readonly TablePlan[], { source, target, steps }: Work, from: Progress): Promise<Progress> {
  let progress = from;
  for (const plan of plans) {
    const before = progress.of(plan.table).compared;
    if (before.done) continue;
    for await (const compared of verifyTable(plan, { source, target }, before)) {
      progress = progress.with(plan.table, { compared });
      await target.keep(progress);
      await steps.tell('verifying', plan, compared.read);
    }
  }
  return progress;
}

/** Tells how far it is. */
class Steps {
  readonly #plans: readonly TablePlan[];
  readonly #totals: ReadonlyMap<TablePlan, number>;
  readonly #onStep: NonNullable<CopyOptions['onStep']>;

  constructor(plans: readonly TablePlan[], source: Source, onStep: NonNullable<CopyOptions['onStep']>) {
    this.#plans = plans;
    this.#totals = new Map(plans.map((plan) => [plan, source.count(plan)]));
    this.#onStep = onStep;
  }

  async tell(phase: CopyStep['phase'], plan: TablePlan, done: number): Promise<void> {
    const place = this.#plans.indexOf(plan);
    const sum = (plans: readonly TablePlan[]): number => plans.reduce((rows, each) => rows + (this.#totals.get(each) ?? 0), 0);
    const all = sum(this.#plans);
    await this.#onStep({
      phase,
      table: plan.table,
      tables: { done: place, total: this.#plans.length },
      rows: { done, total: this.#totals.get(plan) ?? 0 },
      overall: { done: (phase === 'copying' ? 0 : all) + sum(this.#plans.slice(0, place)) + done, total: 2 * all },
    });
  }
}

function copiedTables(progress: Progress): CopiedTable[] {
  return progress.tables.map(
    ([
      table,
      {
        compared: { rows, checksum },
      },
    ]) => ({ table, rows, checksum }),
  );
}

/** What the database says of itself is no fault of the program. */
function storeError(error: unknown): unknown {
  if (error instanceof DatabaseError)
    return new StoreUnavailable(`PostgreSQL: ${error.message} (${error.code ?? 'no code'})`, { cause: error });
  if (error instanceof Error && /connection|terminated|timeout/i.test(error.message) && !(error instanceof CopyError))
    return new StoreUnavailable(`PostgreSQL: ${error.message}`, { cause: error });
  return error;
}
