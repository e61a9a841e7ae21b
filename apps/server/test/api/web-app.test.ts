/** The web app's files, and its page for every address that is a page of it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type Workbench, workbench } from './workbench.ts';

const PAGE = '<!doctype html><html lang="en"><title>Posthorn</title><div id="root"></div></html>';
let folder: string;
let bench: Workbench;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-web-'));
  await mkdir(join(folder, 'assets'));
  await mkdir(join(folder, '.vite'));
  await writeFile(join(folder, 'index.html'), PAGE);
  await writeFile(join(folder, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  await writeFile(join(folder, 'assets/index-B3x.js'), 'export {};');
  await writeFile(join(folder, 'assets/index-B3x.js.br'), brotliCompressSync('export {};'));
  await writeFile(join(folder, '.vite/manifest.json'), '{}');
  await writeFile(join(folder, '.built-from'), 'a digest');
  bench = await workbench({ webRoot: folder, logoUrl: 'https://static.example.com/logo.svg' });
});
afterAll(async () => {
  await bench.close();
  await rm(folder, { recursive: true });
});

const open = (path: string, accept = 'text/html,application/xhtml+xml,*/*;q=0.8'): Promise<Answer> =>
  bench.call('GET', path, { key: null, headers: { accept } });

describe('the page', () => {
  test.each(['/', '/app_1/sandbox/settings/api', '/invite/abc', '/operator/abc', '/sign-in?to=%2F', '/v1x'])('is at %s', async (path) => {
    const answer = await open(path);
    expect([answer.status, answer.text]).toEqual([200, PAGE]);
    expect(answer.headers['cache-control']).toBe('no-cache');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    const policy = String(answer.headers['content-security-policy']);
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("img-src 'self' data: https://static.example.com;");
    expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline|\*/);
  });

  test.each(['/v1/nowhere', '/v1', '/auth/nowhere', '/inbox', '/docs/nowhere', '/metrics/x', '/assets/index-old.js'])(
    'is not at %s',
    async (path) => {
      const answer = await open(path);
      expect([answer.status, answer.body?.code]).toEqual([404, 'route_not_found']);
    },
  );

  test('is for browsers that read: a program is told that there is nothing', async () => {
    expect((await open('/nowhere', '*/*')).body.code).toBe('route_not_found');
    expect((await bench.call('POST', '/nowhere', { key: null, json: {} })).body.code).toBe('route_not_found');
    expect((await open('/', '*/*')).text).toBe(PAGE);
  });
});

test('files with a hash in their name are kept for a year, others for an hour', async () => {
  const script = await open('/assets/index-B3x.js', '*/*');
  expect([script.status, script.text]).toEqual([200, 'export {};']);
  expect(script.headers).toMatchObject({
    'cache-control': 'public, max-age=31536000, immutable',
    'content-type': expect.stringMatching(/javascript/),
  });
  expect((await open('/favicon.svg', 'image/*')).headers['cache-control']).toBe('public, max-age=3600');
});

test('files go out compressed to whoever takes that', async () => {
  const headers = { 'accept-encoding': 'gzip, br' };
  const script = await bench.call('GET', '/assets/index-B3x.js', { key: null, headers });
  expect(script.headers).toMatchObject({
    'content-encoding': 'br',
    'content-type': expect.stringMatching(/javascript/),
    'cache-control': 'public, max-age=31536000, immutable',
    vary: expect.stringMatching(/accept-encoding/i),
  });
  expect((await open('/assets/index-B3x.js', '*/*')).headers['content-encoding']).toBeUndefined();
  expect((await open('/assets/index-B3x.js.br', '*/*')).status).toBe(404);
});

test.each(['/.built-from', '/.vite/manifest.json', '/index.html', '/assets/../../package.json', '/assets/%2e%2e/%2e%2e/etc/passwd'])(
  'nothing else of the folder is served: %s',
  async (path) => {
    expect((await open(path, '*/*')).status).toBe(404);
  },
);

test('without a built web app, the start page leads to the reference', async () => {
  const bare = await workbench();
  const answer = await bare.call('GET', '/', { key: null });
  expect([answer.status, answer.headers['location']]).toEqual([302, '/docs']);
  await bare.close();
});
