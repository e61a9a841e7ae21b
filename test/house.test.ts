import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT, run, stagesOf } from './house/project.ts';

/**
 * The linters hold the house's rules only as long as their configuration reaches every folder. So this file copies the configuration into a temporary
 * tree, puts violations (and their allowed neighbours) where they would stand in the real one, and runs the very commands of `npm run check:lint`.
 */

const CONFIGURATION = [
  '.gitignore',
  '.oxlintrc.json',
  'biome.json',
  'test/house/*.grit',
  '{.,packages/*,apps/*,examples/*,receivers/*,bench,simulation}/tsconfig*.json',
];

const IMPORTS = 'lint/style/noRestrictedImports';
const ENVIRONMENT = 'lint/style/noProcessEnv';
const GLOBALS = 'lint/style/noRestrictedGlobals';
const PURITY = 'plugin';
const FLOATING = 'typescript(no-floating-promises)';

const seed = (path: string, rule: string, code: string) => ({ path, rule, code: `${code}\n` });
const floating = (path: string) => seed(path, FLOATING, "async function lost(): Promise<void> {\n  throw new Error('lost');\n}\n\nlost();");
const importing = (path: string, specifier: string) => seed(path, IMPORTS, `export * from '${specifier}';`);

const VIOLATIONS = [
  floating('packages/core/src/lost.ts'),
  floating('packages/core/src/lost.test.ts'),
  floating('packages/contract/src/lost.ts'),
  floating('packages/receiver/test/lost.test.ts'),
  floating('apps/server/src/dispatcher/lost.ts'),
  floating('apps/server/test/lost.test.ts'),
  floating('apps/web/src/lost.ts'),
  floating('examples/shipping/src/lost.ts'),
  floating('receivers/node/test/lost.test.ts'),
  floating('bench/src/lost.ts'),
  floating('simulation/src/lost.ts'),
  floating('test/lost.test.ts'),
  seed('apps/server/src/dispatcher/voided.ts', FLOATING, 'export function send(work: Promise<void>): void {\n  void work;\n}'),
  seed(
    'apps/server/src/dispatcher/misused.ts',
    'typescript(no-misused-promises)',
    "process.on('SIGTERM', async () => {\n  await Promise.resolve();\n});",
  ),
  seed('apps/server/src/sender/awaited.ts', 'typescript(await-thenable)', 'export const status = await 200;'),
  seed('apps/server/src/store/thrown.ts', 'typescript(only-throw-error)', "export function fail(): never {\n  throw 'busy';\n}"),
  seed(
    'packages/core/src/unhandled.ts',
    'typescript(switch-exhaustiveness-check)',
    "export function ended(status: 'pending' | 'failed'): string {\n  switch (status) {\n    case 'failed':\n      return 'yes';\n  }\n  return 'no';\n}",
  ),
  seed('apps/server/src/store/swallowed.ts', 'eslint(no-empty)', 'try {\n  performance.now();\n} catch {}'),
  seed('apps/server/src/store/typed.ts', 'typescript(consistent-type-imports)', "export type Database = import('kysely').Kysely<unknown>;"),
  seed('apps/server/test/silent.test.ts', 'vitest(expect-expect)', "import { test } from 'vitest';\n\ntest('asserts nothing', () => {});"),

  importing('packages/core/src/knows-node.ts', 'node:crypto'),
  importing('packages/core/src/knows-contract.ts', '@posthorn/contract'),
  importing('packages/core/src/knows-store.ts', '../../../apps/server/src/store/store.ts'),
  importing('packages/contract/src/knows-receiver.ts', '@posthorn/receiver'),
  importing('packages/receiver/src/knows-core.ts', '@posthorn/core'),
  importing('packages/receiver/src/knows-express.ts', 'express'),
  importing('apps/server/src/api/knows-dispatcher.ts', '../dispatcher/dispatcher.ts'),
  importing('apps/server/src/api/knows-kysely.ts', 'kysely'),
  importing('apps/server/src/api/knows-undici.ts', 'undici'),
  importing('apps/server/src/dispatcher/knows-api.ts', '../api/events.ts'),
  importing('apps/server/src/dispatcher/knows-contract.ts', '@posthorn/contract'),
  importing('apps/server/src/dispatcher/knows-sqlite.ts', 'node:sqlite'),
  importing('apps/server/src/dispatcher/knows-keeper.ts', '../keeper/keeper.ts'),
  importing('apps/server/src/keeper/knows-dispatcher.ts', '../dispatcher/dispatcher.ts'),
  importing('apps/server/src/keeper/knows-nodemailer.ts', 'nodemailer'),
  importing('apps/server/src/mail/knows-store.ts', '../store/store.ts'),
  importing('apps/server/src/sender/knows-store.ts', '../store/store.ts'),
  importing('apps/server/src/store/knows-sender.ts', '../sender/send.ts'),
  importing('apps/server/src/store/sqlite/knows-api.ts', '../../api/events.ts'),
  importing('apps/server/src/api/knows-better-auth.ts', 'better-auth'),
  importing('apps/server/src/accounts/knows-api.ts', '../api/events.ts'),
  importing('apps/server/src/inbox/knows-api.ts', '../api/events.ts'),
  importing('apps/server/src/mail/knows-store.ts', '../store/store.ts'),
  importing('apps/server/src/config.ts', './store/store.ts'),
  ...['api', 'cli', 'dispatcher', 'keeper', 'mail', 'sender', 'store'].map((folder) =>
    importing(`apps/server/src/${folder}/knows-main.ts`, '../main.ts'),
  ),
  importing('apps/server/src/knows-main.ts', './main.ts'),
  importing('apps/web/src/knows-core.ts', '@posthorn/core'),
  importing('apps/web/src/knows-cadence.ts', '@posthorn/core/cadence'),
  importing('apps/web/src/knows-server.ts', '../../server/src/store/store.ts'),
  importing('examples/shipping/src/knows-core.ts', '@posthorn/core'),
  seed('apps/server/src/api/knows-pg-later.ts', IMPORTS, "export const pg = await import('pg');"),
  seed('apps/server/src/dispatcher/knows-api-type.ts', IMPORTS, "export type { Route } from '../api/route.ts';"),

  seed('apps/server/src/api/reads-environment.ts', ENVIRONMENT, "export const port = process.env['PORT'];"),
  seed('apps/server/src/cli/reads-environment.ts', ENVIRONMENT, "import { env } from 'node:process';\n\nexport const port = env['PORT'];"),
  seed('packages/receiver/src/reads-environment.ts', ENVIRONMENT, 'export const settings = process.env;'),
  seed('apps/server/src/dispatcher/fetches.ts', GLOBALS, 'export const answer = await fetch(new URL(import.meta.url));'),

  seed('packages/core/src/clock.ts', PURITY, 'export const now = Date.now();'),
  seed('packages/core/src/date.ts', PURITY, 'export const now = new Date();'),
  seed('packages/core/src/dice.ts', PURITY, 'export const chance = Math.random();'),
  seed('packages/core/src/next.ts', PURITY, 'export const next = (cron: { nextRun(): Date | null }) => cron.nextRun();'),
  seed(
    'packages/core/src/previous.ts',
    PURITY,
    'export const last = (cron: { previousRuns(count: number): Date[] }) => cron.previousRuns(1);',
  ),
];

