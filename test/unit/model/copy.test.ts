import { expect, test } from '@jest/globals';
import { acrossFrom, copyKey, freeSlots, isSlot, laneOf, SLOTS, slotIndex } from '../../../src/model/copy.ts';

test('slots are taken in their order, and one that was left is taken again', () => {
  expect(freeSlots(1, [], [])).toEqual(['base']);
  expect(freeSlots(1, [], ['base'])).toEqual(['secondary']);
  expect(freeSlots(1, [], ['secondary'])).toEqual(['base']);
  expect(freeSlots(1, [], ['base', 'secondary', '4'])).toEqual(['3']);
  expect(() => freeSlots(1, [], SLOTS)).toThrow('all slots of a service are taken on one server');
});

test('each of several new copies stands in a lane of its own, across from the old one', () => {
  expect(freeSlots(3, [], [])).toEqual(['base', '3', '5']);
  expect(freeSlots(3, [], ['base', '3', '5'])).toEqual(['secondary', '4', '6']);
  expect(freeSlots(2, ['base'], [])).toEqual(['3', '5']);
  expect(freeSlots(2, ['base'], ['3', '4'])).toEqual(['5', '7']);
  expect(SLOTS.map(laneOf)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
  expect(SLOTS.map(acrossFrom).map(acrossFrom)).toEqual(SLOTS);
});

test('where no lanes are left, whatever is free is taken', () => {
  const odd = SLOTS.filter((_slot, index) => index % 2 === 0);
  expect(freeSlots(2, odd, [])).toEqual(['secondary', '4']);
});

test('a slot says how many come before it; what is none says so', () => {
  expect(SLOTS.map(slotIndex)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(() => slotIndex('13')).toThrow('there is no slot "13"');
  expect(['base', '3', '13', '', undefined].map(isSlot)).toEqual([true, true, false, false, false]);
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
