/**
 * Comparing one table: each row of the source beside what PostgreSQL gives back for its key, as it stands after the commit, and a checksum of either side. A row
 * that the source does not have shows in the count, and is looked for then.
 */
import { hash } from 'node:crypto';
import { COPY_ANEW, CopyError } from './error.ts';
import type { TablePlan } from './plan.ts';
import type { Comparison } from './progress.ts';
import { batches, type CopiedRow, findKeyOf, lineOf, nameOf } from './rows.ts';
import type { Source } from './source.ts';
import type { Target } from './target.ts';

/**
 * @param from where an earlier run has come to
 * @returns where it has come to with each batch, and in the end, with the count compared too, that it is done
 * @throws {CopyError} names the table and the first row that differs
 */
export async function* verifyTable(
  plan: TablePlan,
  { source, target }: { readonly source: Source; readonly target: Target },
  from: Comparison,
): AsyncGenerator<Comparison> {
  let { read, rows, key, checksum } = from;
  for (const batch of batches(plan, source.read(plan, key))) {
    const found = batch.rows.length === 0 ? [] : await target.find(plan, batch.rows);
    let theirs = checksum;
    for (const [index, row] of batch.rows.entries()) {
      const lines = compare(plan, row, found[index] ?? []);
      checksum = hash('sha256', checksum + lines.ours);
      theirs = hash('sha256', theirs + lines.theirs);
    }
    if (checksum !== theirs) throw new CopyError(`${plan.table}: the checksums differ`);
    rows += batch.rows.length;
    read += batch.read;
    key = batch.key;
    yield { read, rows, key, checksum, done: false };
  }
  const count = await target.count(plan);
  if (count !== rows) await nameExtra(plan, { source, target }, { count, rows });
  yield { read, rows, key, checksum, done: true };
}

function compare(plan: TablePlan, row: CopiedRow, found: readonly CopiedRow[]): { readonly ours: string; readonly theirs: string } {
  const differs = (how: string): CopyError =>
    new CopyError(`${plan.table}: the row with ${nameOf(plan, findKeyOf(plan, row))} ${how}. ${COPY_ANEW}`);
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
    if (!source.has(plan, key)) throw new CopyError(`${counted}: the row with ${nameOf(plan, key)} is not in the source. ${COPY_ANEW}`);
  }
  throw new CopyError(`${counted}. ${COPY_ANEW}`);
}
