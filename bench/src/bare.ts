/**
 * The yardstick: undici alone, in a process of its own, POSTs requests that were signed beforehand, as many at once as it is told, over kept-alive
 * connections. No database, no bookkeeping. In two ways: by a handler given to `dispatch`, which is as little as undici can be asked for, and by a
 * loop that awaits `request` and the end of the answer's body, which is what most programs do.
 */
import { readFileSync } from 'node:fs';
import { Agent, type Dispatcher } from 'undici';

interface Signed {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

const [requestsFile = '', origin = ''] = process.argv.slice(2);
const requests = (JSON.parse(readFileSync(requestsFile, 'utf8')) as Signed[]).map((request) => ({
  ...request,
  body: Buffer.from(request.body),
}));
const agents = new Map<number, Agent>();

/** One for each width, kept: its connections are open when the measured rounds come. */
function agentOf(concurrency: number): Agent {
  let agent = agents.get(concurrency);
  if (agent === undefined) {
    agent = new Agent({ connections: concurrency, pipelining: 1 });
    agents.set(concurrency, agent);
  }
  return agent;
}

async function byRequest(total: number, concurrency: number): Promise<void> {
  const client = agentOf(concurrency);
  let started = 0;
  const loop = async (): Promise<void> => {
    while (started < total) {
      const request = requests[started % requests.length];
      if (request === undefined) return;
      started += 1;
      const { path, headers, body } = request;
      const response = await client.request({ origin, path, method: 'POST', headers, body });
      if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
      await response.body.dump();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
}

function byDispatch(total: number, concurrency: number): Promise<void> {
  const client = agentOf(concurrency);
  return new Promise((resolve, reject) => {
    let started = 0;
    let done = 0;
    const next = (): void => {
      if (started === total) return;
      const request = requests[started % requests.length];
      if (request === undefined) return;
      started += 1;
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart() {},
        onResponseStart(_controller, status) {
          if (status !== 200) reject(new Error(`status ${status}`));
        },
        onResponseData() {},
        onResponseEnd() {
          done += 1;
          if (done === total) resolve();
          else next();
        },
        onResponseError(_controller, error) {
          reject(error);
        },
      };
      client.dispatch({ origin, path: request.path, method: 'POST', headers: request.headers, body: request.body }, handler);
    };
    for (let index = 0; index < concurrency; index += 1) next();
  });
}

process.on('message', ({ way, total, concurrency }: { way: 'dispatch' | 'request'; total: number; concurrency: number }) => {
  const startedAt = process.hrtime.bigint();
  (way === 'dispatch' ? byDispatch : byRequest)(total, concurrency).then(
    () => process.send?.({ kind: 'done', ms: Number(process.hrtime.bigint() - startedAt) / 1e6 }),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ kind: 'ready' });
