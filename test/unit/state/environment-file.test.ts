import { expect, test } from '@jest/globals';
import type { EnvironmentState, RecordedService } from '../../../src/model/release.ts';
import { emptyState, keepUnknown, parseState } from '../../../src/state/environment-file.ts';
import { formatJson } from '../../../src/state/json-file.ts';
import { recorded } from './git-world.ts';

const place = { ref: 'switchyard-state', path: 'state/shop/production.json' };
const since = '2026-11-21T12:00:00.000Z';

/** A service in the middle of everything. */
const busy: RecordedService = {
  ...recorded(7),
  copies: [
    { ...recorded(7).copies[0]!, weight: 9 },
    { ...recorded(7).copies[0]!, slot: '3', state: 'standby', weight: 0 },
    { ...recorded(6).copies[0]!, slot: 'secondary', state: 'draining', until: '2026-11-21T12:10:00.000Z' },
  ],
  rollout: { release: 8, strategy: 'toggle', step: 'starting', run: 'local', since },
  hooks: { release: 8, server: 'one', pre_deploy: 'done', post_deploy: 'due' },
};

function state(api: object): EnvironmentState {
  return {
    ...emptyState({ project: 'shop', environment: 'production' }),
    services: { api },
  } as EnvironmentState;
}

test('a record is read as it was written: copies, a rollout, hooks, and what is unknown here', () => {
  const full = {
    ...state({ ...busy, later: 1, copies: busy.copies.map((copy) => ({ ...copy, zone: 'lon1' })) }),
    stale_servers: { two: { since, run: 'local', reason: 'unreachable' } },
    release_numbers: { api: 8 },
  };
  expect(parseState(formatJson(full), place)).toEqual(full);
});

test.each([
  [
    'a copy in no slot',
    { copies: [{ ...recorded(7).copies[0], slot: 'tertiary' }] },
    'services.api.copies.0.slot',
  ],
  [
    'a copy that does what nobody knows',
    { copies: [{ ...recorded(7).copies[0], state: 'idle' }] },
    'services.api.copies.0.state',
  ],
  [
    'a rollout at a step that nobody knows',
    { rollout: { ...busy.rollout, step: 'halfway' } },
    'services.api.rollout.step',
  ],
])('%s is refused, and named', (_what, change, path) => {
  expect(() => parseState(formatJson(state({ ...busy, ...change })), place)).toThrow(
    `state/shop/production.json on switchyard-state is not what Switchyard writes: ${path}: `,
  );
});

test('what is unknown outlives a record that is built anew, and what is known is gone when it is left out', () => {
  const before = { ...state({ ...busy, canary: 10 }), note: 'by hand', release_numbers: { api: 8 } };
  expect(keepUnknown(before, state(recorded(8)))).toEqual({
    ...state({ ...recorded(8), canary: 10 }),
    note: 'by hand',
  });
});
