/** TLS to a real server, by what DATABASE_URL says of it. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCipher } from '../../src/store/cipher.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { PostgresServer } from './server.ts';

const file = (name: string): string => join(import.meta.dirname, '../sender/certificates', name);

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start({ shared_buffers: '32MB' });
}, 60_000);
afterAll(() => server.remove());

const cipher = createCipher(randomBytes(32));

/** @returns whether the sessions of a store that was opened are encrypted; or why none was */
async function open(parameters: string): Promise<boolean | string> {
  try {
    const store = await openPostgresStore({ url: `${server.url()}?${parameters}`, cipher });
    const sessions = await server.query<{ ssl: boolean }>(
      `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'posthorn'`,
    );
    await store.close();
    expect(sessions).not.toEqual([]);
    return sessions.every(({ ssl }) => ssl);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test('sslmode=require verifies the server as verify-full does, without a warning; what is not trusted says what to do', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  try {
    expect(await open('sslmode=require')).toBe('PostgreSQL cannot be reached: The server does not support SSL connections');
    await server.useTls({ certificate: file('valid.pem'), key: file('server.key') });
    const authority = `sslrootcert=${file('authority.pem')}`;
    expect(await open(`sslmode=require&${authority}`)).toBe(true);
    expect(await open(`sslmode=verify-full&${authority}`)).toBe(true);
    expect(await open('sslmode=no-verify')).toBe(true);
    expect(await open('sslmode=disable')).toBe(false);
    expect(await open('sslmode=require')).toMatch(/authority that is not known here: .* sslrootcert=<file> in the URL$/);
    await server.useTls({ certificate: file('wrong-host.pem'), key: file('server.key') });
    expect(await open(`sslmode=require&${authority}`)).toMatch(/does not match certificate/);
  } finally {
    process.off('warning', note);
  }
  expect(warnings).toEqual([]);
});
