import type { EndpointView } from '@posthorn/contract';
import { expect, test } from 'vitest';
import { endpointState } from './endpoints.ts';

const REASON = 'Since 2026-11-23T10:00:00.000Z not one of 15 attempts was accepted; the last came to status 500.';

test.each([
  { status: 'enabled', state: 'ok', reason: null, words: 'Enabled', tone: 'good' },
  { status: 'enabled', state: 'ok', reason: REASON, words: 'Enabled, failing', tone: 'warn' },
  { status: 'enabled', state: 'failing', reason: REASON, words: 'Failing', tone: 'bad' },
  { status: 'paused', state: 'ok', reason: REASON, words: 'Paused', tone: 'none' },
  { status: 'disabled', state: 'disabled', reason: REASON, words: 'Disabled', tone: 'bad' },
] as const)('$status, $state, reason $reason: $words', ({ status, state, reason, words, tone }) => {
  const health: EndpointView['health'] = {
    state,
    since: null,
    reason,
    breaker: { state: 'closed', next_probe_at: null },
    consecutive_failures: 0,
    last_success_at: null,
    disables_at: null,
  };
  expect(endpointState({ status, health })).toEqual({ words, tone });
});
