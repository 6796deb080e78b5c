import { describe, expect, test } from '@jest/globals';
import { connectionValues } from '../../../src/deploy/planning/connection-values.ts';
import { hiddenValues } from '../../../src/model/hidden-values.ts';
import type { ContainerSpec } from '../../../src/model/spec.ts';
import { service } from '../../simulation/stories/specs.ts';

const connections: NonNullable<ContainerSpec['connections']> = {
  db: { kind: 'postgres', user: 'app', database: 'shop', hasPassword: true, variables: ['DATABASE_URL'] },
  cache: { kind: 'redis' },
};
const { container } = service('api');
const api = { name: 'api', container: { ...container, connections } };
const ports = new Map([
  ['db', { host: 8100, internal: 5100 }],
  ['cache', { host: 8200, internal: 5200 }],
]);

describe('the values that an app gets of services that it depends on', () => {
  test('are made of its own and of ports that are known by then', () => {
    expect(connectionValues(api, { TOKEN: 'x', 'password of db': 'p@ss' }, ports)).toEqual({
      TOKEN: 'x',
      'password of db': 'p@ss',
      'url of db': 'postgresql://app:p%40ss@nginx:5100/shop',
      DATABASE_URL: 'postgresql://app:p%40ss@nginx:5100/shop',
      'url of cache': 'redis://nginx:5200/0',
    });
  });

  test('have no line end that the file of a password ends with: images leave it out, too', () => {
    const values = connectionValues(api, { 'password of db': 'p\r\n' }, ports);
    expect([values['password of db'], values.DATABASE_URL]).toEqual([
      'p',
      'postgresql://app:p@nginx:5100/shop',
    ]);
  });

  test('are kept out of the log, also as they stand in an address', () => {
    const values = connectionValues(api, { 'password of db': 'p@ssword' }, ports);
    expect(hiddenValues(values, api.container)).toEqual(expect.arrayContaining(['p@ssword', 'p%40ssword']));
  });
});
