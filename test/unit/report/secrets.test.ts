import { expect, test } from '@jest/globals';
import type { SecretsShown } from '../../../src/commands/secrets.ts';
import type { ListedSecret } from '../../../src/deploy/record/secret-list.ts';
import { renderSecrets } from '../../../src/report/secrets.ts';

const generated = {
  id: 'f3',
  made_at: '2026-11-30T12:00:00Z',
  run: 'https://github.com/acme/shop/actions/runs/17',
  length: 32,
  servers: ['s1'],
};
const secrets: Record<string, ListedSecret> = {
  API_TOKEN: { from: 'run', usedBy: [{ service: 'api', set: 2, since: '2026-11-28T12:00:00Z' }] },
  db_password: { from: 'generated', usedBy: [{ service: 'api', set: 2 }], generated, sealedFor: ['age1ann'] },
  next: { from: 'generated', usedBy: [] },
};
const shown = {
  kind: 'secrets',
  title: 'shop production',
  secrets,
  outputs: { changed: false, result: secrets },
  failure: undefined,
} as const;
const linesOf = (more: object) =>
  renderSecrets({ ...shown, recipients: ['age1ann', 'age1ben'], ...more } as unknown as SecretsShown).lines;

test('a list says where secrets come from, how old they are and who uses them', () => {
  expect(linesOf({ task: 'list' })).toEqual([
    'shop production: secrets',
    'secret       from           made                       used by',
    'API_TOKEN    input secrets                             api (set 2, since 2026-11-28)',
    'db_password  generated      2026-11-30, 32 characters  api (set 2)',
    'next         generated      not made yet               nobody',
  ]);
  expect(linesOf({ task: 'list', secrets: {} })).toEqual(['shop production: no secrets']);
});

test('recipients are told as they are, and as the file wants them', () => {
  expect(linesOf({ task: 'show-recipients' })).toEqual([
    'shop production: who can open the encrypted copies of generated secrets',
    'secret       its encrypted copy is for',
    'db_password  age1ann',
    'The file names age1ann, age1ben. The next deploy of a service that uses them writes those copies anew.',
  ]);
});

test('what was pruned and exported is told by name', () => {
  const pruned = [{ server: 's1', sets: [{ service: 'api', version: 1 }] }];
  expect(linesOf({ task: 'prune', pruned, isDryRun: false })).toEqual([
    'shop production: old values were given up',
    's1: api 1',
  ]);
  expect(linesOf({ task: 'prune', pruned: [], isDryRun: false })).toEqual([
    'shop production: there are no old values that nobody needs',
  ]);
  expect(linesOf({ task: 'export', exported: ['db_password'], file: 'x.age', isPlain: false })).toEqual([
    'shop production: 1 generated secret is in x.age, encrypted for the key that opened the copies on the state branch',
    'db_password',
  ]);
});
