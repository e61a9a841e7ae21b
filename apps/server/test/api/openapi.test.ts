import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROBLEM_CODES, PROBLEMS } from '@posthorn/contract';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, describe, expect, test } from 'vitest';
import { workbench } from './workbench.ts';

type Json = Record<string, unknown>;

const bench = await workbench();
const document: Json & {
  paths: Record<string, Record<string, Json>>;
  components: { schemas: Record<string, Json>; securitySchemes: Json };
} = JSON.parse((await bench.call('GET', '/openapi.json', { key: null })).text);
afterAll(async () => bench.close());

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

/** Every object within a value, with its place. */
function* objects(value: unknown, place = '#'): Generator<[string, Json]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [place, value as Json];
  for (const [key, member] of Object.entries(value)) yield* objects(member, `${place}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
}

function at(pointer: string): unknown {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return steps.reduce<unknown>((value, step) => (value as Json | undefined)?.[step], document);
}

function compiler(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'https://api.test/openapi', ...document });
  return ajv;
}

describe('the OpenAPI document', () => {
  test('is OpenAPI 3.1 with what the specification requires of each operation', () => {
    expect(document['openapi']).toBe('3.1.0');
    expect(document['info']).toMatchObject({ title: 'Posthorn', version: '0.0.0' });
    const ids = operations.map(({ operation }) => operation['operationId']);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, method, operation } of operations) {
      const about = `${method} ${path}`;
      expect(operation['summary'], about).toBeTypeOf('string');
      const parameters = (operation['parameters'] ?? []) as { in: string; name: string; required?: boolean; schema: unknown }[];
      const inPath = parameters.filter((parameter) => parameter.in === 'path');
      expect(
        inPath.map(({ name }) => `{${name}}`),
        about,
      ).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(
        inPath.every(({ required }) => required === true),
        about,
      ).toBe(true);
      expect(
        parameters.every(({ schema }) => typeof schema === 'object' && schema !== null),
        about,
      ).toBe(true);
      for (const response of Object.values(operation['responses'] as Record<string, Json>)) {
        expect(response['description'], about).toMatch(/\S/);
        expect(response['description'], about).not.toBe('Default Response');
      }
      expect(
        Object.keys(operation).some((key) => key.startsWith('x-')),
        about,
      ).toBe(false);
    }
  });

  test('has no path twice under different parameter names', () => {
    const shapes = Object.keys(document.paths).map((path) => path.replace(/\{\w+\}/g, '{}'));
    expect(new Set(shapes).size).toBe(shapes.length);
  });

  test('resolves each of its references', () => {
    const references = [...objects(document)].flatMap(([place, object]) =>
      typeof object['$ref'] === 'string' ? [[place, object['$ref']]] : [],
    );
    expect(references.length).toBeGreaterThan(100);
    for (const [place, reference] of references) expect(at(reference ?? ''), `${place} -> ${reference}`).toBeTypeOf('object');
  });

  test('has schemas that are valid JSON Schema 2020-12', () => {
    const ajv = compiler();
    for (const name of Object.keys(document.components.schemas)) {
      expect(() => ajv.compile({ $ref: `https://api.test/openapi#/components/schemas/${name}` }), name).not.toThrow();
    }
  });

  test('has an example for each body and each answer, and each fits its schema', () => {
    const ajv = compiler();
    let checked = 0;
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      for (const example of (schema['examples'] ?? []) as unknown[]) {
        const valid = ajv.compile({ $ref: `https://api.test/openapi#/components/schemas/${name}` });
        expect(valid(example), `${name}: ${ajv.errorsText(valid.errors)}`).toBe(true);
        checked++;
      }
    }
    for (const [place, media] of objects(document.paths)) {
      if (!/\/content\/[^/]+$/.test(place)) continue;
      const reference = (media['schema'] as { $ref?: string }).$ref;
      expect(reference, place).toBeTypeOf('string');
      if (media['example'] === undefined) continue;
      const valid = ajv.compile({ $ref: `https://api.test/openapi${reference}` });
      expect(valid(media['example']), `${place}: ${ajv.errorsText(valid.errors)}`).toBe(true);
      checked++;
    }
    expect(checked).toBeGreaterThan(40);
    const withExample = [...objects(document.paths)]
      .filter(([place]) => /requestBody\/content\/[^/]+$/.test(place))
      .map(([, media]) => media['example']);
    expect(withExample.every((example) => example !== undefined)).toBe(true);
  });

  test('announces errors as problems, and names their codes', () => {
    const announced = new Set<string>();
    for (const { path, method, operation } of operations) {
      for (const [status, response] of Object.entries(operation['responses'] as Record<string, { description: string; content?: Json }>)) {
        if (Number(status) < 400) continue;
        expect(Object.keys(response.content ?? {}), `${method} ${path} ${status}`).toEqual(['application/problem+json']);
        for (const [, code] of response.description.matchAll(/`([a-z_]+)`:/g)) {
          expect(PROBLEMS[code as keyof typeof PROBLEMS].status, code).toBe(Number(status));
          announced.add(code ?? '');
        }
      }
    }
    // The other two are answers to what reaches no operation.
    expect(PROBLEM_CODES.filter((code) => !announced.has(code))).toEqual(['route_not_found', 'method_not_allowed']);
  });

  test('says which few routes take neither a key nor a session', () => {
    expect(document['security']).toEqual([{ key: [] }, { session: [] }]);
    const open = operations.filter(({ operation }) => (operation['security'] as unknown[] | undefined)?.length === 0);
    expect(open.map(({ path }) => path).sort()).toEqual([
      '/auth/request-password-reset',
      '/auth/reset-password',
      '/auth/sign-in/email',
      '/auth/sign-out',
      '/auth/sign-up/email',
      '/healthz',
      '/metrics',
      '/readyz',
      '/v1/branding',
      '/v1/invitations/by-token/{token}',
    ]);
  });
});

test('docs/errors.md explains every error code, with its status, and no other', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../../docs/errors.md'), 'utf8');
  const explained = [...text.matchAll(/^## `([a-z_]+)` \((\d+)\)\n\n(\S.+)/gm)].map(([, code, status]) => `${code} ${status}`);
  expect(explained).toEqual(PROBLEM_CODES.map((code) => `${code} ${PROBLEMS[code].status}`));
});

describe('the reader of the documentation', () => {
  test('loads nothing from another host, and may not', async () => {
    const page = await bench.call('GET', '/docs/', { key: null });
    expect(page.status).toBe(200);
    const loaded = [...page.text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url);
    expect(loaded).toEqual(['js/scalar.js']);
    expect(page.text).not.toMatch(/https?:\/\//);
    expect(page.text).toContain('/openapi.json');
    for (const [name, value] of [
      ['withDefaultFonts', false],
      ['telemetry', false],
    ])
      expect(page.text).toContain(`"${name}": ${value}`);
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/https?:|\*/);
    const script = await bench.call('GET', '/docs/js/scalar.js', { key: null });
    expect(script.headers['content-type']).toMatch(/javascript/);
    expect(script.text.length).toBeGreaterThan(1_000_000);
  });

  test('/docs leads to it', async () => {
    const answer = await bench.call('GET', '/docs', { key: null });
    expect([answer.status, answer.headers['location']]).toEqual([301, '/docs/']);
  });

  test('each code’s type is a link to where it is explained', async () => {
    const page = await bench.call('GET', '/docs/errors', { key: null });
    for (const code of PROBLEM_CODES) expect(page.text).toContain(`<h2 id="${code}">`);
    const { body } = await bench.call('GET', '/v1/nowhere');
    expect(body.type).toBe('/docs/errors#route_not_found');
  });
});
