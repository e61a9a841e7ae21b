/** The shipments API as a program: `node src/main.ts`, settings from the environment. */
import { randomUUID } from 'node:crypto';
import { createApi } from './api.ts';
import { readLifecycle } from './lifecycle.ts';
import { publishTo } from './publish.ts';
import { startRelay } from './relay.ts';
import { openShipments } from './shipments.ts';

const lifecycle = readLifecycle();
const shipments = openShipments({
  file: process.env['SHIPMENTS_DATABASE'] ?? 'shipments.db',
  lifecycle,
  now: () => new Date(),
  newId: randomUUID,
});
const relay = startRelay({
  outbox: shipments.outbox,
  publish: publishTo({
    url: required('POSTHORN_URL'),
    key: required('POSTHORN_KEY'),
    application: required('POSTHORN_APPLICATION'),
  }),
  log: (line) => process.stderr.write(`${line}\n`),
});
const api = createApi({ shipments, lifecycle, onChange: relay.wake });
const address = await api.listen({ host: '127.0.0.1', port: Number(process.env['PORT'] ?? 3000) });
process.stdout.write(`Shipments API: ${address}\n`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stop().catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exitCode = 1;
    });
  });
}

async function stop(): Promise<void> {
  await api.close();
  await relay.stop();
  shipments.close();
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') {
    process.stderr.write(`${name} is not set: the shipments API needs POSTHORN_URL, POSTHORN_KEY and POSTHORN_APPLICATION.\n`);
    process.exit(1);
  }
  return value;
}
