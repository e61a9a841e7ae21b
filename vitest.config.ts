import { defineConfig } from 'vitest/config';

/** The registry has a Chromium for Linux on x64. Elsewhere its tests are left out, except in CI, where they fail. */
const hasBrowser = (process.platform === 'linux' && process.arch === 'x64') || process.env['CI'] !== undefined;
const BROWSER_TESTS = 'apps/web/test/{journey,keyboard,operator,pages,people,verify}.test.ts';
if (!hasBrowser)
  process.stdout.write('left out: the tests of the web app in a browser: there is no Chromium for this platform on the registry\n');

/**
 * Tests that measure time, or keep both cores busy by themselves, one file at a time; the others two at a time. One after the other everything takes
 * more than ten minutes on two cores, most of it waiting.
 */
const ALONE = [
  'apps/server/test/dispatcher/isolation.test.ts',
  'apps/server/test/keeper/steps.test.ts',
  'apps/server/test/postgres/{chaos,failover,lanes,loss,rolling-upgrade}.test.ts',
  'apps/server/test/process/{crash,jobs,readme}.test.ts',
  BROWSER_TESTS,
  'examples/shipping/test/demo.test.ts',
  'simulation/test/*.test.ts',
];
/** They measure time too, but hardly do anything else than wait: these two are no burden to each other. */
const WAITING = ['apps/server/test/process/process.test.ts', 'apps/server/test/sender/hostile-endpoints.test.ts'];
const ALL = [
  'packages/*/{src,test}/**/*.test.ts',
  'apps/*/{src,test}/**/*.test.ts',
  'examples/*/test/**/*.test.ts',
  'receivers/node/test/**/*.test.ts',
  'simulation/test/**/*.test.ts',
  'test/**/*.test.ts',
];
const NEVER = ['**/node_modules/**', ...(hasBrowser ? [] : [BROWSER_TESTS])];

export default defineConfig({
  test: {
    globalSetup: ['apps/server/test/postgres/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    retry: 0,
    allowOnly: !process.env['CI'],
    projects: [
      {
        extends: true,
        test: { name: 'side by side', include: ALL, exclude: [...NEVER, ...WAITING, ...ALONE], maxWorkers: 2, sequence: { groupOrder: 0 } },
      },
      { extends: true, test: { name: 'waiting', include: WAITING, exclude: NEVER, maxWorkers: 2, sequence: { groupOrder: 1 } } },
      { extends: true, test: { name: 'alone', include: ALONE, exclude: NEVER, maxWorkers: 1, sequence: { groupOrder: 2 } } },
    ],
  },
});
