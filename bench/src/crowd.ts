/**
 * One endpoint with a million deliveries and ten thousand others with one each, all due at one tick: how much longer the ten thousand take than alone.
 * `npm run bench -- crowd [--waiting 1000000] [--others 10000] [--rounds 3]`
 */
import { median, openRig, option, type Receiver, startReceiver } from './rig.ts';

const GOAL = 1.2;

export async function crowd(args: readonly string[]): Promise<void> {
  const waiting = option(args, 'waiting', 1_000_000);
  const others = option(args, 'others', 10_000);
  const rounds = option(args, 'rounds', 3);
  const receiver = await startReceiver();
  const times: { alone: number[]; beside: number[] } = { alone: [], beside: [] };
  try {
    for (let round = 0; round < rounds; round += 1) {
      times.alone.push(await secondsFor(receiver, others, 0));
      times.beside.push(await secondsFor(receiver, others, waiting));
      console.log(`round ${round + 1}: alone ${(times.alone.at(-1) ?? 0).toFixed(2)} s, beside ${(times.beside.at(-1) ?? 0).toFixed(2)} s`);
    }
  } finally {
    receiver.stop();
  }
  const ratio = median(times.beside) / median(times.alone);
  console.log(`\n${others} endpoints with one delivery each, beside one with ${waiting}`);
  console.log(`ratio ${ratio.toFixed(2)} (goal at most ${GOAL})`);
  process.exitCode = ratio <= GOAL ? 0 : 1;
}

async function secondsFor(receiver: Receiver, others: number, waiting: number): Promise<number> {
  const rig = await openRig();
  await rig.addEndpoint({ url: `${receiver.origin}/big`, eventTypes: ['bench.big'] });
  for (let index = 0; index < others; index += 1)
    await rig.addEndpoint({ url: `${receiver.origin}/one/${index}`, eventTypes: ['bench.one'] });
  if (waiting > 0) await rig.fill('bench.big', waiting);
  await rig.fill('bench.one', 1);
  const reached = receiver.reached('/one/', others);
  const startedAt = performance.now();
  await rig.open();
  await reached;
  const seconds = (performance.now() - startedAt) / 1000;
  await rig.close();
  return seconds;
}
