/**
 * Comparing one table: each row of the source beside what PostgreSQL gives back for its key, as it stands after the commit, and a checksum of either side. A row
 * that the source does not have shows in the count, and is looked for then.
 */
import { createHash } from 'node:crypto';
import { CopyError } from './error.ts';
import type { TablePlan } from './plan.ts';
import { batches, type CopiedRow, findKeyOf, lineOf, nameOf } from './rows.ts';
import type { Source } from './source.ts';
import type { Target } from './target.ts';

export interface Verified {
  readonly rows: number;
  readonly checksum: string;
}

/**
 * @param onRead is told how many rows of the source were read so far
 * @throws {CopyError} names the table and the first row that differs
 */
export async function verifyTable(
  plan: TablePlan,
  { source, target }: { readonly source: Source; readonly target: Target },
  onRead: (read: number) => Promise<void>,
): Promise<Verified> {
  const ours = createHash('sha256');
  const theirs = createHash('sha256');
  let rows = 0;
  let read = 0;
  for (const batch of batches(plan, source.read(plan, null))) {
    const found = batch.rows.length === 0 ? [] : await target.find(plan, batch.rows);
    for (const [index, row] of batch.rows.entries()) {
      const stored = compare(plan, row, found[index] ?? []);
      ours.update(stored.ours);
      theirs.update(stored.theirs);
    }
    rows += batch.rows.length;
    read += batch.read;
    await onRead(read);
  }
  const count = await target.count(plan);
  if (count !== rows) await nameExtra(plan, { source, target }, { count, rows });
  const checksum = ours.digest('hex');
  if (checksum !== theirs.digest('hex')) throw new CopyError(`${plan.table}: the checksums differ`);
  return { rows, checksum };
}

function compare(plan: TablePlan, row: CopiedRow, found: readonly CopiedRow[]): { readonly ours: string; readonly theirs: string } {
  const differs = (how: string): CopyError => new CopyError(`${plan.table}: the row with ${nameOf(plan, findKeyOf(plan, row))} ${how}`);
  const [stored, second] = found;
  if (stored === undefined) throw differs('is missing in PostgreSQL');
  if (second !== undefined) throw differs('is there more than once in PostgreSQL');
  const ours = lineOf(row);
  const theirs = lineOf(stored);
  if (ours === theirs) return { ours, theirs };
  const column = plan.columns.find((_, place) => lineOf([row[place] ?? null]) !== lineOf([stored[place] ?? null]));
  throw differs(`has another ${column?.name} in PostgreSQL`);
}

async function nameExtra(
  plan: TablePlan,
  { source, target }: { readonly source: Source; readonly target: Target },
  { count, rows }: { readonly count: number; readonly rows: number },
): Promise<never> {
  const counted = `${plan.table}: PostgreSQL has ${count} rows, the source ${rows}`;
  for await (const key of target.keys(plan)) {
    if (!source.has(plan, key)) throw new CopyError(`${counted}: the row with ${nameOf(plan, key)} is not in the source`);
  }
  throw new CopyError(counted);
}
