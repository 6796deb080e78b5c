import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Slot } from '../../../src/model/copy.ts';
import type { Scope } from '../../../src/model/names.ts';
import {
  compose,
  firstFiles,
  flagChanges,
  isServed,
  isWritten,
  unusedFlags,
} from '../../../src/nginx/compose.ts';
import { renderPointer } from '../../../src/nginx/main-file.ts';
import { renderScope } from '../../../src/nginx/render.ts';
import type { NginxKind, Route, RouteServer } from '../../../src/nginx/routes.ts';
import { flagsOf, sidesOf } from '../../../src/nginx/sides.ts';
import { parseTree, servedScope, servingSlots } from '../../../src/nginx/tree.ts';
import {
  at,
  cache,
  LONDON_A,
  LONDON_B,
  NEW_YORK,
  SETTINGS,
  SHOP,
  web,
  wish,
  worker,
} from './routes-of-shop.ts';

const SERVERS = [LONDON_A, LONDON_B, NEW_YORK];
const NAME = 'shop_production';
const OTHER = { base: 'secondary', secondary: 'base' } as const;

/** A route whose copies stand where it is said, on the first servers. */
const standing = (slots: readonly Slot[]) =>
  web({ copies: slots.map((slot, index) => at(SERVERS[index]!, slot)) });
const side = fc.constantFrom<'base' | 'secondary'>('base', 'secondary');
const textsOf = (kind: NginxKind, route: Route) => [
  ...renderScope(kind, SHOP, [route], LONDON_A, SERVERS).entries(),
];
const flagOf = (route: Route, scope: Scope = SHOP) =>
  [...flagsOf('edge', scope, [route], LONDON_A, SERVERS).values()][0];

describe('the two ways of a route', () => {
  test('are the same text, wherever its copies stand and whichever way the traffic goes', () => {
    fc.assert(
      fc.property(fc.array(side, { minLength: 1, maxLength: 3 }), (slots) => {
        const [now, next] = [standing(slots), standing(slots.map((slot) => OTHER[slot]))];
        expect(textsOf('edge', next)).toEqual(textsOf('edge', now));
        expect(textsOf('sidecar', next)).toEqual(textsOf('sidecar', now));
        expect(flagOf(next)).toMatchObject({ name: flagOf(now)!.name, isSet: !flagOf(now)!.isSet });
      }),
    );
  });

  // nginx knows what the names of an upstream mean at once after a reload where they have kept their places in it.
  test('of tcp have an upstream each that stays as it is: a toggle changes where a port is passed to', () => {
    const textOf = (slot: Slot) => textsOf('sidecar', cache({ copies: [at(LONDON_A, slot)] }))[0]![1];
    const passedTo = /proxy_pass (\S+);/g;
    const targetsOf = (text: string) => [...text.matchAll(passedTo)].map(([, target]) => target);
    const [base, secondary] = [textOf('base'), textOf('secondary')];
    expect(secondary.replaceAll(passedTo, '')).toBe(base.replaceAll(passedTo, ''));
    expect(targetsOf(base)).toEqual(Array(2).fill('shop_production_cache'));
    expect(targetsOf(secondary)).toEqual(Array(2).fill('shop_production_cache_secondary'));
  });

  test('keep their flag when something else of the route changes: so old workers look at it too', () => {
    const changed = { ...standing(['base']), idleTimeoutMs: 5_000 };
    changed.ports[0]!.domains = ['other.example.com'];
    expect(flagOf(changed)?.name).toBe(flagOf(standing(['base']))?.name);
  });

  test.each<[string, Route, Scope]>([
    ['another server', standing(['base', 'base']), SHOP],
    ['servers that stand on different sides', standing(['base', 'secondary']), SHOP],
    ['another port of the container', web({ containerPort: 3001 }), SHOP],
    ['another environment', standing(['base']), { project: 'shop', environment: 'staging' }],
  ])('have a flag of their own with %s', (_what, route, scope) => {
    expect(flagOf(route, scope)?.name).not.toBe(flagOf(standing(['base']))?.name);
  });

  test.each<[string, Route]>([
    ['copies with shares', web({ copies: [at(LONDON_A, 'base', 9), at(LONDON_B, 'base', 1)] })],
    ['two copies on both sides of one', web({ copies: [at(LONDON_A, 'base'), at(LONDON_A, 'secondary')] })],
    ['two copies that are not the first', web({ copies: [at(LONDON_A, 'base'), at(LONDON_A, '5')] })],
    ['a copy in a further slot', web({ copies: [at(LONDON_A, '3')] })],
    ['a copy of another server at the port of its version', web({ copies: [at(LONDON_B, 'base', 1, 8609)] })],
    ['no copy in the zone', web({ copies: [at(NEW_YORK, 'base')] })],
  ])('are not there for %s', (_what, route) => {
    expect(sidesOf(SHOP, route, LONDON_A, SERVERS)).toBeUndefined();
  });

  test('lead to the own copy of each server, which may stand on another side than the first', () => {
    const ownOf = (on: RouteServer) =>
      flagsOf('edge', SHOP, [standing(['secondary', 'base'])], on, SERVERS).get('api')?.own;
    expect(ownOf(LONDON_A)).toEqual({ plain: 'base', flagged: 'secondary' });
    expect(ownOf(LONDON_B)).toEqual({ plain: 'secondary', flagged: 'base' });
  });

  test('are there for several copies on a server, and none of them is sent all of its traffic', () => {
    const several = (first: Slot, second: Slot, third: Slot) =>
      web({ copies: [at(LONDON_A, first), at(LONDON_A, second), at(LONDON_B, third)] });
    const [now, next] = [several('base', '4', 'base'), several('secondary', '3', 'secondary')];
    for (const kind of ['edge', 'sidecar'] as const) expect(textsOf(kind, next)).toEqual(textsOf(kind, now));
    expect(flagOf(next)).toMatchObject({ name: flagOf(now)!.name, isSet: true, own: undefined });
    expect(flagOf(now)).toMatchObject({ isSet: false, own: undefined });
  });

  test('are not there for tcp, which moves by a reload, and are for a worker', () => {
    expect(flagsOf('sidecar', SHOP, [cache(), worker()], LONDON_A, SERVERS).size).toBe(1);
    expect(flagsOf('edge', SHOP, [cache(), worker()], LONDON_A, SERVERS).size).toBe(0);
  });
});

