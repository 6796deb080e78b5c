import { describe, expect, test } from '@jest/globals';
import type { ObservedCopy } from '../../../src/deploy/planning/observed.ts';
import { STRATEGIES, type Standing } from '../../../src/deploy/planning/strategies.ts';
import type { Slot } from '../../../src/model/copy.ts';

/** Copies are known by what they are called; `v2` is what shall run, as release 2. */
interface Sketch {
  /** A version, and `stopped` where it does not run. */
  active?: string;
  idle?: string;
  /** Where the active copy stands, `base` unless told; the idle one stands in the other slot. */
  activeSlot?: Slot;
  /** Where the routes lead, to the active copy unless told. */
  routed?: Slot | 'nowhere';
  /** A run has begun to roll this release out. */
  rollout?: number;
}

function copyOf(sketch: string, slot: Slot): ObservedCopy {
  const [version = '', stopped] = sketch.split(' ');
  return {
    id: `${version} in ${slot}`,
    name: `api_${slot}`,
    service: 'api',
    slot,
    release: Number(version.slice(1)),
    hash: version,
    secretsVersion: 0,
    image: 'api',
    imageId: 'sha256:api',
    isRunning: stopped === undefined,
    hostPort: 8100,
    versionPort: undefined,
    internalPort: 5100,
    address: '172.18.0.3',
    helpers: [],
  };
}

function standing({ active, idle, activeSlot = 'base', routed = activeSlot, rollout }: Sketch): Standing {
  const idleSlot = activeSlot === 'base' ? 'secondary' : 'base';
  return {
    active: active === undefined ? undefined : copyOf(active, activeSlot),
    idle: idle === undefined ? undefined : copyOf(idle, idleSlot),
    routed: routed === 'nowhere' ? undefined : routed,
    release: 2,
    rollout,
    taken: [],
    isWanted: ({ hash }) => hash === 'v2',
  };
}

/** decided says what a strategy wants in words: what goes before, what comes, where, and what goes then. */
function decided(strategy: 'toggle' | 'recreate', sketch: Sketch): string {
  const { slot, start, resume, vacate, stop, retire } = STRATEGIES[strategy](standing(sketch));
  const coming =
    start === undefined ? (resume ? 'resume' : 'keep') : start.existing === undefined ? 'create' : 'restart';
  return [
    vacate && `remove ${vacate.hash}`,
    stop && `stop ${stop.hash}`,
    `${coming} ${slot}`,
    retire && `retire ${retire.hash}`,
  ]
    .filter(Boolean)
    .join(', ');
}

