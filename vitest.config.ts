import { defineConfig } from 'vitest/config';

/** The registry has a Chromium for Linux on x64. Elsewhere its tests are left out, except in CI, where they fail. */
const hasBrowser = (process.platform === 'linux' && process.arch === 'x64') || process.env['CI'] !== undefined;
const BROWSER_TESTS = 'apps/web/test/{journey,keyboard,pages,people,verify}.test.ts';
if (!hasBrowser)
  process.stdout.write('left out: the tests of the web app in a browser: there is no Chromium for this platform on the registry\n');

export default defineConfig({
  test: {
    include: [
      'packages/*/{src,test}/**/*.test.ts',
      'apps/*/{src,test}/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
      'receivers/node/test/**/*.test.ts',
      'simulation/test/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    globalSetup: ['apps/server/test/postgres/global-setup.ts'],
    exclude: ['**/node_modules/**', ...(hasBrowser ? [] : [BROWSER_TESTS])],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    retry: 0,
    allowOnly: !process.env['CI'],
  },
});
