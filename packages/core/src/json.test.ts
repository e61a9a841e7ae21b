import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { type JsonRules, lineInJson, readJson } from './json.ts';

const RULES: JsonRules = { maxDepth: 100 };
const SINGLE: JsonRules = { maxDepth: 100, verbatim: ['data'] };
const BATCH: JsonRules = { maxDepth: 100, verbatim: ['events[].data'] };

/** The texts of the verbatim values, by path. */
function verbatim(text: string, rules: JsonRules): Record<string, string> {
  const reading = readJson(text, rules);
  if (!reading.ok) throw new Error(reading.error.message);
  return Object.fromEntries([...reading.spans].map(([path, [start, end]]) => [path, text.slice(start, end)]));
}

describe('spans', () => {
  test.each<[string, JsonRules, Record<string, string>]>([
    ['{"type":"a","data":{"weight":17.0,"id":9007199254740993}}', SINGLE, { data: '{"weight":17.0,"id":9007199254740993}' }],
    ['\n{ "data" :\t[ 1 , 2 ] \r\n, "type" : "a" }\n', SINGLE, { data: '[ 1 , 2 ]' }],
    ['{"d\\u0061ta": -1.50E+2 }', SINGLE, { data: '-1.50E+2' }],
    ['{"data":"a\\"}, \\u00e9 🧵"}', SINGLE, { data: '"a\\"}, \\u00e9 🧵"' }],
    ['{"data":"\\ud800"}', SINGLE, { data: '"\\ud800"' }],
    ['{"data":null}', SINGLE, { data: 'null' }],
    ['{"type":"a"}', SINGLE, {}],
    ['{"other":{"data":1}}', SINGLE, {}],
    ['[{"data":1}]', SINGLE, {}],
    [
      '{"events":[{"data":{}},{"type":"b"},{"x":{"data":2},"data": [3] }],"data":4}',
      BATCH,
      { 'events[0].data': '{}', 'events[2].data': '[3]' },
    ],
    ['{"events":{"data":1}}', BATCH, {}],
    ['[ 1 ,{"data":2.0}]', { maxDepth: 3, verbatim: ['[].data'] }, { '[1].data': '2.0' }],
    ['{"schema":{"a":1},"example":{"b": 2}}', { maxDepth: 3, verbatim: ['schema', 'example'] }, { schema: '{"a":1}', example: '{"b": 2}' }],
  ])('%j', (text, rules, expected) => {
    expect(verbatim(text, rules)).toEqual(expected);
  });
});

describe('repeated keys', () => {
  test.each([
    ['{"type":"a","type":"b"}', SINGLE, 'type'],
    ['{"type":"a","t\\u0079pe":"b"}', SINGLE, 'type'],
    ['{"data":1,"data":2}', SINGLE, 'data'],
    ['{"a":{"b":1,"c":2,"b":3}}', SINGLE, 'a.b'],
    ['{"events":[{},{},{},{"type":"a","type":"b"}]}', BATCH, 'events[3].type'],
    ['{"events":[],"events":[]}', BATCH, 'events'],
    ['{"__proto__":1,"__proto__":2}', SINGLE, '__proto__'],
    ['{"":1,"":2}', SINGLE, '[""]'],
    ['{"a.b":{"c d":1,"c d":2}}', SINGLE, '["a.b"]["c d"]'],
  ])('%s', (text, rules, path) => {
    expect(readJson(text, rules)).toMatchObject({ ok: false, error: { path, message: expect.stringContaining('The same key twice') } });
  });

  test.each([
    ['within a verbatim value', '{"data":{"a":1,"a":2,"b":[{"c":1,"c":2}]}}', SINGLE],
    ['within those of a batch', '{"events":[{"data":{"a":1,"a":2}},{"data":{"a":1,"a":2}}]}', BATCH],
    ['in different objects', '{"a":{"b":1},"c":{"b":2},"b":[{"b":1},{"b":1}]}', SINGLE],
    ['in another case', '{"a":1,"A":2}', SINGLE],
    ['that objects inherit', '{"constructor":1,"toString":2,"hasOwnProperty":3}', SINGLE],
  ])('are fine %s', (_, text, rules) => {
    expect(readJson(text, rules)).toMatchObject({ ok: true, value: JSON.parse(text) });
  });
});

