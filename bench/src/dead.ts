/**
 * A dead endpoint with a million waiting: the requests that it counts, beside the probes of its breaker. The clock runs 60 times as fast as the
 * wall's, so that a minute shows an hour. `npm run bench -- dead [--waiting 1000000] [--minutes 60]`
 */
import { BREAKER_THRESHOLD, type Clock } from '@posthorn/core';
import { systemClock } from '../../apps/server/src/system-clock.ts';
import { openRig, option, startReceiver } from './rig.ts';

const SPEED = 60;

export async function dead(args: readonly string[]): Promise<void> {
  const waiting = option(args, 'waiting', 1_000_000);
  const minutes = option(args, 'minutes', 60);
  const receiver = await startReceiver('fail');
  const rig = await openRig({ clock: fastClock() });
  const { id } = await rig.addEndpoint({ url: `${receiver.origin}/dead`, eventTypes: [] });
  await rig.fill('bench.dead', waiting);
  await rig.open();
  await new Promise((resolve) => setTimeout(resolve, (minutes * 60_000) / SPEED));
  const seen = await receiver.count();
  const health = (await rig.store.endpoints.get('sandbox', id))?.health;
  await rig.close();
  receiver.stop();
  const probes = health?.breaker?.probes ?? 0;
  // What was out when the breaker opened had left before it: at most as many as go at once.
  const most = BREAKER_THRESHOLD + 8 + probes;
  console.log(`${waiting} waiting for a dead endpoint, ${minutes} minutes: ${seen} requests, ${probes} of them probes (at most ${most})`);
  process.exitCode = probes > 0 && seen <= most ? 0 : 1;
}

function fastClock(): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * SPEED,
    monotonic: () => performance.now() * SPEED,
    after: (ms, callback) => systemClock.after(ms / SPEED, callback),
  };
}
