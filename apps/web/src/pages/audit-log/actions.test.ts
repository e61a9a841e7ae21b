import { expect, test } from 'vitest';
import { actorWords, targetWords, valueWords } from './actions.ts';

test('a program is named by its key, a person by the name', () => {
  expect(actorWords({ kind: 'key', id: 'key_1', name: 'made at the first start' })).toBe('The key ‘made at the first start’');
  expect(actorWords({ kind: 'key', id: 'key_1', name: '' })).toBe('The key ‘key_1’');
  expect(actorWords({ kind: 'person', id: 'per_1', name: 'Ada Lovelace' })).toBe('Ada Lovelace');
  expect(actorWords({ kind: 'system', id: null, name: '' })).toBe('Posthorn');
});

test('a webhook URL is shown itself where anything tells it', () => {
  const endpoint = { kind: 'endpoint', id: 'ep_1' };
  const now = new Map([['ep_1', 'https://example.com/now']]);
  expect(targetWords({ target: endpoint, changes: { url: { from: null, to: 'https://example.com/new' } } }, now)).toBe(
    'https://example.com/new',
  );
  expect(targetWords({ target: endpoint, changes: { url: { from: 'https://example.com/old', to: null } } }, new Map())).toBe(
    'https://example.com/old',
  );
  expect(targetWords({ target: endpoint, changes: {} }, now)).toBe('https://example.com/now');
  expect(targetWords({ target: endpoint, changes: {} }, new Map())).toBe('(ep_1)');
  expect(targetWords({ target: { kind: 'key', id: 'key_1' }, changes: {} }, now)).toBe('key_1');
});

test('no event types of its own are all of them; nothing else that is empty is', () => {
  expect(valueWords('event_types', [])).toBe('all');
  expect(valueWords('event_types', ['a.b'])).toBe('["a.b"]');
  expect([[], null, ''].map((value) => valueWords('headers', value))).toEqual(['none', 'none', 'none']);
});
