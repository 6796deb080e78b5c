import { expect, test } from '@jest/globals';
import { copyKey, freeSlot, isSlot, SLOTS, slotIndex } from '../../../src/model/copy.ts';

test('slots are taken in their order, and one that was left is taken again', () => {
  expect(freeSlot([])).toBe('base');
  expect(freeSlot(['base'])).toBe('secondary');
  expect(freeSlot(['secondary'])).toBe('base');
  expect(freeSlot(['base', 'secondary', '4'])).toBe('3');
  expect(() => freeSlot(SLOTS)).toThrow('all slots of a service are taken on one server');
});

test('a slot says how many come before it; what is none says so', () => {
  expect(SLOTS.map(slotIndex)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(() => slotIndex('7')).toThrow('there is no slot "7"');
  expect(['base', '3', '7', '', undefined].map(isSlot)).toEqual([true, true, false, false, false]);
});

test('the place of a copy is told from every other', () => {
  const place = { server: 'web-1', service: 'api', slot: 'base' } as const;
  const others = [
    place,
    { ...place, server: 'web-2' },
    { ...place, service: 'web' },
    { ...place, slot: '3' as const },
  ];
  expect(new Set(others.map(copyKey)).size).toBe(4);
});
