import { expect, test } from '@jest/globals';
import type { Slot } from '../../../src/model/copy.ts';
import { renderTries, triesOf } from '../../../src/nginx/tries.ts';

/** Copies on servers, written `a base`, or `a base 0` where one has no traffic. */
const on = (...copies: string[]) =>
  copies.map((text) => {
    const [server = '', slot = '', weight = '1'] = text.split(' ');
    return { server, slot: slot as Slot, weight: Number(weight) };
  });

test.each([
  ['nobody is there', on()],
  ['there is one copy on each server', on('a base', 'b secondary')],
  ['one shares its traffic with its successor', on('a base 9', 'a secondary 1', 'b base')],
  ['others wait without traffic', on('a base', 'a secondary 0', 'a 3 0', 'b base')],
])('the usual is enough where %s', (_what, copies) => {
  expect(triesOf(copies)).toBeUndefined();
  expect(renderTries('proxy')).toEqual(['proxy_next_upstream_tries 2;', 'proxy_next_upstream_timeout 5s;']);
});

test.each([
  ['two', on('a base', 'a 3', 'b base', 'b 3'), 3, 5],
  ['three on one of them', on('a base', 'b base', 'b 3', 'b 5'), 4, 7],
  ['six', on('a base', 'a 3', 'a 5', 'a 7', 'a 9', 'a 11', 'b base'), 7, 13],
])(
  'a server that dies with %s copies is passed over, and one try is left',
  (_what, copies, count, seconds) => {
    expect(triesOf(copies)).toEqual({ count, seconds });
    expect(renderTries('grpc', { count, seconds })).toEqual([
      `grpc_next_upstream_tries ${count};`,
      `grpc_next_upstream_timeout ${seconds}s;`,
    ]);
  },
);