describe('refusals', () => {
  test.each([
    ['', '', 'Expected a value, found the end of the text at line 1, column 1'],
    [' \n ', '', 'Expected a value, found the end of the text at line 2, column 2'],
    ['{"type":"a",}', '', 'Expected a key in double quotes, found "}" at line 1, column 13'],
    ['{"events":[{"data":[1,]}]}', 'events[0].data', 'Expected a value, found "]" at line 1, column 23'],
    ['{\n  "type": x\n}', 'type', 'Expected a value, found "x" at line 2, column 11'],
    ['{"a" 1}', 'a', 'Expected ":" after the key, found "1" at line 1, column 6'],
    ['{"a":1 "b":2}', '', `Expected "," or "}", found '"' at line 1, column 8`],
    ['[1 2]', '', 'Expected "," or "]", found "2" at line 1, column 4'],
    ['{} {}', '', 'Expected nothing more after the value, found "{" at line 1, column 4'],
    ['01', '', 'Expected nothing more after the value, found "1" at line 1, column 2'],
    ['1.', '', 'Expected a digit, found the end of the text at line 1, column 3'],
    ['-', '', 'Expected a digit, found the end of the text at line 1, column 2'],
    ['"abc', '', 'The text ends inside a string at line 1, column 5'],
    ['"a\\', '', 'The text ends inside a string at line 1, column 3'],
    ['"\t"', '', 'A string may hold the character U+0009 only as an escape at line 1, column 2'],
    ['"\u001f"', '', 'A string may hold the character U+001F only as an escape at line 1, column 2'],
    ['"\\x41"', '', 'An escape that JSON does not know at line 1, column 2'],
    ['\ufeff{}', '', 'Expected a value, found the character U+FEFF at line 1, column 1'],
    ['nul', '', 'Expected a value, found "n" at line 1, column 1'],
  ])('%j', (text, path, message) => {
    expect(readJson(text, BATCH)).toEqual({ ok: false, error: { path, message } });
  });

  it('names the value that nests too deep', () => {
    const nested = `${'['.repeat(99)}${']'.repeat(99)}`;
    expect(readJson(`{"data":${nested}}`, SINGLE).ok).toBe(true);
    expect(readJson(`{"data":[${nested}]}`, SINGLE)).toEqual({
      ok: false,
      error: { path: 'data', message: 'Nested deeper than 100 levels at line 1, column 108' },
    });
    expect(readJson(`[${'[{}],{"a":[]},'.repeat(200)}[]]`, { maxDepth: 3 }).ok).toBe(true);
    expect(readJson('7', { maxDepth: 0 }).ok).toBe(true);
    expect(readJson('[]', { maxDepth: 0 }).ok).toBe(false);
  });

  test.each(['[', '{"a":', '{"data":['])('%s a million times over, without a stack overflow', (open) => {
    expect(readJson(open.repeat(1_000_000), SINGLE)).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('Nested deeper than 100') },
    });
  });

  test.each([
    ['string', `"${'a\\n'.repeat(4_000_000)}"`],
    ['number', '1'.repeat(8_000_000)],
    ['space', `${' '.repeat(8_000_000)}1`],
    ['lines', `${'\n'.repeat(8_000_000)}1`],
  ])('but not a very long %s', (_, text) => {
    expect(readJson(text, RULES).ok).toBe(true);
    expect(readJson(`${text}!`, RULES).ok).toBe(false);
  });
});

