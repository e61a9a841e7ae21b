import { describe, expect, it, test } from 'vitest';
import { adviceFor } from './advice.ts';
import { ATTEMPT_ERROR_CODES } from './outcome.ts';

/** Whole sentences that speak of something concrete, and no value that leaked through a template. */
function expectAdvice(advice: string): void {
  expect(advice).toMatch(/^[A-Z].{30,}\.$/);
  expect(advice).not.toMatch(/undefined|null|NaN|\n/);
}

describe('adviceFor', () => {
  test.each(ATTEMPT_ERROR_CODES)('has a sentence for %s, with or without a status and a scheme', (code) => {
    expectAdvice(adviceFor({ code }));
    for (const status of [null, 301, 400, 500]) {
      for (const scheme of ['http', 'https'] as const) expectAdvice(adviceFor({ code, status, scheme }));
    }
  });

  it('has a different one for each code', () => {
    expect(new Set(ATTEMPT_ERROR_CODES.map((code) => adviceFor({ code }))).size).toBe(ATTEMPT_ERROR_CODES.length);
  });

  it('has one for every status that can refuse', () => {
    const statuses = Array.from({ length: 500 }, (_, index) => 100 + index).filter((status) => status < 200 || status >= 300);
    const advice = statuses.map((status) => adviceFor({ code: status >= 300 && status < 400 ? 'redirect' : 'http_status', status }));
    expect(advice).toHaveLength(400);
    for (const sentence of advice) expectAdvice(sentence);
  });

  test.each([
    [400, /raw JSON body/],
    [401, /right secret\?/],
    [403, /right secret\?/],
    [404, /nothing at this URL/],
    [405, /accept POST/],
    [408, /timeouts/],
    [410, /disables/],
    [413, /limit on request bodies/],
    [415, /application\/json/],
    [422, /ignore event types and fields/],
    [429, /fewer requests/],
    [500, /log/],
    [502, /proxy/],
    [503, /not available/],
    [504, /Answer 200 first/],
    [418, /status 418/],
    [599, /status 599/],
  ])('says for %d what to mend', (status, expected) => {
    expect(adviceFor({ code: 'http_status', status })).toMatch(expected);
  });

  test.each([301, 302, 303, 307, 308])('says for %d that redirects are not followed', (status) => {
    expect(adviceFor({ code: 'redirect', status })).toMatch(/Redirects are not followed\. Set the endpoint’s URL to the final address/);
  });

  it('thinks of https where the URL is http', () => {
    for (const code of ['redirect', 'connection_reset', 'invalid_response'] as const) {
      expect(adviceFor({ code, status: 301, scheme: 'http' })).toContain('https');
      expect(adviceFor({ code, status: 301, scheme: 'https' })).not.toContain('https');
    }
  });
});
