import { describe, expect, test } from 'vitest';
import { isEventTypeName, isEventTypePattern, matchesEventTypes } from './event-types.ts';

describe('names and patterns', () => {
  test.each<[string, { name: boolean; pattern: boolean }]>([
    ['shipment', { name: true, pattern: true }],
    ['shipment.status_updated', { name: true, pattern: true }],
    ['Shipment-2.status.UPDATED_9', { name: true, pattern: true }],
    ['_', { name: true, pattern: true }],
    ['a'.repeat(128), { name: true, pattern: true }],
    ['a'.repeat(129), { name: false, pattern: false }],
    ['shipment.*', { name: false, pattern: true }],
    ['shipment.label.*', { name: false, pattern: true }],
    [`${'a'.repeat(126)}.*`, { name: false, pattern: true }],
    [`${'a'.repeat(127)}.*`, { name: false, pattern: false }],
    ['', { name: false, pattern: false }],
    ['*', { name: false, pattern: false }],
    ['.*', { name: false, pattern: false }],
    ['shipment*', { name: false, pattern: false }],
    ['*.created', { name: false, pattern: false }],
    ['shipment.*.created', { name: false, pattern: false }],
    ['shipment.**', { name: false, pattern: false }],
    ['shipment.*.*', { name: false, pattern: false }],
    ['shipment.', { name: false, pattern: false }],
    ['.shipment', { name: false, pattern: false }],
    ['shipment..created', { name: false, pattern: false }],
    ['shipment created', { name: false, pattern: false }],
    ['shipment.created\n', { name: false, pattern: false }],
    ['sendung.zugestéllt', { name: false, pattern: false }],
    [`${'a.'.repeat(60)}!`, { name: false, pattern: false }],
  ])('%j', (text, { name, pattern }) => {
    expect(isEventTypeName(text)).toBe(name);
    expect(isEventTypePattern(text)).toBe(pattern);
  });
});

describe('matchesEventTypes', () => {
  test.each<[string[], string, boolean]>([
    [[], 'anything.at.all', true],
    [['shipment.created'], 'shipment.created', true],
    [['shipment.created'], 'shipment.created.late', false],
    [['shipment.created'], 'shipment', false],
    [['shipment.created'], 'Shipment.created', false],
    [['shipment.*'], 'shipment.created', true],
    [['shipment.*'], 'shipment.label.created', true],
    [['shipment.*'], 'shipment', false],
    [['shipment.*'], 'shipments.created', false],
    [['shipment.label.*'], 'shipment.created', false],
    [['invoice.paid', 'shipment.*'], 'shipment.created', true],
    [['invoice.paid', 'shipment.*'], 'invoice.sent', false],
  ])('%j takes %s: %s', (patterns, type, expected) => {
    expect(matchesEventTypes(patterns, type)).toBe(expected);
  });
});
