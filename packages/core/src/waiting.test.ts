import { expect, test } from 'vitest';
import { type WaitingFacts, whyNotYet } from './waiting.ts';

const NOW = 1_000_000;
const due: WaitingFacts = {
  now: NOW,
  endpointStatus: 'enabled',
  braked: false,
  behind: null,
  floor: null,
  publishedAt: NOW - 5_000,
  dueAt: null,
  byHand: false,
  gate: NOW - 1_000,
  nextTick: NOW - 1_000,
};

test.each<[string, Partial<WaitingFacts>, ReturnType<typeof whyNotYet>]>([
  ['nothing holds it', {}, null],
  ['the gate', { publishedAt: NOW, nextTick: NOW + 9_000 }, { reason: 'gate', until: NOW + 9_000, behind: null }],
  ['a retry', { dueAt: NOW + 5_000 }, { reason: 'retry', until: NOW + 5_000, behind: null }],
  ['a retry that is due', { dueAt: NOW }, null],
  ['by hand, whatever floor its lane has', { dueAt: NOW + 5_000, byHand: true, floor: { reason: 'breaker', until: NOW + 60_000 } }, null],
  ['by hand, before its gate', { publishedAt: NOW, nextTick: NOW + 9_000, byHand: true }, null],
  [
    'an earlier one of its key',
    { behind: 'dlv_1', publishedAt: NOW, nextTick: NOW + 9_000 },
    { reason: 'key', until: null, behind: 'dlv_1' },
  ],
  ['a paused endpoint, whatever else', { endpointStatus: 'paused', behind: 'dlv_1' }, { reason: 'paused', until: null, behind: null }],
  ['the brake', { braked: true }, { reason: 'paused', until: null, behind: null }],
  ['a disabled endpoint', { endpointStatus: 'disabled', braked: true }, { reason: 'disabled', until: null, behind: null }],
  ['Retry-After of its lane', { floor: { reason: 'retry', until: NOW + 60_000 } }, { reason: 'retry', until: NOW + 60_000, behind: null }],
  ['a floor that has passed', { floor: { reason: 'rate', until: NOW } }, null],
  [
    'a floor, then a later retry',
    { floor: { reason: 'breaker', until: NOW + 1 }, dueAt: NOW + 2 },
    { reason: 'retry', until: NOW + 2, behind: null },
  ],
  [
    'a floor beyond the gate',
    { publishedAt: NOW, nextTick: NOW + 1, floor: { reason: 'breaker', until: NOW + 7 } },
    { reason: 'gate', until: NOW + 7, behind: null },
  ],
])('%s', (_name, facts, expected) => {
  expect(whyNotYet({ ...due, ...facts })).toEqual(expected);
});
