import { expect, test } from 'vitest';
import { chooseLanes } from './lease-choice.ts';

const PROVEN = 0;
const FAILING = 2;

test('the oldest first; a limit holds for its standing and all that are less trusted', () => {
  const found = [
    { pk: 1, standing: FAILING, at: 1 },
    { pk: 2, standing: FAILING, at: 2 },
    { pk: 3, standing: PROVEN, at: 4 },
    { pk: 4, standing: PROVEN, at: 3 },
    { pk: 5, standing: PROVEN, at: 5 },
  ];
  expect(chooseLanes(found, { proven: 3, untried: 2, failing: 1 })).toEqual([1, 4, 3]);
});

test('what was asked for by hand goes before what is older, and a few of it beyond the share of those that fail', () => {
  const found = [
    { pk: 1, standing: PROVEN, at: 1 },
    { pk: 2, standing: FAILING, at: 9, wished: true },
    { pk: 3, standing: FAILING, at: 8, wished: true },
    { pk: 4, standing: FAILING, at: 2 },
  ];
  expect(chooseLanes(found, { proven: 9, untried: 9, failing: 9 })).toEqual([3, 2, 1, 4]);
  expect(chooseLanes(found, { proven: 9, untried: 0, failing: 0, wished: 1 })).toEqual([3, 1]);
  expect(chooseLanes(found, { proven: 9, untried: 0, failing: 0 })).toEqual([1]);
});
