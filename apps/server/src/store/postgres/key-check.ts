/**
 * A wrong encryption key shows at the start, and not with the first delivery that some other process takes in time and this one holds up. SQLite needs no such
 * thing: its key stands beside it.
 */
import { SealError } from '../cipher.ts';
import { type EndpointRow, secretState } from '../shared/endpoints.ts';
import type { PostgresContext } from './context.ts';

const PLAIN = 'posthorn';
const PLACE = 'installation:key-check';

/** @throws {SealError} another key is this installation's */
export async function checkKey(context: PostgresContext): Promise<void> {
  const { db, cipher } = context;
  // Made by a version that had no check yet, or copied: then whatever is sealed says whose key it is.
  const endpoint = await db.get<Pick<EndpointRow, 'id' | 'secrets'>>(
    'SELECT id, secrets FROM posthorn.endpoints WHERE deleted_at IS NULL LIMIT 1',
  );
  if (endpoint !== undefined) secretState(context, endpoint);
  const read = () => db.get<{ sealed: Uint8Array }>('SELECT sealed FROM posthorn.key_check');
  let row = await read();
  if (row === undefined) {
    // Of several that start at once, one is the first.
    await db.run('INSERT INTO posthorn.key_check (sealed) VALUES ($1) ON CONFLICT DO NOTHING', cipher.seal(PLAIN, PLACE));
    row = await read();
  }
  try {
    if (row !== undefined) cipher.open(row.sealed, PLACE);
  } catch {
    throw new SealError(
      'POSTHORN_ENCRYPTION_KEY is not the key with which this installation was first started: all its processes have the same',
    );
  }
}
