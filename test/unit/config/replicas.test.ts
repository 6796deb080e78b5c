import { expect, test } from '@jest/globals';
import { errorsOf, messagesOf, resolveOne } from './files.ts';

test.each([
  ['', 1],
  ['replicas: 3', 3],
  ['scale: 2', 2],
  ['deploy: { replicas: 2 }', 2],
  ['scale: 2\ndeploy: { replicas: 2 }', 2],
])('%s is %i on each server', (keys, replicas) => {
  expect(resolveOne(keys).placement).toEqual({ servers: 1, zones: [], replicas });
});

test('how many there are is no part of a release: what else is in it stays the same', () => {
  const { placement: _, ...three } = resolveOne('replicas: 3');
  expect(resolveOne('')).toMatchObject(three);
});

test.each([
  ['replicas: 0', 'replicas: must be 1 to 6, not 0', /^Take the service out/],
  ['replicas: 7', 'replicas: must be 1 to 6, not 7', /^Write servers: 2/],
  ['replicas: 2\nscale: 3', 'replicas: says something else than scale', /^Keep one of the two/],
  [
    'replicas: 2\nstrategy: recreate',
    'replicas: the old copy stops before the new one starts, since two must not work at once',
    /strategy: toggle/,
  ],
  [
    'deploy: { replicas: 2 }\nnaming: version',
    'deploy.replicas: with naming: version the names',
    /naming: side/,
  ],
])('%s is refused', (keys, message, hint) => {
  const [error] = errorsOf(() => resolveOne(keys));
  expect(messagesOf(() => resolveOne(keys))).toEqual([expect.stringContaining(`services.api.${message}`)]);
  expect(error?.hint).toMatch(hint);
});

test('a database from a preset has one copy, and the error says why', () => {
  expect(messagesOf(() => resolveOne('preset: postgres\nversion: "17"\nreplicas: 2'))).toEqual([
    expect.stringContaining('replicas: postgres keeps its data in one place'),
  ]);
});

test('what writes to a volume alone has one copy', () => {
  expect(messagesOf(() => resolveOne('replicas: 2\nvolumes: ["data:/data"]'))).toEqual([
    expect.stringContaining('two containers would write to volume "data"'),
  ]);
});