describe('a volume', () => {
  const on = (slot: Slot) => wish('edge', [web({ copies: [at(LONDON_A, slot)] })]);
  const { files, folder } = compose('edge', parseTree(firstFiles('edge', SHOP, SETTINGS)), on('base'));
  const live = new Map([...files, ['nginx.conf', renderPointer(folder)]]);
  const [{ name } = { name: '' }] = on('base').flags.values();

  test('with the flag serves the other side', () => {
    const slots = (flagged: boolean) => {
      const tree = parseTree(new Map([...live, ...(flagged ? [[`flags/${name}`, ''] as const] : [])]));
      return servingSlots(servedScope(tree, folder, NAME), LONDON_A.name).get('api');
    };
    expect([slots(false), slots(true)]).toEqual([['base'], ['secondary']]);
  });

  test('has flags that nothing looks at any more: they are removed with the next configuration', () => {
    const old = `${NAME}.api.0123456789abcdef`;
    const others = 'blog_production.api.0123456789abcdef';
    const flags = [old, `${name}.direct`, others].map((flag) => [`flags/${flag}`, ''] as const);
    const tree = parseTree(new Map([...live, ...flags]));
    expect(unusedFlags(tree, on('secondary'))).toEqual([{ service: 'api', name: old, isSet: false }]);
  });

  test('needs nothing but a flag for a toggle', () => {
    const tree = parseTree(live);
    expect([isServed('edge', tree, on('base')), isServed('edge', tree, on('secondary'))]).toEqual([
      true,
      false,
    ]);
    expect(isWritten('edge', tree, on('secondary'))).toBe(true);
    expect(flagChanges(tree, on('secondary'))).toEqual([{ service: 'api', name, isSet: true }]);
  });
});
