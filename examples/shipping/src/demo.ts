/** The demo: a whole journey on this machine, and the proof that what arrived is what happened. Its options are in demo/options.ts. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Posthorn, type Stage, startPosthorn, startReceiver, startShipments } from './demo/cast.ts';
import { readChanges, readReceipt, readReceipts } from './demo/evidence.ts';
import type { JsonClient } from './demo/http.ts';
import { type DemoOptions, readOptions, usage } from './demo/options.ts';
import { freePort, type RunningProcess, startProcess } from './demo/processes.ts';
import { startSaboteur } from './demo/saboteur.ts';
import { openScreen, type Screen } from './demo/screen.ts';
import { judge, renderVerdict, type Verdict } from './demo/verdict.ts';
import { walk } from './demo/walk.ts';
import { sampleFile } from './lifecycle.ts';
import type { OutboxStatus } from './outbox.ts';
import type { Reception } from './receiver.ts';

const application = 'shipping-demo';
/** How long after its dispatch a delivery is waited for: the retry of a failed first attempt starts 5 to 6 s after it. */
const patienceMs = 12_000;

const read = readOptions(process.argv.slice(2));
switch (read.kind) {
  case 'help':
    console.log(usage);
    break;
  case 'error':
    console.error(`${read.message}\n\n${usage}`);
    process.exitCode = 2;
    break;
  case 'run':
    process.exitCode = await main(read.options);
    break;
}

/** Plays the demo and cleans up after it, whatever happens. The exit code: 0, 1, or 130 after Ctrl-C. */
async function main(options: DemoOptions): Promise<number> {
  const end = new AbortController();
  const interrupted = new Error('interrupted');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end.abort(interrupted));
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-demo-'));
  const screen = openScreen(process.stdout, () => new Date());
  const started: RunningProcess[] = [];
  const start: Stage['start'] = (program) => {
    const running = startProcess({ ...program, cwd: folder, onUnexpectedEnd: (error) => end.abort(error) });
    started.push(running);
    return running;
  };
  try {
    const verdict = await play({ ...options, folder, signal: end.signal, start, screen });
    screen.close();
    console.log(`\n${renderVerdict(verdict)}`);
    return verdict.faults.length === 0 ? 0 : 1;
  } catch (error) {
    screen.close();
    const cause: unknown = end.signal.aborted ? end.signal.reason : error;
    if (cause === interrupted) return 130;
    console.error(cause instanceof Error ? cause.message : cause);
    return 1;
  } finally {
    end.abort();
    await Promise.all(started.map((running) => running.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

type Play = Stage & DemoOptions & { readonly screen: Screen };

async function play(demo: Play): Promise<Verdict> {
  const { folder, screen, signal, sabotage } = demo;
  const posthorn = await startPosthorn(demo, demo.cadence);
  screen.line(`posthorn   ${posthorn.url}, sandbox, dispatches ${demo.cadence}`);

  // The API provider's part: its catalogue of events, and the customer.
  const { event_types: eventTypes } = JSON.parse(readFileSync(sampleFile, 'utf8')) as { event_types: Record<string, string> };
  for (const [name, description] of Object.entries(eventTypes)) await posthorn.call('PUT', `/v1/event-types/${name}`, { description });
  await posthorn.call('PUT', `/v1/applications/${application}`, { name: 'Shipping demo' });

  // The customer's part: a webhook URL, a receiver that knows its secret, and a try.
  const port = await freePort();
  const url =
    sabotage === null || sabotage === 'wrong-secret'
      ? `http://127.0.0.1:${port}/webhooks`
      : await startSaboteur({ sabotage, port, signal });
  const endpoint = await posthorn.call<{ id: string; secret: string }>('POST', '/v1/endpoints', { application, url });
  const secret = sabotage === 'wrong-secret' ? `whsec_${randomBytes(32).toString('base64')}` : endpoint.secret;
  let invalidRequests = 0;
  const receiver = await startReceiver(demo, {
    port,
    secret,
    onReception: (reception) => {
      if (reception.kind === 'invalid') invalidRequests += 1;
      screen.line(`receiver   ${describeReception(reception)}`);
    },
  });
  await tryEndpoint(posthorn, endpoint.id, screen);

  const shipments = await startShipments(demo, { ...posthorn, application });
  await live(demo, posthorn, shipments);
  await receiver.stop();
  return judge({
    changes: readChanges(join(folder, 'shipments.db')),
    receipts: readReceipts(join(folder, 'received.db')),
    invalidRequests,
  });
}

async function tryEndpoint(posthorn: Posthorn, endpoint: string, screen: Screen): Promise<void> {
  const attempt = await posthorn.call<{ response_status: number | null; response_body: string | null; advice: string | null }>(
    'POST',
    `/v1/endpoints/${endpoint}/test`,
    {},
  );
  screen.line(`test       ${attempt.response_status ?? 'no answer'} ${attempt.response_body ?? ''} ${attempt.advice ?? ''}`.trimEnd());
}

/** Takes the shipments through their lives, shows what waits, and returns once nothing does, or nothing more is to be expected. */
async function live({ screen, signal, walkMs }: Play, posthorn: Posthorn, shipments: JsonClient): Promise<void> {
  let walked = false;
  async function walkAll(): Promise<void> {
    const onChange = (reference: string, status: string) => screen.line(`shipment   ${reference} ${status}`);
    await walk({ shipments, durationMs: walkMs, signal, onChange });
    walked = true;
  }
  async function watch(): Promise<void> {
    for (let deadline = Number.POSITIVE_INFINITY; Date.now() < deadline; await sleep(200, undefined, { signal })) {
      const changesAreDone = walked; // before the look: what it sees is then all there is
      const [outbox, dispatch] = await Promise.all([
        shipments<OutboxStatus>('GET', '/outbox'),
        posthorn.call<{ pending: number; next_at: string | null }>('GET', '/v1/dispatch'),
      ]);
      const nextDispatchAt = dispatch.next_at === null ? new Date() : new Date(dispatch.next_at);
      const inOutbox = outbox.waiting + outbox.set_aside.length;
      screen.waiting({ inOutbox, atPosthorn: dispatch.pending, nextDispatchAt });
      if (!changesAreDone) continue;
      if (inOutbox + dispatch.pending === 0) return;
      if (deadline === Number.POSITIVE_INFINITY) deadline = nextDispatchAt.getTime() + patienceMs;
    }
  }
  await Promise.all([walkAll(), watch()]);
}

function describeReception(reception: Reception): string {
  if (reception.kind === 'invalid') return `403 Invalid signature: ${reception.reason}`;
  const { type, reference, status } = readReceipt(reception.body);
  return `200 Valid signature: ${type} ${reference} ${status}${reception.repeated ? ' (had it already)' : ''}`.trimEnd();
}