/** What the rules above must leave alone; a config that forbids everything would pass the list above. */
const ALLOWED = [
  importing('packages/core/src/cadence/cron.ts', '../outcome.ts'),
  importing('packages/core/src/uses-croner.ts', 'croner'),
  importing('packages/contract/src/uses-core.ts', '@posthorn/core'),
  importing('packages/receiver/src/uses-node.ts', 'node:fs/promises'),
  importing('apps/server/src/api/uses-store.ts', '../store/store.ts'),
  importing('apps/server/src/api/uses-sender.ts', '../sender/send.ts'),
  importing('apps/server/src/dispatcher/uses-store.ts', '../store/store.ts'),
  importing('apps/server/src/keeper/uses-mail.ts', '../mail/mailer.ts'),
  importing('apps/server/src/mail/uses-nodemailer.ts', 'nodemailer'),
  importing('apps/server/src/sender/uses-undici.ts', 'undici'),
  importing('apps/server/src/store/sqlite/uses-sqlite.ts', 'node:sqlite'),
  importing('apps/server/src/api/uses-accounts.ts', '../accounts/accounts.ts'),
  importing('apps/server/src/accounts/uses-better-auth.ts', 'better-auth'),
  importing('apps/server/src/inbox/uses-receiver.ts', '@posthorn/receiver'),
  importing('apps/server/src/main.ts', './dispatcher/dispatcher.ts'),
  importing('apps/web/src/uses-contract.ts', '@posthorn/contract'),
  importing('apps/web/src/uses-reader.ts', '@posthorn/core/json'),
  seed('apps/server/src/sender/uses-clock.ts', PURITY, 'export const now = Date.now();'),
  seed('packages/core/src/uses-instant.ts', PURITY, 'export const at = (now: number) => new Date(now);'),
  seed(
    'packages/core/src/asks-croner.ts',
    PURITY,
    'export const next = (cron: { nextRun(at: Date): Date | null }, at: Date) => cron.nextRun(at);',
  ),
  seed('packages/core/src/uses-clock.test.ts', PURITY, 'export const now = Date.now();'),
  seed('apps/server/src/cli/waits.ts', FLOATING, 'await Promise.resolve();\n\nexport {};'),
  floating('packages/receiver/dist/built.ts'),
];

