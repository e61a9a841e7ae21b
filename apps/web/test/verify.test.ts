/** The programs of the Verify tab, taken from the page, saved, started as the page says, and sent a live delivery: five languages, two schemes. */
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../../../test/house/project.ts';
import { isAvailable, LANGUAGES, leaveOut, PATH } from '../../../test/receivers/languages.ts';
import { endAll, startProgram } from '../../../test/receivers/receiver-process.ts';
import { freePort } from '../../server/test/process/server-process.ts';
import { openBrowser, type Visitor, visit } from './browser.ts';
import { foundBusiness, openStage, type Stage, signUp } from './stage.ts';

/** How each language is asked whether it is there. */
const TOOLS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  node: ['node', '--version'],
  python: ['python3', '--version'],
  ruby: ['ruby', '-e', "require 'sinatra/base'; require 'puma'"],
  go: ['go', 'version'],
  php: ['php', '--version'],
};

const CASES = ['x-signature', 'standard'].flatMap((scheme) => Object.keys(TOOLS).map((language) => ({ language, scheme })));

let stage: Stage;
let browser: Browser;
let visitor: Visitor;
let application: string;
let folder: string;

beforeAll(async () => {
  [stage, browser, folder] = await Promise.all([
    openStage({ POSTHORN_CADENCE_SANDBOX: 'immediate' }),
    openBrowser(),
    mkdtemp(join(tmpdir(), 'posthorn-verify-')),
  ]);
  visitor = await visit(browser);
  await signUp(visitor.context, stage.base, 'ada@example.com');
  application = await foundBusiness(visitor.context, stage.base, 'Ada’s Bookshop');
});
afterAll(async () => {
  endAll();
  await browser.close();
  await stage.close();
  await rm(folder, { recursive: true, force: true });
});

test.each(CASES)(
  '$language, $scheme',
  async ({ language, scheme }) => {
    const kit = LANGUAGES.find(({ name }) => name === language);
    const [tool, ...args] = TOOLS[language] ?? ['false'];
    if (spawnSync(tool, args, { env: { ...process.env, PATH } }).status !== 0) {
      leaveOut(`the Verify tab in ${language}`, `${tool} does not do what it has to`);
      return;
    }
    if (kit !== undefined && !(await isAvailable(kit, 'the Verify tab'))) return;

    const program = await programOf(language, scheme);
    const home = join(folder, `${language}-${scheme}`);
    await mkdir(home);
    await writeFile(join(home, program.file), program.code);
    await install(language, scheme, home);

    const port = await freePort();
    const endpoint = await stage.provider<{ id: string; secret: string }>('POST', '/v1/endpoints', {
      application,
      url: `http://127.0.0.1:${port}/webhooks`,
    });
    const command = program.start.replace('whsec_…', endpoint.secret).replaceAll('4000', String(port));
    const venv = join(ROOT, 'receivers/python/.venv/bin');
    const receiver = startProgram(['sh', '-c', command], home, {
      PATH: [venv, PATH].join(delimiter),
      PORT: String(port),
      HOST: '127.0.0.1',
    });
    await listening(port, receiver);

    const event = await stage.provider<{ id: string }>('POST', '/v1/events', {
      application,
      type: 'shipment.created',
      data: { weight: 17 },
    });
    const attempt = await firstAttempt(event.id, endpoint.id);
    expect(attempt).toMatchObject({ status: 'succeeded', response_status: 200 });
    expect(attempt.response_body?.trim()).toBe('Valid signature');

    // A program that accepts everything would pass the above.
    const forged = await fetch(`http://127.0.0.1:${port}/webhooks`, {
      method: 'POST',
      body: '{}',
      headers: {
        'x-signature': 'f'.repeat(64),
        'webhook-id': 'x',
        'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
        'webhook-signature': 'v1,AAAA',
      },
    });
    expect([forged.status, (await forged.text()).trim()]).toEqual([403, 'Invalid signature']);
    await stage.provider('DELETE', `/v1/endpoints/${endpoint.id}`);
  },
  120_000,
);

interface Program {
  readonly file: string;
  readonly code: string;
  readonly start: string;
}

/** What somebody copies from the page. */
async function programOf(language: string, scheme: string): Promise<Program> {
  const { page } = visitor;
  await page.goto(`${stage.base}/${application}/sandbox/settings/api?tab=verify&language=${language}&scheme=${scheme}`);
  const text = async (label: string) => (await page.getByRole('region', { name: label, exact: true }).locator('pre').textContent()) ?? '';
  const copy = page.getByRole('button', { name: 'Copy program' });
  await copy.waitFor();
  const file = await copy.locator('xpath=preceding-sibling::code').innerText();
  return { file, code: await text(file), start: await text('start command') };
}

/** What the page's install command brings, from what the tests have already. */
async function install(language: string, scheme: string, home: string): Promise<void> {
  if (language === 'node') await symlink(join(ROOT, 'node_modules'), join(home, 'node_modules'));
  if (language === 'go' && scheme === 'standard') {
    for (const file of ['go.mod', 'go.sum']) await cp(join(ROOT, 'test/receivers/published/go', file), join(home, file));
  }
}

async function listening(port: number, receiver: ReturnType<typeof startProgram>): Promise<void> {
  let over = false;
  receiver.ended.then(() => {
    over = true;
  }, reportFailure);
  for (;;) {
    if (over) throw new Error(`the receiver ended:\n${receiver.output()}`);
    const socket = connect({ port, host: '127.0.0.1' });
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

function reportFailure(error: unknown): void {
  throw error;
}

interface Attempt {
  readonly status: string;
  readonly response_status: number | null;
  readonly response_body: string | null;
}

async function firstAttempt(event: string, endpoint: string): Promise<Attempt> {
  const { data } = await stage.provider<{ data: { id: string }[] }>('GET', `/v1/deliveries?event=${event}&endpoint=${endpoint}`);
  const attempts = async () => (await stage.provider<{ attempts: Attempt[] }>('GET', `/v1/deliveries/${data[0]?.id}`)).attempts;
  await expect.poll(async () => (await attempts()).length, { timeout: 10_000 }).toBeGreaterThan(0);
  const [attempt] = await attempts();
  if (attempt === undefined) throw new Error('it has no attempt');
  return attempt;
}
