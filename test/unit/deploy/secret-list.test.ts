import { describe, expect, test } from '@jest/globals';
import { unneeded } from '../../../src/deploy/prune-secrets.ts';
import { userOf } from '../../../src/deploy/record/secret-list.ts';
import { service } from '../../simulation/stories/specs.ts';

const DAY_MS = 24 * 60 * 60_000;

describe('old values', () => {
  const now = Date.parse('2026-11-30T12:00:00Z');
  const set = (name: string, version: number, days: number) => ({
    service: name,
    version,
    keptAt: new Date(now - days * DAY_MS),
  });

  test('are given up when nobody needs them and they are older than 30 days', () => {
    const kept = [set('web', 1, 31), set('api', 2, 40), set('api', 1, 31), set('api', 3, 29)];
    expect(unneeded(kept, new Set(['api/2']), now)).toEqual([
      { service: 'api', version: 1 },
      { service: 'web', version: 1 },
    ]);
  });
});

describe('who uses a secret', () => {
  const release = (number: number, secrets_version: number, secrets = ['TOKEN']) => ({
    number,
    secrets_version,
    created_at: `2026-11-0${number}T12:00:00Z`,
    container: service('api', { secrets }).container,
  });
  const running = (number: number) => ({
    services: {
      api: { release: number, image: 'api:1', copies: [], deployed_at: '', previous: 0, run: '' },
    },
  });

  test('is told with the number of the values, and since when they are the same', () => {
    const releases = [release(1, 1), release(2, 2), release(3, 2), release(4, 3)];
    expect(userOf(running(3), 'api', releases)).toEqual({
      service: 'api',
      set: 2,
      since: '2026-11-02T12:00:00Z',
    });
  });

  test('has no values where it is not deployed with any', () => {
    expect(userOf(running(1), 'api', [release(1, 0, [])])).toEqual({ service: 'api', set: 0 });
    expect(userOf({ services: {} }, 'api', [])).toEqual({ service: 'api', set: 0 });
  });
});