interface Findings {
  readonly diagnostics: readonly { category?: string; location?: { path: string }; code?: string; filename?: string }[];
}

/** Runs one stage of `npm run check:lint` as package.json spells it. Findings as `<path> <rule>`. */
function lint(stage: 'biome' | 'oxlint', tree: string): { exit: number | null; findings: Set<string> } {
  const command = stagesOf('check:lint').find((part) => part.startsWith(stage));
  const ran = run(`${command} ${stage === 'biome' ? '--reporter=json --max-diagnostics=none' : '--format=json'}`, tree);
  const { diagnostics } = JSON.parse(ran.stdout) as Findings;
  return {
    exit: ran.status,
    findings: new Set(diagnostics.map((one) => `${one.location?.path ?? one.filename} ${one.category ?? one.code}`)),
  };
}

function plant(seeds: readonly { path: string; code: string }[]): string {
  const tree = mkdtempSync(join(tmpdir(), 'posthorn-house-'));
  for (const file of globSync(CONFIGURATION, { cwd: ROOT })) cpSync(join(ROOT, file), join(tree, file));
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  for (const { path, code } of seeds) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), code);
  }
  return tree;
}

describe('the linters see', () => {
  const trees: string[] = [];
  let biome: ReturnType<typeof lint>;
  let oxlint: ReturnType<typeof lint>;

  beforeAll(() => {
    const tree = plant([...VIOLATIONS, ...ALLOWED]);
    trees.push(tree);
    biome = lint('biome', tree);
    oxlint = lint('oxlint', tree);
  });
  afterAll(() => {
    for (const tree of trees) rmSync(tree, { recursive: true, force: true });
  });

  test('enough to fail the check', () => {
    expect([biome.exit, oxlint.exit]).toEqual([1, 1]);
  });

  test.each(VIOLATIONS)('$rule in $path', ({ path, rule }) => {
    expect([...biome.findings, ...oxlint.findings]).toContain(`${path} ${rule}`);
  });

  test('nothing wrong in a tree that keeps the rules', () => {
    const tree = plant(ALLOWED);
    trees.push(tree);
    expect([lint('biome', tree), lint('oxlint', tree)]).toEqual([
      { exit: 0, findings: new Set() },
      { exit: 0, findings: new Set() },
    ]);
  });
});
