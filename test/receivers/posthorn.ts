/** A real Posthorn that sends at once, and what came of what it sent. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, type ServerProcess, startServer } from '../../apps/server/test/process/server-process.ts';
import { ROOT } from '../house/project.ts';

interface SampleEvent {
  readonly type: string;
  readonly ordering_key: string;
}

const samples = readFileSync(join(ROOT, 'examples/shipping/shipment-events.json'), 'utf8');

/** The sample events: accents, 17.0, a long integer and an emoji. */
export const SAMPLES: readonly SampleEvent[] = (JSON.parse(samples) as { events: SampleEvent[] }).events;

/**
 * A publish of the sample with that number, as text: JSON.parse would have rounded its numbers already.
 *
 * @param application where it is published
 */
function publication(number: number, application: string): string {
  const text = exactEvents[number];
  if (text === undefined) throw new Error(`there is no sample ${number}`);
  return text.replace('{', `{"application": ${JSON.stringify(application)},`);
}

/** The text of each sample, cut out by the brackets of the list and of its members; no text in it has a bracket. */
const exactEvents = ((): string[] => {
  const list = samples.slice(samples.indexOf('[', samples.indexOf('"events"')) + 1);
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < list.length; at++) {
    if (list[at] === '{' && depth++ === 0) start = at;
    if (list[at] === '}' && --depth === 0) found.push(list.slice(start, at + 1));
    if (list[at] === ']' && depth === 0) break;
  }
  return found;
})();

export interface Attempt {
  readonly response_status: number | null;
  readonly response_body: string | null;
  readonly error: string | null;
}

export interface Endpoint {
  readonly id: string;
  readonly secret: string;
  readonly standard_secret: string;
}

export interface Posthorn {
  createEndpoint(url: string, secret?: string): Promise<Endpoint>;
  /** Publishes one sample to the endpoint and waits for its first attempt. */
  deliver(endpoint: Endpoint, sample: number): Promise<Attempt>;
  /** `rotate`, with the next secret and an overlap of a day, or `promote`. */
  rotate(endpoint: Endpoint, secret?: string): Promise<{ readonly next: { readonly secret: string; readonly standard_secret: string } }>;
  promote(endpoint: Endpoint): Promise<void>;
  end(): Promise<void>;
}

export async function startPosthorn(): Promise<Posthorn> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-receivers-'));
  const env = { POSTHORN_CADENCE_SANDBOX: 'immediate', POSTHORN_LOG_LEVEL: 'silent' };
  const server = await startServer({ dataDir: join(folder, 'data'), port: await freePort(), env });
  const applications = new Map<string, string>();
  let made = 0;

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await server.call<T>(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  return {
    async createEndpoint(url, secret) {
      // One application for each, so that an event goes to one endpoint.
      const application = `receiver-${++made}`;
      await call('PUT', `/v1/applications/${application}`, { name: application });
      const endpoint = await call<Endpoint>('POST', '/v1/endpoints', { application, url, ...(secret === undefined ? {} : { secret }) });
      applications.set(endpoint.id, application);
      return endpoint;
    },
    async deliver(endpoint, sample) {
      const application = applications.get(endpoint.id) ?? '';
      const event = await call<{ id: string }>('POST', '/v1/events', publication(sample, application));
      return firstAttempt(server, event.id);
    },
    rotate: (endpoint, secret) => call('POST', `/v1/endpoints/${endpoint.id}/secret/rotate`, secret === undefined ? {} : { secret }),
    promote: (endpoint) => call('POST', `/v1/endpoints/${endpoint.id}/secret/promote`),
    async end() {
      await server.end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Asks until the delivery of this event has an attempt: the API is where its user would look. */
async function firstAttempt(server: ServerProcess, event: string): Promise<Attempt> {
  const { body } = await server.call<{ data: { id: string }[] }>('GET', `/v1/deliveries?event=${event}`);
  const [delivery] = body.data;
  if (delivery === undefined) throw new Error(`event ${event} has no delivery`);
  for (;;) {
    const { attempts } = (await server.call<{ attempts: Attempt[] }>('GET', `/v1/deliveries/${delivery.id}`)).body;
    if (attempts[0] !== undefined) return attempts[0];
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