describe('toggle', () => {
  test.each<[string, Sketch, string]>([
    ['nothing is there', { routed: 'nowhere' }, 'create base'],
    ['what is wanted serves', { active: 'v2' }, 'keep base'],
    ['another version serves', { active: 'v1' }, 'create secondary, retire v1'],
    [
      'another version serves in the other slot',
      { active: 'v1', activeSlot: 'secondary' },
      'create base, retire v1',
    ],
    ['what is wanted has stopped', { active: 'v2 stopped' }, 'restart base'],
    ['another version has stopped', { active: 'v1 stopped' }, 'create secondary, retire v1'],
    ['the copy that routes lead to is gone, and there is no other', { routed: 'base' }, 'create secondary'],
    [
      'what is wanted serves, and an old one was left beside it',
      { active: 'v2', idle: 'v1' },
      'keep base, retire v1',
    ],
    [
      'an old one stands where the new one shall',
      { active: 'v1', idle: 'v0' },
      'remove v0, create secondary, retire v1',
    ],
  ])('%s', (_what, sketch, decision) => {
    expect(decided('toggle', sketch)).toBe(decision);
  });

  test.each<[string, Sketch, string]>([
    [
      'it goes on with the copy of this release that a killed run has started',
      { active: 'v1', idle: 'v2', rollout: 2 },
      'resume secondary, retire v1',
    ],
    ['also where the record of it was lost', { active: 'v1', idle: 'v2' }, 'resume secondary, retire v1'],
    [
      'not where it has stopped: it may have crashed',
      { active: 'v1', idle: 'v2 stopped', rollout: 2 },
      'remove v2, create secondary, retire v1',
    ],
    [
      'nor with one of another release, whatever it is made of',
      { active: 'v1', idle: 'v3', rollout: 3 },
      'remove v3, create secondary, retire v1',
    ],
  ])('%s', (_what, sketch, decision) => {
    expect(decided('toggle', sketch)).toBe(decision);
  });

  test('a new copy stands in no slot that is taken by what is not its affair', () => {
    const taken = { ...standing({ active: 'v1' }), taken: ['secondary', '3'] as const };
    expect(STRATEGIES.toggle(taken).slot).toBe('4');
  });

  test('a copy that is made as wanted and is of another release is not taken for the new one', () => {
    const { idle, ...sketch } = standing({ active: 'v1', idle: 'v2' });
    const { start, vacate } = STRATEGIES.toggle({ ...sketch, idle: { ...idle!, release: 1 } });
    expect([start, vacate?.hash]).toEqual([{ existing: undefined }, 'v2']);
  });

  describe('where the copy that has the traffic does not run, the one beside it serves as its backup', () => {
    test.each<[string, Sketch, string]>([
      // It must not stand where routes lead to: it would have traffic before it is healthy. Nor where the backup is.
      [
        'a new one stands in a third slot',
        { active: 'v1 stopped', idle: 'v0' },
        'remove v1, create 3, retire v0',
      ],
      ['also where its container is gone', { idle: 'v0', routed: 'base' }, 'create 3, retire v0'],
      [
        'whatever the slots',
        { active: 'v1 stopped', idle: 'v0', activeSlot: 'secondary' },
        'remove v1, create 3, retire v0',
      ],
      [
        'unless it never had traffic: a run was rolling it out',
        { active: 'v1 stopped', idle: 'v3', rollout: 3 },
        'remove v3, create secondary, retire v1',
      ],
      [
        'but where nothing else is left, it has some by now',
        { idle: 'v3', routed: 'base', rollout: 3 },
        'create 3, retire v3',
      ],
      [
        'and when the record was lost, nobody knows that it never had',
        { active: 'v1 stopped', idle: 'v3' },
        'remove v1, create 3, retire v3',
      ],
      [
        'two that do not run serve nobody',
        { active: 'v1 stopped', idle: 'v0 stopped' },
        'remove v0, create secondary, retire v1',
      ],
      [
        'what is wanted is started again in its place',
        { active: 'v2 stopped', idle: 'v1' },
        'restart base, retire v1',
      ],
    ])('%s', (_what, sketch, decision) => {
      expect(decided('toggle', sketch)).toBe(decision);
    });
  });
});

describe('recreate', () => {
  test.each<[string, Sketch, string]>([
    ['nothing is there', { routed: 'nowhere' }, 'create base'],
    ['what is wanted serves', { active: 'v2' }, 'keep base'],
    [
      'the old copy stops before the new one starts',
      { active: 'v1' },
      'stop v1, create secondary, retire v1',
    ],
    [
      'also one that does not run: its engine may be about to start it',
      { active: 'v1 stopped' },
      'stop v1, create secondary, retire v1',
    ],
    ['what is wanted has stopped', { active: 'v2 stopped' }, 'restart base'],
    [
      'another one goes before what is wanted starts again',
      { active: 'v2 stopped', idle: 'v1' },
      'remove v1, restart base',
    ],
    ['and beside what is wanted and serves', { active: 'v2', idle: 'v1' }, 'remove v1, keep base'],
    [
      'a killed run has started the new one, and the old one has stopped',
      { active: 'v1 stopped', idle: 'v2', rollout: 2 },
      'stop v1, resume secondary, retire v1',
    ],
    [
      'somebody has started the old one again meanwhile',
      { active: 'v1', idle: 'v2', rollout: 2 },
      'stop v1, resume secondary, retire v1',
    ],
    [
      'an older one stands where the new one shall',
      { active: 'v1', idle: 'v0' },
      'remove v0, stop v1, create secondary, retire v1',
    ],
  ])('%s', (_what, sketch, decision) => {
    expect(decided('recreate', sketch)).toBe(decision);
  });

  test('no two copies ever run together, whatever stands there', () => {
    const copies = ['', 'v0', 'v0 stopped', 'v1', 'v1 stopped', 'v2', 'v2 stopped', 'v3', 'v3 stopped'];
    const sketches = copies.flatMap((active) =>
      copies.flatMap((idle) =>
        [undefined, 2, 3].map(
          (rollout): Sketch => ({
            ...(active && { active }),
            ...(idle && { idle }),
            ...(rollout && { rollout }),
          }),
        ),
      ),
    );
    for (const sketch of sketches) {
      const { active, idle, ...rest } = standing(sketch);
      const { slot, stop, vacate } = STRATEGIES.recreate({ ...rest, active, idle });
      const gone = [stop, vacate];
      const left = [active, idle].filter((copy) => copy?.isRunning && !gone.includes(copy));
      expect({ sketch, beside: left.filter((copy) => copy?.slot !== slot) }).toEqual({ sketch, beside: [] });
    }
  });
});
