import { expect, test } from 'vitest';
import { ownPath } from './own-path.ts';

test.each(['/', '/app_1/sandbox/deliveries?status=failed', '/invite/a.b', '/.//host.example', '/a//b'])('%j is of this app', (path) => {
  expect(ownPath(path)).toBe(path);
});

test.each([
  undefined,
  '',
  'app_1',
  '//host.example',
  '/\\host.example',
  '/\t/host.example',
  '/\n/host.example',
  '/\r\\host.example',
  '\t//host.example',
  'https://host.example',
  'javascript:alert(1)',
])('%j is not', (path) => {
  expect(ownPath(path)).toBe('/');
});
