import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { prepareSecret, signStandard, signX, verifyStandard, verifyX } from '../src/index.ts';
import { type VectorCase, vectors, vectorsFile } from './vectors.ts';

/** Where the vectors come from, on a machine that has it: beside the repository. */
const origin = new URL('../../../../shared/vectors/signatures.json', import.meta.url);

const comesTo = (result: { readonly ok: true } | { readonly ok: false; readonly code: string }) => (result.ok ? 'valid' : result.code);
const bodyOf = (vector: VectorCase) => Buffer.from(vector.body_base64, 'base64');
const secretsOf = (vector: VectorCase) => vector.secrets ?? [vector.secret];

/** A header value as a Node server hands it over: its bytes read as latin1. */
const asNodeReadsIt = (headers: VectorCase['headers']) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]));

test('the file holds every kind of case', () => {
  expect(vectors.length).toBeGreaterThanOrEqual(43);
  const outcomes = new Set(vectors.flatMap((vector) => [vector.x_signature, vector.standard]));
  expect([...outcomes].sort()).toEqual(['bad_signature', 'bad_timestamp', 'missing_header', 'no_secret', 'valid']);
});

test.runIf(existsSync(origin))('the copy in this repository is the original', () => {
  expect(readFileSync(vectorsFile).equals(readFileSync(origin))).toBe(true);
});

describe.each(vectors)('$name', (vector) => {
  const body = bodyOf(vector);
  const secrets = secretsOf(vector);
  const { headers, now } = vector;

  test('X-Signature', () => {
    expect(comesTo(verifyX({ body, headers, secrets }))).toBe(vector.x_signature);
    expect(comesTo(verifyX({ body, headers: asNodeReadsIt(headers), secrets }))).toBe(vector.x_signature);
    expect(comesTo(verifyX({ body, signature: headers['x-signature'], secrets }))).toBe(vector.x_signature);
  });

  test('Standard Webhooks', () => {
    expect(comesTo(verifyStandard({ body, headers, secrets, now }))).toBe(vector.standard);
    expect(comesTo(verifyStandard({ body, headers: asNodeReadsIt(headers), secrets, now }))).toBe(vector.standard);
  });
});

/** The cases with one secret and one signature, from which signing must come to the very headers. */
const signed = vectors.filter(
  ({ secrets, headers, x_signature, standard }) =>
    secrets === undefined && x_signature === 'valid' && standard === 'valid' && !headers['webhook-signature']?.includes(' '),
);

test.each(signed)('signing gives the headers of $name', (vector) => {
  const body = bodyOf(vector);
  const id = vector.headers['webhook-id'] ?? '';
  const timestamp = Number(vector.headers['webhook-timestamp']);
  for (const secret of [vector.secret, prepareSecret(vector.secret)]) {
    expect(signX(body, secret)).toBe(vector.headers['x-signature']);
    expect(signStandard({ id, timestamp, body, secrets: [secret] })).toBe(vector.headers['webhook-signature']);
  }
  const text = body.toString();
  expect(signX(text, vector.secret)).toBe(vector.headers['x-signature']);
});

test('a dozen cases are signed', () => {
  expect(signed.length).toBeGreaterThanOrEqual(12);
});
