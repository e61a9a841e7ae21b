import { describe, expect, test } from 'vitest';
import { readEventType } from '../../api/event-type.ts';
import { bodyText, draftErrors, draftOf, errorsByField } from './event-type-draft.ts';

const ANSWER = (schema: string, example: string) =>
  `{"name":"a.b","description":"A","schema":${schema},"example":${example},"strict":true,"created_at":"x","updated_at":"x","subscribers":null}`;

describe('an event type that is edited', () => {
  test('keeps, to the byte, what nobody has touched, although it is shown with indents', () => {
    const before = readEventType(ANSWER('{ "maximum":1.50 }', '{"id":9007199254740993, "a":[ 17.0 ]}'));
    const draft = draftOf(before);
    expect(draft.example).toBe('{\n  "id": 9007199254740993,\n  "a": [\n    17.0\n  ]\n}');
    expect(bodyText({ ...draft, description: ' New ' }, before)).toBe(
      '{"description":"New","schema":{ "maximum":1.50 },"example":{"id":9007199254740993, "a":[ 17.0 ]},"strict":true}',
    );
  });

  test('sends what was typed as it was typed, and null for what was emptied', () => {
    const before = readEventType(ANSWER('{\n"maximum": 1\n}', '{}'));
    const draft = draftOf(before);
    expect(draft.schema).toBe('{\n"maximum": 1\n}');
    expect(bodyText({ ...draft, schema: ' ', example: '{ "n": 1.0 }', strict: false }, before)).toBe(
      '{"description":"A","schema":null,"example":{ "n": 1.0 },"strict":false}',
    );
  });

  test('had neither, and has neither', () => {
    const before = readEventType(ANSWER('null', 'null'));
    expect([before.schema, before.example]).toEqual([null, null]);
    expect(bodyText(draftOf(before), before)).toBe('{"description":"A","schema":null,"example":null,"strict":true}');
  });
});

test('what is no JSON is told with its line, counted within the field', () => {
  const draft = { ...draftOf(null), name: 'a.b', schema: '{\n  "a": 1\n  "b": 2\n}', example: '{}, "strict": false' };
  expect(draftErrors(draft)).toEqual({
    schema: `This is no JSON. Expected "," or "}", found '"' at line 3, column 3.`,
    example: 'This is no JSON. Expected nothing more after the value, found "," at line 1, column 3.',
  });
  expect(draftErrors(draftOf(null))).toEqual({ name: expect.stringContaining('shipment.created') });
});

test('the server’s errors stand at the field that they are about', () => {
  expect(
    errorsByField({
      'example.shipment.id': 'must be a string (line 3 of the example)',
      'example[2]': 'is missing',
      schema: 'is not a JSON Schema',
      strict: 'needs a schema to be strict about',
      '': 'is too large',
    }),
  ).toEqual({
    example: 'shipment.id must be a string (line 3 of the example).\n[2] is missing.',
    schema: 'Is not a JSON Schema.',
    strict: 'Needs a schema to be strict about.',
  });
});
