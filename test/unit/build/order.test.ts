import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { abilitiesOf } from '../../../src/build/abilities.ts';
import type { Examined } from '../../../src/build/examine.ts';
import { type OrderPlace, orderOf } from '../../../src/build/order.ts';
import type { BuildSpec } from '../../../src/model/build.ts';
import { buildSpec } from './specs.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-order-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const CONTAINER = abilitiesOf({ driver: 'docker-container', hasContainerdStore: false, buildkit: [0, 25] });
const OLD_ENGINE = abilitiesOf({ driver: 'docker', hasContainerdStore: false, buildkit: [0, 8] });

const order = (changes: Partial<BuildSpec> = {}, more: Partial<OrderPlace> = {}) => {
  const parts = { dockerfile: 'd', files: 'f', images: 'i', args: 'a', settings: 's' };
  const examined: Examined = {
    spec: buildSpec(changes),
    context: '/w/api',
    dockerfile: { text: 'FROM scratch' },
    contexts: {},
    hash: 'abc',
    parts,
    changed: [],
    file: undefined,
    lineOf: () => undefined,
    source: undefined,
    copiedFrom: [],
    findings: [],
  };
  return orderOf(examined, {
    ...{ project: 'shop', source: undefined, revision: 'c0ffee', committedAt: 1_700_000_000 },
    ...{
      folder: join(folder, 'api'),
      abilities: CONTAINER,
      cache: { from: [], to: [] },
      isPushed: true,
      writesLayout: false,
      run: undefined,
      before: undefined,
    },
    ...more,
  });
};

test('an image has the names of its content, of the last build and of its commit', async () => {
  const { names } = await order({ tags: ['ghcr.io/acme/api:edge'] });
  const own = 'ghcr.io/acme/shop-production-api';
  expect(names).toEqual([
    ...[`${own}:content-abc`, `${own}:content-last`, `${own}:c0ffee`],
    'ghcr.io/acme/api:edge',
  ]);
});

test('an image of no registry is written to a folder of its build, and says nothing of the time it was made', async () => {
  const { layout, provenance, names } = await order({}, { isPushed: false, writesLayout: true });
  expect({ layout, provenance }).toEqual({ layout: join(folder, 'api', 'layout'), provenance: 'false' });
  expect(names).toHaveLength(2);
});

test('what the builder reads as files is for the user alone', async () => {
  const { dockerfile, secretFiles } = await order({ secrets: { token: Buffer.from('hunter2') } });
  expect(readFileSync(dockerfile, 'utf8')).toBe('FROM scratch');
  expect(readFileSync(secretFiles.token!, 'utf8')).toBe('hunter2');
  expect(statSync(secretFiles.token!).mode & 0o777).toBe(0o600);
});

describe('what an image says of itself', () => {
  test.each([
    { of: 'one that is pushed', provenance: 'mode=min' },
    {
      of: 'one that a run has built',
      more: { run: 'https://github.com/acme/shop/actions/runs/7' },
      provenance: 'mode=min,builder-id=https://github.com/acme/shop/actions/runs/7',
    },
    { of: 'one that stays here', more: { isPushed: false }, provenance: 'false' },
    {
      of: 'one of several platforms',
      changes: { platforms: ['linux/amd64', 'linux/arm64'] },
      provenance: 'false',
    },
    {
      of: 'one whose build says more',
      changes: { provenance: 'mode=max', sbom: 'true' },
      provenance: 'mode=max',
      sbom: 'true',
    },
    { of: 'one whose builder cannot', more: { abilities: OLD_ENGINE } },
  ])('$of', async ({ changes, more, provenance, sbom }) => {
    expect(await order(changes, more)).toMatchObject({ provenance, sbom });
  });
});

test('files get the time of the commit where the builder can, and there is one', async () => {
  const dated = await Promise.all([
    order(),
    order({}, { abilities: OLD_ENGINE, folder: join(folder, 'two') }),
    order({}, { committedAt: undefined, folder: join(folder, 'three') }),
  ]);
  expect(dated.map(({ isDated }) => isDated)).toEqual([true, false, false]);
});
