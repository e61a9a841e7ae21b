#!/usr/bin/env node
/** The `posthorn` program: reads its settings, starts the roles it was given, and ends in order. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { outboxChecks } from './api/outbox-checks.ts';
import { type Api, buildApi, buildHealthApi } from './api/server.ts';
import { AttemptLog } from './attempt-log.ts';
import { type Config, ConfigError, readConfig, settingsHelp, unknownSettings } from './config.ts';
import { createDispatcher, type Dispatcher } from './dispatcher/dispatcher.ts';
import { openEngine } from './engine.ts';
import { withInboxes } from './inbox/hand-over.ts';
import { createKeeper } from './keeper/keeper.ts';
import { LogOutput } from './log-output.ts';
import type { Mailer } from './mail/mailer.ts';
import { createMetrics } from './metrics/metrics.ts';
import { offerOperatorLink } from './operator-link.ts';
import { createOutboxTaker, type OutboxTaker } from './outbox-taker.ts';
import { baseUrlOf, peopleSide } from './people-side.ts';
import { pooledRandomBytes } from './random-bytes.ts';
import { createThreadedSender } from './sender/threaded-sender.ts';
import { ensureServiceKeys } from './service-keys.ts';
import { SealError } from './store/cipher.ts';
import { CopyError } from './store/copy/error.ts';
import { type Environment, type Store, StoreUnavailable } from './store/store.ts';
import { systemClock } from './system-clock.ts';

const { version: VERSION } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string };

/** An attempt takes 30 s at most, its settle a moment; an orchestrator's own patience should be longer. */
const DRAIN_MS = 35_000;
/**
 * A signal within this time of the first is the same wish once more: a terminal sends Ctrl-C to npm and to us, and npm hands on its own; so do timeout(1) and
 * whatever signals a whole group.
 */
const SAME_WISH_MS = 1_000;
/** For the log's last lines, where nobody reads them. */
const LOG_PATIENCE_MS = 500;

const KEYS_ELSEWHERE = (environments: string): string =>
  `service keys of ${environments} exist: they were shown once, by the process that made them (service-keys.txt in its data folder); ` +
  'POST /v1/keys with one of them makes another, and so does a start with POSTHORN_SERVICE_KEY_PRODUCTION or POSTHORN_SERVICE_KEY_SANDBOX';

const USAGE = `posthorn ${VERSION}: the webhook system of an API

  posthorn serve [--flag value …]   starts API and dispatcher
  posthorn copy --from … --to …     moves an installation from SQLite to PostgreSQL
  posthorn --version
  posthorn serve --help             lists the settings
  posthorn copy --help
`;

async function run(args: readonly string[]): Promise<void> {
  const [command, ...rest] = args;
  if (command === '--version') {
    console.log(VERSION);
  } else if (command === 'serve' && rest.includes('--help')) {
    console.log(`posthorn serve: each setting is a flag, and an environment variable\n\n${settingsHelp()}`);
  } else if (command === 'serve') {
    await serve(readConfig({ args: rest, env: process.env, dotEnvFile: '.env' }));
  } else if (command === 'copy') {
    const { copyCommand } = await import('./cli/copy.ts');
    await copyCommand(rest, { env: process.env, dotEnvFile: '.env' });
  } else if (command === undefined || command === '--help' || command === 'help') {
    console.log(USAGE);
  } else {
    throw new ConfigError(`there is no command "${command}": see posthorn --help`);
  }
}

