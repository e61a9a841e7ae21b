import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../src/demo.ts', import.meta.url));
const timeoutMs = 90_000;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipping-demo-test-'));
});

afterAll(() => {
  // Each run had this as its folder for temporary files, and has left nothing there.
  const left = readdirSync(folder);
  rmSync(folder, { recursive: true });
  expect(left).toEqual([]);
});

/** Runs the demo, quickly. `onLine` may act on the process while it runs. */
async function demo(args: readonly string[], onLine: (line: string, kill: (signal: NodeJS.Signals) => void) => void = () => undefined) {
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, TMPDIR: folder }, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      lines.push(line);
      onLine(line, (signal) => child.kill(signal));
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output: lines.join('\n') };
}

const quickly = ['--cadence', 'every 1s', '--walk', '3'];

describe.concurrent('the demo', { timeout: timeoutMs }, () => {
  test('ends with 0: each status was received, verified and in order', async () => {
    const { code, output } = await demo(quickly);
    expect(output).toContain('All 24 status changes arrived, each verified, in order, and digit for digit. Nothing else did.');
    expect(output).toContain('200 Valid signature: webhook.test');
    expect(output).toMatch(/waiting .* at Posthorn; next dispatch \d\d:\d\d:\d\d UTC/);
    expect(code).toBe(0);
  });

  test.each([
    ['drop', /ORD-2026-\d+: missing: in_progress/],
    ['reorder', /ORD-2026-\d+: out of order/],
    ['tamper', /unverified: 1 request\(s\) answered 403 Invalid signature/],
    ['wrong-secret', /unverified: \d+ request\(s\) answered 403 Invalid signature/],
  ])('--sabotage %s ends with 1 and says what is wrong', async (sabotage, reason) => {
    const { code, output } = await demo([...quickly, '--sabotage', sabotage]);
    expect(output).toContain('What was received is not what happened:');
    expect(output).toMatch(reason);
    expect(code).toBe(1);
  });

  test('Ctrl-C stops what it started', async () => {
    let posthorn = '';
    const { code } = await demo(quickly, (line, kill) => {
      posthorn = /posthorn +(http:\S+),/.exec(line)?.[1] ?? posthorn;
      if (line.includes('shipment   ')) kill('SIGINT');
    });
    expect(code).toBe(130);
    await expect(fetch(`${posthorn}/healthz`)).rejects.toThrow('fetch failed');
  });

  test('a cadence that is none is told in one go', async () => {
    const { code, output } = await demo(['--cadence', 'sometimes']);
    expect(output).toContain('POSTHORN_CADENCE_SANDBOX');
    expect(code).toBe(1);
  });

  test('an option that nobody knows is told, with those that are known', async () => {
    const { code, output } = await demo(['--fast']);
    expect(output).toContain("Unknown option '--fast'");
    expect(output).toContain('--sabotage <what>');
    expect(code).toBe(2);
  });
});
