/**
 * One PostgreSQL server for a whole test run, started by the first file that asks for it, and gone with the run. Databases are cloned from a template that
 * has the schema already.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { createCipher } from '../../src/store/cipher.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { START } from '../store/conformance/harness.ts';
import { PostgresServer } from './server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Port of the loopback address where databases are to be had. */
    readonly postgresBroker: number;
  }
}

/** Nothing here has to outlast the machine. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', autovacuum: 'off', max_wal_size: '1GB' };

/** @returns what to do after the run */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let server: Promise<PostgresServer> | null = null;
  let databases = 0;
  const broker = createServer((_request, response) => {
    server ??= startWithTemplate();
    server
      .then(async (started) => {
        databases += 1;
        const name = `test_${databases}`;
        await started.query(`CREATE DATABASE ${name} TEMPLATE template_posthorn`);
        response.end(started.url(name));
      })
      .catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
  });
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
  project.provide('postgresBroker', (broker.address() as AddressInfo).port);
  return async () => {
    broker.closeAllConnections();
    await new Promise((resolve) => broker.close(resolve));
    if (server !== null) await (await server).remove();
  };
}

async function startWithTemplate(): Promise<PostgresServer> {
  const server = await PostgresServer.start(FAST);
  await server.query('CREATE DATABASE template_posthorn');
  // The clock of the tests: the partitions of its week are there already.
  const store = await openPostgresStore({
    url: server.url('template_posthorn'),
    cipher: createCipher(new Uint8Array(32)),
    now: () => START,
  });
  await store.close();
  // Each test has a key of its own.
  await server.query('DELETE FROM posthorn.key_check', 'template_posthorn');
  return server;
}
