/** The routes that the app calls are those of the server's own description, with the parameters that it names. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStage, type Stage } from './stage.ts';

const SOURCE = readFileSync(join(import.meta.dirname, '../src/api/routes.ts'), 'utf8');

interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: unknown;
}

let stage: Stage;
let paths: Record<string, Record<string, Operation>>;

beforeAll(async () => {
  stage = await openStage();
  const response = await fetch(`${stage.base}/openapi.json`);
  ({ paths } = (await response.json()) as { paths: typeof paths });
});
afterAll(() => stage.close());

/** `'GET /v1/deliveries/{id}': { query: …` of the table. */
const CALLED = [...SOURCE.matchAll(/'(GET|POST|PATCH|PUT|DELETE) (\/\S+)': \{\s*(query|body)?/g)].map(
  ([, method = '', path = '', part]) => ({
    method,
    path,
    part,
  }),
);

test('the table is read at all', () => {
  expect(CALLED.length).toBeGreaterThan(40);
  expect(CALLED).toContainEqual({ method: 'GET', path: '/v1/deliveries', part: 'query' });
});

test.each(CALLED)('$method $path is in the description', ({ method, path, part }) => {
  // Names of a path's parts are the server's own affair.
  const nameless = (text: string) => text.replace(/\{\w+\}/g, '{}');
  const known = Object.keys(paths).find((candidate) => nameless(candidate) === nameless(path));
  const operation = known === undefined ? undefined : paths[known]?.[method.toLowerCase()];
  expect(operation, `${method} ${path}`).toBeDefined();
  if (part === 'body') expect(operation?.requestBody).toBeDefined();
  if (part === 'query') expect(operation?.parameters?.some((parameter) => parameter.in === 'query')).toBe(true);
});