async function serve(config: Config): Promise<void> {
  // Asking for process.stdout has Node open it, which makes a pipe answer EAGAIN when it is full, instead of holding up the thread that writes.
  const output = new LogOutput(process.stdout.fd);
  const log = pino({ level: config.logLevel, base: { role: config.role }, timestamp: pino.stdTimeFunctions.isoTime }, output);
  const attempts = new AttemptLog(output, { role: config.role, now: systemClock.now });
  process.on('exit', () => {
    attempts.flush();
    output.flushSync();
  });
  // The last lines are written if somebody reads them; whether or not, the process ends.
  const exit = (code: number): void => {
    attempts.flush();
    output.end(LOG_PATIENCE_MS).then(
      (stuck) => (stuck ? process.kill(process.pid, 'SIGKILL') : process.exit(code)),
      () => process.exit(code),
    );
  };
  const engine = await openEngine(config, (line, message) => log.warn(line, message));
  const metrics = createMetrics({ version: VERSION });
  const store = metrics.observe(engine.store);
  const { made, elsewhere } = await engine.exclusively(() => ensureServiceKeys(store, config));
  if (made.length > 0)
    log.info({ file: join(config.dataDir, 'service-keys.txt') }, `first start: service keys made for ${made.join(' and ')}`);
  if (config.databaseUrl !== null && config.role !== 'dispatcher' && elsewhere.length > 0)
    log.info(KEYS_ELSEWHERE(elsewhere.join(' and ')));
  if (config.databaseUrl === null && config.role !== 'all') {
    const left = config.role === 'api' ? 'nothing is sent' : 'nothing can be published';
    log.warn(`POSTHORN_ROLE ${config.role} is for PostgreSQL: with SQLite one process uses a data folder, so ${left} while this one runs`);
  }
  for (const name of unknownSettings(process.env))
    log.warn(`${name} is not a setting of this version: it is ignored (see posthorn serve --help)`);

  // In a thread of its own: a transaction and its sync hold up no request, and no reading of an answer.
  const threadedSender = createThreadedSender({
    allowList: config.allowAddresses,
    onThreadLost: (error) => log.error({ err: error }, 'the sending thread broke; another one follows'),
    ...(config.dnsServers === null ? {} : { dnsServers: config.dnsServers }),
  });
  const userAgent = config.userAgent ?? `Posthorn/${VERSION}`;
  let api: Api | null = null;
  const figures = { token: config.metricsToken, open: isLoopback(config.host), text: () => metrics.text() };
  const baseUrl = baseUrlOf(config, () => api?.server.address() ?? null);
  const mailer = await mailerOf(config);
  const sender = withInboxes(threadedSender, { inboxes: store.inboxes, clock: systemClock, baseUrl });
  api =
    config.role === 'dispatcher'
      ? await buildHealthApi({ store, metrics: figures, log })
      : await buildApi({
          ...peopleSide(config, {
            store,
            baseUrl,
            mailer,
            key: engine.encryptionKey,
            onError: (error) => log.error({ err: error }, 'accounts'),
          }),
          store,
          sender,
          clock: systemClock,
          allowList: config.allowAddresses,
          trustProxy: config.trustProxy,
          disableAfterMs: config.disableAfter,
          userAgent,
          version: VERSION,
          metrics: figures,
          log,
        });
  let dispatcher: Dispatcher | null = null;
  const logsAttempts = log.isLevelEnabled('info');
  if (config.role !== 'api') {
    dispatcher = createDispatcher({
      store,
      sender,
      clock: systemClock,
      random: Math.random,
      randomBytes: pooledRandomBytes(),
      holder: `${process.pid}-${randomBytes(6).toString('hex')}`,
      concurrency: config.concurrency,
      ...(config.hostConcurrency === null ? {} : { hostConcurrency: config.hostConcurrency }),
      disableAfterMs: config.disableAfter,
      userAgent,
      observer: metrics.observer,
      log: { attempt: logsAttempts ? (line) => attempts.attempt(line) : () => undefined, warn: (line, message) => log.warn(line, message) },
    });
  }

  const keeper =
    config.role === 'api'
      ? null
      : createKeeper({
          clock: systemClock,
          mailer,
          baseUrl,
          store,
          retentionMs: config.retention,
          ownersOf: (endpoint) => store.people.ownersOf(endpoint),
          serviceName: config.brandName,
          observer: metrics.keeperObserver,
          log: { info: (line, message) => log.info(line, message), warn: (line, message) => log.warn(line, message) },
        });

  metrics.watch({ store, dispatcher });
  // In every role: whoever is there takes the outbox.
  const outbox = config.databaseUrl === null ? null : takeOutbox(store, (line, message) => log.warn(line, message));

  let endingSince: number | null = null;
  const end = (signal: string): void => {
    if (endingSince !== null) {
      if (performance.now() - endingSince < SAME_WISH_MS) return;
      log.warn({ signal }, 'stopped at once: asked a second time');
      exit(1);
      return;
    }
    endingSince = performance.now();
    log.info({ signal }, 'stopping: finishing what is in flight');
    const late = setTimeout(() => {
      log.warn(`not finished within ${DRAIN_MS / 1000} s: stopped`);
      exit(1);
    }, DRAIN_MS);
    // A client that never finishes its request must not decide how this ends; one that waits for a test request's answer has had its 30 s.
    setTimeout(() => api.server.closeAllConnections(), DRAIN_MS - 3_000).unref();
    Promise.all([api.close(), outbox?.stop(), dispatcher?.drain(), keeper?.drain()])
      .then(() => mailer?.close())
      .then(() => sender.close())
      .then(() => store.close())
      .then(() => {
        clearTimeout(late);
        engine.unlock();
        log.info('stopped');
        exit(0);
      })
      .catch((error: unknown) => {
        log.error({ err: error }, 'could not stop in order');
        exit(1);
      });
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);

  if (config.role !== 'dispatcher')
    log.info({ ...(await cadencesInForce(store)), data: config.databaseUrl === null ? config.dataDir : 'PostgreSQL' }, 'cadences in force');
  await listenWhereAsked(api, config);
  // Not before: a process that ends since its port is taken would leave lanes leased that nobody works on.
  if (endingSince !== null) return;
  dispatcher?.start();
  outbox?.start();
  keeper?.start();
  if (config.role === 'dispatcher') log.info('dispatching');
  else await offerOperatorLink(store, { baseUrl, log });
}

