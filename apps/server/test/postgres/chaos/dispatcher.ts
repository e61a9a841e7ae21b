/**
 * A dispatcher process for the chaos tests: what `posthorn serve --role dispatcher` runs, with a lease short enough that a paused process outlives it.
 *
 * Log lines: `refused <epoch ms>` for a lane whose settle was stale, `taken <epoch ms>` for one that was taken over.
 */
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { parseAllowList } from '@posthorn/core';
import { createDispatcher } from '../../../src/dispatcher/dispatcher.ts';
import { createThreadedSender } from '../../../src/sender/threaded-sender.ts';
import { createCipher } from '../../../src/store/cipher.ts';
import { openPostgresStore } from '../../../src/store/postgres/index.ts';
import { systemClock } from '../../../src/system-clock.ts';

const [url = '', key = '', log = '', leaseMs = '3000'] = process.argv.slice(2);

const note = (line: string): void => appendFileSync(log, `${line} ${Date.now()}\n`);
const loopback = parseAllowList('127.0.0.0/8');
if (!loopback.ok) throw new Error(loopback.message);

const store = await openPostgresStore({ url, cipher: createCipher(Buffer.from(key, 'base64')), onSwept: () => note('swept') });
const dispatcher = createDispatcher({
  store,
  sender: createThreadedSender({ allowList: loopback.list }),
  clock: systemClock,
  random: Math.random,
  randomBytes,
  holder: `${process.pid}-${randomBytes(6).toString('hex')}`,
  concurrency: 64,
  hostConcurrency: 64,
  userAgent: 'Posthorn/chaos',
  leaseMs: Number(leaseMs),
  observer: { attempt() {}, gateLag() {}, takenOver: () => note('taken'), settleRefused: () => note('refused') },
});
dispatcher.start();
process.send?.('ready');
process.on('message', () => {
  dispatcher.drain().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
