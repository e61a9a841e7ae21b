/** docs/settings.md cannot lie: it is checked against the table that the program reads. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig, SETTINGS } from '../../src/config.ts';

const ROOT = join(import.meta.dirname, '../../../..');

test('docs/settings.md lists every setting as the program has it, and no other', () => {
  const rows = readFileSync(join(ROOT, 'docs/settings.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| |\s*\|$|`/g, '').trim()));
  const table = Object.values(SETTINGS).map(({ env, flag, default: standard, about }) => [env, `--${flag}`, standard ?? '', about]);
  expect(rows).toEqual(table);
});

describe('reading settings', () => {
  const read = (args: string[], env: Record<string, string> = {}) => readConfig({ args, env });

  test('the defaults are the contract’s', () => {
    const config = read([]);
    expect(config).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
      cadenceProduction: 'every 30m',
      cadenceSandbox: 'every 5m',
      role: 'all',
      allowAddresses: [],
      encryptionKey: null,
      retention: 90 * 24 * 3_600_000,
      smtpUrl: null,
    });
  });

  test('a flag wins over the environment, and an empty variable is absent', () => {
    expect(read(['--port', '1'], { PORT: '2' }).port).toBe(1);
    expect(read([], { PORT: '2' }).port).toBe(2);
    expect(read([], { PORT: '' }).port).toBe(8080);
  });

  test.each([
    [['--port', 'x'], {}, '--port'],
    [[], { PORT: '70000' }, 'PORT'],
    [['--prot', '1'], {}, '--prot'],
    [['extra'], {}, 'extra'],
    [[], { POSTHORN_PUBLIC_URL: 'ftp://x' }, 'POSTHORN_PUBLIC_URL'],
    [[], { POSTHORN_PUBLIC_URL: 'https://example.com/hooks' }, 'POSTHORN_PUBLIC_URL'],
    [[], { POSTHORN_TRUST_PROXY: 'maybe' }, 'POSTHORN_TRUST_PROXY'],
    [[], { POSTHORN_SIGN_UP: 'maybe' }, 'POSTHORN_SIGN_UP'],
    [[], { POSTHORN_BRAND_ACCENT: 'red' }, 'POSTHORN_BRAND_ACCENT'],
    [[], { POSTHORN_BRAND_LOGO_URL: 'javascript:alert(1)' }, 'POSTHORN_BRAND_LOGO_URL'],
    [[], { POSTHORN_EGRESS_ADDRESSES: 'here' }, 'POSTHORN_EGRESS_ADDRESSES'],
    [[], { POSTHORN_SMTP_URL: 'http://mail', POSTHORN_MAIL_FROM: 'a@example.com' }, 'POSTHORN_SMTP_URL'],
    [[], { POSTHORN_SMTP_URL: 'smtp://mail' }, 'POSTHORN_MAIL_FROM'],
    [[], { POSTHORN_MAIL_FROM: 'nobody' }, 'POSTHORN_MAIL_FROM'],
    [[], { POSTHORN_DNS_SERVERS: 'dns.example' }, 'POSTHORN_DNS_SERVERS'],
    [[], { POSTHORN_RETENTION: '90' }, 'POSTHORN_RETENTION'],
    [[], { POSTHORN_SMTP_URL: 'http://mail.example.com' }, 'POSTHORN_SMTP_URL'],
    [[], { POSTHORN_SMTP_URL: 'smtp://mail.example.com' }, 'POSTHORN_MAIL_FROM'],
    [[], { POSTHORN_MAIL_FROM: 'Ada ada@example.com' }, 'POSTHORN_MAIL_FROM'],
  ])('%j %j is refused in one line that names it', (args, env, name) => {
    let message = '';
    try {
      read(args, env as Record<string, string>);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      message = (error as Error).message;
    }
    expect(message).toContain(name);
    expect(message).not.toContain('\n');
  });
});