describe('a key __proto__', () => {
  it('is an own key, and changes no prototype', () => {
    const reading = readJson('{"__proto__":{"admin":true},"data":{"__proto__":{"admin":true}}}', SINGLE);
    if (!reading.ok) throw new Error(reading.error.message);
    expect(Object.keys(reading.value as object)).toEqual(['__proto__', 'data']);
    expect(Object.getPrototypeOf(reading.value)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
    expect([...reading.spans.keys()]).toEqual(['data']);
  });
});

describe('properties', () => {
  const spaces = fc.string({ unit: fc.constantFrom(' ', '\n', '\r', '\t'), maxLength: 3 });

  /** A JSON text of the value with any spaces between its tokens. */
  function spacedText(value: fc.JsonValue): fc.Arbitrary<string> {
    const tokens = JSON.stringify(value).match(/"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^"[\]{}:,]+/g) ?? [];
    return fc
      .array(spaces, { minLength: tokens.length + 1, maxLength: tokens.length + 1 })
      .map((gaps) => gaps.map((gap, at) => gap + (tokens[at] ?? '')).join(''));
  }
  const spacedValue = fc
    .jsonValue({ stringUnit: 'binary', maxDepth: 4 })
    .chain((value) => spacedText(value).map((text) => ({ value, text })));
  const trimmed = (text: string) => text.replace(/^[ \n\r\t]+|[ \n\r\t]+$/g, '');

  it('finds data to the byte, and it reads as the same value', () => {
    fc.assert(
      fc.property(spacedValue, spaces, spaces, fc.boolean(), ({ value, text }, one, two, first) => {
        const data = `${one}"data"${two}:${text}`;
        const body = first ? `{${data},"type":"a"}` : `{"type":{"data":[]},${data}}`;
        const found = verbatim(body, SINGLE)['data'] ?? '';
        expect(found).toBe(trimmed(text));
        expect(JSON.parse(found)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 500 },
    );
  });

  it('finds the data of each event of a batch', () => {
    fc.assert(
      fc.property(fc.array(spacedValue, { maxLength: 6 }), spaces, (events, space) => {
        const body = `{"events":${space}[${events.map(({ text }) => `${space}{"type":"a","data":${text}}`).join(`${space},`)}]}`;
        expect(Object.values(verbatim(body, BATCH))).toEqual(events.map(({ text }) => trimmed(text)));
      }),
    );
  });

  /** The scan must take exactly what JSON.parse takes, save for repeated keys. */
  function expectAgreement(text: string, rules: JsonRules): void {
    const reading = readJson(text, rules);
    if (!reading.ok && reading.error.message.includes('The same key twice')) return;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      expect(reading.ok).toBe(false);
      return;
    }
    expect(reading).toMatchObject({ ok: true });
    expect(reading.ok && reading.value).toEqual(value);
  }

  it('agrees with JSON.parse on texts that are nearly JSON', () => {
    const broken = fc
      .tuple(
        spacedValue,
        fc.nat(),
        fc.nat({ max: 2 }),
        fc.constantFrom(...'{}[]",:.-+eE019 \\u\n\t/', 'null', 'true', '\u0000', '\u00a0', '\ufeff', '\ud800', '\\u12', '\\ud83e'),
      )
      .map(([{ text }, at, cut, piece]) => text.slice(0, at % (text.length + 1)) + piece + text.slice((at % (text.length + 1)) + cut));
    fc.assert(
      fc.property(fc.oneof(broken, fc.string(), fc.string({ unit: fc.constantFrom(...'{}[]",:.-+eE019 ') })), (text) => {
        expectAgreement(text, RULES);
        expectAgreement(`{"data":${text}}`, SINGLE);
      }),
      { numRuns: 3_000 },
    );
  });

  it('agrees with JSON.parse on any number-like text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'-+.eE0123'), minLength: 1, maxLength: 8 }), (text) => {
        expectAgreement(text, RULES);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('the line of a value', () => {
  const TEXT = '{\n  "shipment": {\n    "a.b": [\n      1,\n      { "7": 2 }\n    ]\n  }\n}';
  test.each<[(string | number)[], number | null]>([
    [[], 1],
    [['shipment'], 2],
    [['shipment', 'a.b'], 3],
    [['shipment', 'a.b', 0], 4],
    [['shipment', 'a.b', 1, '7'], 5],
    [['shipment', 'a.b', 1, 7], null],
    [['shipment', 'a.b', 2], null],
    [['nowhere'], null],
  ])('%j: %j', (steps, line) => {
    expect(lineInJson(TEXT, { steps, maxDepth: 100 })).toBe(line);
  });

  test('is not known where the text is no JSON, or a key comes twice', () => {
    expect(lineInJson('{"a":}', { steps: ['a'], maxDepth: 100 })).toBeNull();
    expect(lineInJson('{"a":1,"a":2}', { steps: ['a'], maxDepth: 100 })).toBeNull();
  });
});