function takeOutbox(store: Store, warn: (line: object, message: string) => void): OutboxTaker {
  return createOutboxTaker({ store, judge: outboxChecks(store.eventTypes), clock: systemClock, warn });
}

async function cadencesInForce(store: Store): Promise<Record<Environment, string>> {
  const [production, sandbox] = await Promise.all([store.environments.get('production'), store.environments.get('sandbox')]);
  return { production: production.cadence, sandbox: sandbox.cadence };
}

/** Names are not looked up: one that is not `localhost` counts as public. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Whoever sends no mail does not wait for what sends it: loading that takes 50 ms of the start. */
async function mailerOf({ smtpUrl, mailFrom }: Config): Promise<Mailer | null> {
  if (smtpUrl === null || mailFrom === null) return null;
  const { smtpMailer } = await import('./mail/smtp.ts');
  return smtpMailer({ url: smtpUrl, from: mailFrom });
}

async function listenWhereAsked(api: Api, config: Config): Promise<void> {
  const dispatcher = config.role === 'dispatcher';
  // Several dispatchers on one machine do not quarrel about a port that nobody asked for.
  if (dispatcher && !config.given.has('port')) return;
  const what = dispatcher ? 'GET /healthz, /readyz and /metrics are there' : 'the web app is there, the API’s reference under /docs';
  try {
    await api.listen({
      host: config.host,
      port: config.port,
      listenTextResolver: (address) => `Posthorn ${VERSION} listens on ${address}: ${what}`,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`PORT ${config.port} on HOST ${config.host} cannot be listened on: ${reason}`);
  }
}

/** What a person can do something about. */
const EXPECTED = [ConfigError, CopyError, SealError, StoreUnavailable];

run(process.argv.slice(2)).catch((error: unknown) => {
  // A bad setting is one line; anything else is a fault of the program and shows where.
  console.error(EXPECTED.some((kind) => error instanceof kind) ? `posthorn: ${(error as Error).message}` : error);
  process.exit(1);
});
