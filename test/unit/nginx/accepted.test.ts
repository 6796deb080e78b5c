import { expect, test } from '@jest/globals';
import { isAccepted } from '../../../src/nginx/accepted.ts';
import { compose, firstFiles, type ScopeWish } from '../../../src/nginx/compose.ts';
import { type NginxKind, renderPointer } from '../../../src/nginx/render.ts';
import { parseTree } from '../../../src/nginx/tree.ts';
import { cache, LONDON_A, LONDON_B, SETTINGS, SHOP, web, wish } from './routes-of-shop.ts';

const NAME = 'shop_production';
const on = (side: 'base' | 'secondary', changes = {}) =>
  web({ placements: [{ host: LONDON_A.host, side }], ...changes });

/** An nginx that serves `now`; `next` is what it shall serve. */
function accepts(
  kind: NginxKind,
  now: ScopeWish,
  next: ScopeWish,
  change?: (files: Map<string, string>) => void,
) {
  const files = firstFiles(kind, SHOP, SETTINGS);
  const { files: written, slot, generation } = compose(kind, parseTree(files), now);
  for (const [path, content] of [...written, ['nginx.conf', renderPointer(slot)] as const])
    files.set(path, content);
  change?.(files);
  const tree = parseTree(files);
  return {
    ofServed: isAccepted(tree, tree.live, generation, compose(kind, tree, next)),
    ofUnread: isAccepted(tree, tree.live, undefined, compose(kind, tree, next)),
    ofOther: isAccepted(tree, tree.live, '1.00000000', compose(kind, tree, next)),
    scopes: Object.keys(tree.slots[tree.live].manifest?.scopes ?? {}),
  };
}

test.each(['edge', 'sidecar'] as const)(
  'on an %s a toggle changes nothing that nginx could refuse',
  (kind) => {
    const result = accepts(kind, wish(kind, [on('base'), cache()]), wish(kind, [on('secondary'), cache()]));
    expect(result).toMatchObject({ ofServed: true, scopes: [NAME] });
  },
);

test('nor does one among several servers', () => {
  const servers = [LONDON_A, LONDON_B];
  const both = (a: 'base' | 'secondary', b: 'base' | 'secondary') =>
    web({
      placements: [
        { host: LONDON_A.host, side: a },
        { host: LONDON_B.host, side: b },
      ],
    });
  const from = wish('edge', [both('base', 'secondary')], { servers });
  expect(accepts('edge', from, wish('edge', [both('secondary', 'base')], { servers })).ofServed).toBe(true);
});

test('what nginx has not told to serve was not accepted', () => {
  const result = accepts('edge', wish('edge', [on('base')]), wish('edge', [on('secondary')]));
  expect(result).toMatchObject({ ofUnread: false, ofOther: false });
});

test.each([
  ['another domain', on('secondary', { domains: ['other.example.com'] })],
  ['another port', on('secondary', { containerPort: 3001 })],
  ['another idle timeout', on('secondary', { idleTimeoutMs: 1_000 })],
  ['another path of the proof', on('secondary', { provePath: '/other' })],
])('%s has to be checked', (_what, route) => {
  expect(accepts('edge', wish('edge', [on('base')]), wish('edge', [route])).ofServed).toBe(false);
});

test('a service more, or one less, has to be checked', () => {
  const one = wish('sidecar', [on('base')]);
  const two = wish('sidecar', [on('secondary'), cache()]);
  expect(accepts('sidecar', one, two).ofServed).toBe(false);
  expect(accepts('sidecar', two, one).ofServed).toBe(false);
});

test('what somebody has changed by hand has to be checked', () => {
  const change = (files: Map<string, string>) => {
    const path = [...files.keys()].find((name) => name.endsWith('/api.conf'))!;
    files.set(path, `${files.get(path)}# by hand\n`);
  };
  expect(accepts('edge', wish('edge', [on('base')]), wish('edge', [on('secondary')]), change).ofServed).toBe(
    false,
  );
});
