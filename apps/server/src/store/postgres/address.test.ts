import { describe, expect, test } from 'vitest';
import { parseDatabaseUrl } from './address.ts';

const URLS = (text: string) => parseDatabaseUrl(text).urls;

describe('DATABASE_URL', () => {
  test('of several hosts becomes a URL for each, with a port, and without what the driver does not know', () => {
    expect(URLS('postgres://u:p@one:1,two/db?target_session_attrs=read-write&application_name=x')).toEqual([
      'postgres://u:p@one:1/db?application_name=x',
      'postgres://u:p@two:5432/db?application_name=x',
    ]);
    expect(URLS('postgresql:///db?host=/run/postgresql')).toEqual(['postgresql:///db?host=/run/postgresql']);
    expect(() => URLS('postgres://one/db?target_session_attrs=standby')).toThrow('target_session_attrs');
    for (const password of ['a/b', 'a?b', 'a#b']) {
      expect(() => URLS(`postgres://u:${password}@one/db`)).toThrow(/ does not do \(in a password, \/ \? # are written %2F %3F %23\)$/);
    }
    expect(() => URLS('mysql://one/db')).toThrow('must be a postgres:// URL');
  });

  test.each(['prefer', 'require', 'verify-ca', 'verify-full'])('with sslmode=%s has the certificate verified', (mode) => {
    expect(URLS(`postgres://one,two/db?sslmode=${mode}&sslrootcert=/ca.crt`)).toEqual([
      'postgres://one:5432/db?sslmode=verify-full&sslrootcert=/ca.crt',
      'postgres://two:5432/db?sslmode=verify-full&sslrootcert=/ca.crt',
    ]);
  });

  test('says otherwise only where it says so', () => {
    for (const rest of ['sslmode=disable', 'sslmode=no-verify', 'uselibpqcompat=true&sslmode=require'])
      expect(URLS(`postgres://one:1/db?${rest}`)).toEqual([`postgres://one:1/db?${rest}`]);
  });

  test('with an sslmode that is none is refused, in a line without the URL', () => {
    for (const mode of ['verifyfull', '', 'constructor']) {
      expect(() => URLS(`postgres://u:secret@one/db?sslmode=${mode}`)).toThrow(
        /^has an sslmode that is none: use disable, prefer, require, verify-ca, verify-full, no-verify$/,
      );
    }
  });
});
