import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { checkSecret, generateSecret, prepareSecret, signStandard, signX, standardSecret, verifyX } from '../src/index.ts';

const whsec = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;

describe('checkSecret', () => {
  test.each([
    ['12 characters', 'twelve chars'],
    ['256 characters', 'x'.repeat(256)],
    ['all printable ASCII', Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('')],
    ['whsec_ of 16 bytes', whsec(16)],
    ['whsec_ of 24 bytes', whsec(24)],
    ['whsec_ of 64 bytes', whsec(64)],
    ['another case of the prefix is plain text', 'WHSEC_not base64'],
  ])('accepts %s', (_, secret) => {
    expect(checkSecret(secret)).toBeNull();
  });

  test.each([
    ['empty', '', '12 to 256'],
    ['11 characters', 'x'.repeat(11), '12 to 256'],
    ['257 characters', 'x'.repeat(257), '12 to 256'],
    ['an accent', 'sécret-sécret', 'ASCII'],
    ['a tab', 'secret\tsecret', 'ASCII'],
    ['a newline at its end', 'your_secret_key\n', 'ASCII'],
    ['DEL', 'secret-secret\x7f', 'ASCII'],
    ['whsec_ of 15 bytes', whsec(15), '16 to 64 bytes'],
    ['whsec_ of 65 bytes', whsec(65), '16 to 64 bytes'],
    ['whsec_ that is not base64', 'whsec_*****************************', 'base64'],
    ['base64 without its padding', whsec(32).replace('=', ''), 'base64'],
    ['base64 with padding too much', `${whsec(24)}=`, 'base64'],
    ['the URL alphabet', `whsec_${Buffer.alloc(32, 0xff).toString('base64url')}`, 'base64'],
    ['base64 with a space', whsec(32).replace('BwcH', 'Bwc H'), 'base64'],
    ['base64 with stray bits at its end', whsec(32).replace(/.=$/, 'd='), 'base64'],
  ])('refuses %s', (_, secret, reason) => {
    expect(checkSecret(secret)).toContain(reason);
  });

  test('does not repeat the secret', () => {
    expect(checkSecret('tooshort')).not.toContain('tooshort');
  });
});

test('generateSecret: whsec_ and 32 bytes, never the same', () => {
  const secrets = Array.from({ length: 100 }, generateSecret);
  for (const secret of secrets) {
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(checkSecret(secret)).toBeNull();
  }
  expect(new Set(secrets).size).toBe(100);
});

describe('standardSecret', () => {
  test('is the base64 of a plain-text secret', () => {
    expect(standardSecret('your_secret_key')).toBe('whsec_eW91cl9zZWNyZXRfa2V5');
  });

  test('leaves a whsec_ secret as it is', () => {
    expect(standardSecret(whsec(24))).toBe(whsec(24));
  });

  test('signs the same webhook-signature, also when it is too short or too long to be brought as a secret', () => {
    for (const plain of ['twelve chars', 'your_secret_key', 'x'.repeat(256)]) {
      const request = { id: 'evt_1', timestamp: 1, body: '{}' };
      const signature = signStandard({ ...request, secrets: [plain] });
      expect(signStandard({ ...request, secrets: [standardSecret(plain)] })).toBe(signature);
    }
  });

  test('refuses what cannot sign', () => {
    expect(() => standardSecret('whsec_')).toThrow(TypeError);
    expect(() => standardSecret('short')).toThrow(TypeError);
  });
});

describe('prepareSecret', () => {
  test.each(['', 'short', 'undefined', 'whsec_', 'whsec_AAAA', 'whsec_not base64 at all'])('refuses %j without repeating it', (secret) => {
    expect(() => prepareSecret(secret)).toThrow(/^The signing secret is empty, too short or damaged: it is whsec_ and base64, or/);
    expect(() => signX('{}', secret)).toThrow(TypeError);
    expect(() => signStandard({ id: 'evt_1', timestamp: 1, body: '{}', secrets: [secret] })).toThrow(TypeError);
  });

  test('signs and verifies like the text it was made of', () => {
    const prepared = prepareSecret(whsec(32));
    expect(signX('{}', prepared)).toBe(signX('{}', whsec(32)));
    expect(verifyX({ body: '{}', signature: signX('{}', whsec(32)), secrets: prepared }).ok).toBe(true);
  });

  test('shows the secret to no logger', () => {
    const prepared = prepareSecret('your_secret_key');
    for (const shown of [inspect(prepared, { showHidden: true, depth: 9 }), JSON.stringify(prepared), String(prepared)]) {
      expect(shown).not.toMatch(/your_secret_key|eW91cl9zZWNyZXRfa2V5|79 6f 75 72/);
    }
  });
});
