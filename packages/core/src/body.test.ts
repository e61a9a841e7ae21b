import { expect, test } from 'vitest';
import { renderBody } from './body.ts';

test.each([
  ['an object, digit for digit', '{ "weight":17.0, "legacy_id":9007199254740993 }'],
  ['text beyond ASCII, escapes as they were', '{"city":"\\u00c9vora, Abẹ́òkúta 🧵","odd":"\\ud800"}'],
  ['repeated keys', '{"a":1,"a":2}'],
  ['a number', '1.50E+2'],
  ['patterns of String.replace', '"$& $1 $$ $`"'],
])('renders the envelope around %s', (_, data) => {
  const body = renderBody({
    id: 'evt_01kax1zdx0a5rrqc7rk8g3v2nd',
    type: 'shipment.status_updated',
    timestamp: Date.UTC(2026, 10, 23, 10),
    environment: 'sandbox',
    data,
  });
  expect(body).toBe(
    '{"id":"evt_01kax1zdx0a5rrqc7rk8g3v2nd","type":"shipment.status_updated","timestamp":"2026-11-23T10:00:00.000Z","environment":"sandbox","data":' +
      data +
      '}',
  );
  expect(Object.keys(JSON.parse(body))).toEqual(['id', 'type', 'timestamp', 'environment', 'data']);
});

test('keeps the envelope whole whatever the id', () => {
  const body = renderBody({ id: '","data":1,"x":"', type: 'a\nb', timestamp: 0, environment: 'production', data: '{}' });
  expect(JSON.parse(body)).toEqual({
    id: '","data":1,"x":"',
    type: 'a\nb',
    timestamp: '1970-01-01T00:00:00.000Z',
    environment: 'production',
    data: {},
  });
});
