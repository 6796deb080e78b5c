import { describe, expect, test } from '@jest/globals';
import type { StepFailure } from '../../../src/deploy/execute.ts';
import {
  leftOutFailure,
  type PartialFailureFacts,
  serversToLeaveOut,
  soleHome,
} from '../../../src/deploy/partial-failure.ts';
import type { Step } from '../../../src/deploy/steps/index.ts';
import { UserError, UserErrors } from '../../../src/model/errors.ts';
import type { Route } from '../../../src/nginx/routes.ts';
import { servers } from '../../simulation/stories/specs.ts';

const SERVERS = servers(3);
const STUBBORN = new Error('nginx took nothing');

/** routes returns those of services by the servers that they stand on. */
function routes(homes: Record<string, string[]>): Route[] {
  return Object.entries(homes).map(([name, on]) => ({
    service: name,
    ports: [
      {
        protocol: 'http',
        containerPort: 3000,
        internalPort: 5000,
        hostPort: 8000,
        domains: [],
        provePath: '/',
      },
    ],
    idleTimeoutMs: 60_000,
    copies: on.map((server) => ({ server, slot: 'base', weight: 1 })),
  }));
}

/** failed returns a switch, or its proof, that has failed on a server. */
function failed(
  kind: 'switch' | 'prove',
  server: string,
  served: Route[],
  error: unknown = STUBBORN,
): StepFailure {
  const move = { move: 'api', server, routes: served, moved: ['api'] };
  const step: Step =
    kind === 'prove' ? { kind, ...move } : { kind, ...move, servers: ['a', 'b', 'c'], before: [] };
  return { step, error, isLate: false };
}

const EVERYWHERE = routes({ api: ['a', 'b', 'c'] });

/** decide returns the servers that are left out, and what people are told. */
function decide(failures: StepFailure[], changes: Partial<PartialFailureFacts> = {}) {
  const warnings: string[] = [];
  const left = serversToLeaveOut({
    failures,
    reached: ['a', 'b', 'c'],
    servers: SERVERS,
    policy: 'keep',
    isCancelled: false,
    warn: (sentence) => void warnings.push(sentence),
    ...changes,
  });
  return { left: left && [...left.keys()], warnings };
}

describe('a switch that fails on one of three servers', () => {
  test('is kept by the others where the file says so: that one is left out', () => {
    expect(decide([failed('switch', 'c', EVERYWHERE)])).toEqual({ left: ['c'], warnings: [] });
    expect(decide([failed('prove', 'c', EVERYWHERE)])).toEqual({ left: ['c'], warnings: [] });
  });

  test('brings all back, unless told otherwise', () => {
    expect(decide([failed('switch', 'c', EVERYWHERE)], { policy: 'revert' }).left).toBeUndefined();
  });

  test('brings all back when the run is cancelled, or something else has failed too', () => {
    expect(decide([failed('switch', 'c', EVERYWHERE)], { isCancelled: true }).left).toBeUndefined();
    const other: StepFailure = {
      step: { kind: 'end probe', service: 'api' },
      error: STUBBORN,
      isLate: false,
    };
    expect(decide([failed('switch', 'c', EVERYWHERE), other]).left).toBeUndefined();
  });

  test('brings all back where no server is left that has switched', () => {
    const two = [failed('switch', 'a', EVERYWHERE), failed('prove', 'b', EVERYWHERE)];
    expect(decide(two).left).toEqual(['a', 'b']);
    expect(decide(two, { reached: ['a', 'b'] }).left).toBeUndefined();
  });

  test('brings all back where a service stands there alone that the others use, and says so', () => {
    const served = routes({ api: ['a', 'b', 'c'], db: ['c'] });
    expect(decide([failed('switch', 'c', served)])).toEqual({
      left: undefined,
      warnings: ['c cannot be left out, since db stands nowhere else: all servers go back'],
    });
    expect(decide([failed('switch', 'b', served)]).left).toEqual(['b']);
  });

  test('names the first reason of each server', () => {
    const failures = [
      failed('switch', 'c', EVERYWHERE),
      failed('prove', 'c', EVERYWHERE, new Error('later')),
    ];
    const facts = {
      reached: ['a', 'b', 'c'],
      servers: SERVERS,
      policy: 'keep',
      isCancelled: false,
    } as const;
    expect(serversToLeaveOut({ ...facts, failures, warn: () => undefined })?.get('c')).toBe(STUBBORN);
  });
});

test('a service is lost to others where all its copies of a zone are left out, and the zone is not', () => {
  const on = servers(4, ['lon1', 'lon1', 'nyc1', 'nyc1']);
  const lost = (...left: string[]) => soleHome(new Set(left), EVERYWHERE, on);
  expect([lost('a'), lost('a', 'b'), lost('d')]).toEqual([undefined, undefined, undefined]);
  expect([lost('c'), lost('c', 'd'), lost('a', 'c')]).toEqual(['api', undefined, 'api']);
});

describe('a run that left servers out fails, and says which and why', () => {
  test('none', () => {
    expect(leftOutFailure(new Map())).toBeUndefined();
  });

  test('one', () => {
    expect(leftOutFailure(new Map([['c', new Error('no reload')]]))?.message).toBe(
      'c did not switch and was left out, the others have the new version: no reload',
    );
  });

  test('several, with what each of them said, once', () => {
    const [first, second] = [new UserError('b: no reload'), new UserError('c: no proof')];
    const failure = leftOutFailure(
      new Map([
        ['b', first],
        ['c', second],
      ]),
    );
    expect(failure?.message).toBe(
      `b, c did not switch and was left out, the others have the new version: ${new UserErrors([first, second]).message}`,
    );
  });
});
