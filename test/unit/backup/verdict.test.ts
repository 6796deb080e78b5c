import { expect, test } from '@jest/globals';
import { countedFacts, keyspaceFacts } from '../../../src/backup/databases/redis.ts';
import { differencesOf } from '../../../src/backup/verdict.ts';
import type { BackupFacts } from '../../../src/model/backup.ts';

const counted: BackupFacts = {
  rows: { 'public.orders': 3 },
  sequences: { 'public.orders_id_seq': 3 },
  indexes: ['public.orders_pkey'],
  objects: { triggers: 1 },
  query: '3|9',
};

test('what is the same has no differences', () => {
  expect(differencesOf(counted, counted)).toEqual([]);
});

test('a sequence may have moved on, and not back', () => {
  expect(differencesOf(counted, { ...counted, sequences: { 'public.orders_id_seq': 4 } })).toEqual([]);
  expect(differencesOf(counted, { ...counted, sequences: { 'public.orders_id_seq': 2 } })).toEqual([
    'sequence public.orders_id_seq: 3, restored 2',
  ]);
});

test('everything that is missing is told, up to a limit', () => {
  expect(differencesOf(counted, { rows: {} })).toEqual([
    'rows of public.orders: 3, restored none',
    'triggers: 1, restored none',
    'sequence public.orders_id_seq: 3, restored not at all',
    'index public.orders_pkey is missing',
    'the query answers "", and answered "3|9"',
  ]);
});

test('keys of redis that expire are not counted on', () => {
  const said =
    '[offset 99] \\o/ RDB looks OK! \\o/\n[info] 12 keys read\n[info] 2 expires\n[info] 0 already expired\n';
  expect(countedFacts(said)).toEqual(
    keyspaceFacts('# Keyspace\ndb0:keys=9,expires=1,avg_ttl=0\ndb3:keys=2,expires=0\n'),
  );
  expect(() => countedFacts('[offset 0] Checking RDB file')).toThrow('nobody has counted');
});

test('what was printed has the digest that it had', () => {
  const facts = { rows: {}, digests: { 'what the command has printed': 'aa' } };
  expect(differencesOf(facts, facts)).toEqual([]);
  expect(differencesOf(facts, { rows: {} })).toEqual([
    'what the command has printed has another SHA-256 than it had',
  ]);
});
