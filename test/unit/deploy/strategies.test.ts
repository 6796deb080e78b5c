import { describe, expect, test } from '@jest/globals';
import type { ObservedCopy } from '../../../src/deploy/planning/observed.ts';
import {
  type Replacement,
  type ServingCopy,
  STRATEGIES,
  type Standing,
} from '../../../src/deploy/planning/strategies.ts';
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
    active: active === undefined ? [] : [copyOf(active, activeSlot)],
    beside: idle === undefined ? [] : [copyOf(idle, idleSlot)],
    routed: routed === 'nowhere' ? [] : [routed],
    replicas: 1,
    release: 2,
    rollout,
    taken: [],
    isWanted: ({ hash }) => hash === 'v2',
  };
}

/** decided says what a strategy wants in words: what goes before, what comes, where, and what goes then. */
function decided(strategy: 'toggle' | 'recreate', sketch: Sketch): string {
  const shown = standing(sketch);
  const decision = wordsOf(STRATEGIES[strategy](shown), shown);
  return decision.replaceAll(/ in \w+/g, '');
}

/** What a strategy wants in words; `leave` is what it does not name, and goes as a leftover. */
function wordsOf({ copies, vacate, stop, retire }: Replacement, { beside }: Standing): string {
  const comes = ({ start, resume }: ServingCopy) =>
    start === undefined ? (resume ? 'resume' : 'keep') : start.existing === undefined ? 'create' : 'restart';
  const stay = copies.map(({ standing: copy }) => copy);
  const left = beside.filter((copy) => ![...vacate, ...retire, ...stay].includes(copy));
  return [
    ...vacate.map(({ id }) => `remove ${id}`),
    ...stop.map(({ id }) => `stop ${id}`),
    ...copies.map((copy) => `${comes(copy)} ${copy.slot}`),
    ...retire.map(({ id }) => `retire ${id}`),
    ...left.map(({ id }) => `retire ${id}`),
  ].join(', ');
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
    expect(STRATEGIES.toggle(taken).copies.map(({ slot }) => slot)).toEqual(['4']);
  });

  test('a copy that is made as wanted and is of another release is not taken for the new one', () => {
    const { beside, ...sketch } = standing({ active: 'v1', idle: 'v2' });
    const older = { ...sketch, beside: beside.map((copy) => ({ ...copy, release: 1 })) };
    expect(wordsOf(STRATEGIES.toggle(older), older)).toBe(
      'remove v2 in secondary, create secondary, retire v1 in base',
    );
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

describe('toggle of several copies', () => {
  /** `v1 in base, v1 stopped in 3` */
  function several(active: string, beside: string, replicas: number, more: Partial<Standing> = {}): Standing {
    const copies = (text: string) =>
      text.split(', ').flatMap((one) => {
        const [version = '', slot] = one.split(' in ');
        return slot === undefined ? [] : [copyOf(version, slot as Slot)];
      });
    const serving = copies(active);
    const routed = serving.map(({ slot }) => slot);
    const shown = { active: serving, beside: copies(beside), routed, replicas };
    return { ...standing({}), ...shown, ...more };
  }

  test.each<[string, Standing, string]>([
    ['nothing is there', several('', '', 2), 'create base, create 3'],
    [
      'all are replaced together, each by its other side',
      several('v1 in base, v1 in 3', '', 2),
      'create secondary, create 4, retire v1 in base, retire v1 in 3',
    ],
    [
      'and back',
      several('v1 in secondary, v1 in 4', '', 2),
      'create base, create 3, retire v1 in secondary, retire v1 in 4',
    ],
    ['one more is wanted: only that starts', several('v2 in secondary', '', 2), 'keep secondary, create 3'],
    ['one less: only that goes', several('v2 in base, v2 in 3', '', 1), 'keep base, retire v2 in 3'],
    [
      'less, and one has stopped: what runs stays',
      several('v2 stopped in base, v2 in 3', '', 1),
      'keep 3, retire v2 in base',
    ],
    [
      'more of another version',
      several('v1 in base, v1 in 3', '', 3),
      'create secondary, create 4, create 5, retire v1 in base, retire v1 in 3',
    ],
    [
      'one is not as wanted: the others stay',
      several('v2 in base, v0 in 3, v2 in 5', '', 3),
      'keep base, create 4, keep 5, retire v0 in 3',
    ],
    [
      'one has crashed: it starts again in its place',
      several('v2 in base, v2 stopped in 3', '', 2),
      'keep base, restart 3',
    ],
    [
      'the container of one is gone: no new one stands where routes lead to',
      several('v2 in base', '', 2, { routed: ['base', '3'] }),
      'keep base, create 4',
    ],
    [
      'a killed run has started one of two',
      several('v1 in base, v1 in 3', 'v2 in 4', 2, { rollout: 2 }),
      'create secondary, resume 4, retire v1 in base, retire v1 in 3',
    ],
    [
      'a killed run has switched and not retired',
      several('v2 in secondary, v2 in 4', 'v1 in base, v1 in 3', 2),
      'keep secondary, keep 4, retire v1 in base, retire v1 in 3',
    ],
    [
      'a killed run has left copies of a release that nobody wants',
      several('v1 in base, v1 in 3', 'v0 in secondary, v0 in 4, v0 in 5', 2),
      'remove v0 in secondary, remove v0 in 4, create secondary, create 4, retire v1 in base, retire v1 in 3, retire v0 in 5',
    ],
    [
      'none of those with the traffic runs: their backups serve',
      several('v1 stopped in base, v1 stopped in 3', 'v0 in secondary, v0 in 4', 2),
      'remove v1 stopped in base, remove v1 stopped in 3, create 5, create 7, retire v0 in secondary, retire v0 in 4',
    ],
  ])('%s', (_what, shown, decision) => {
    expect(wordsOf(STRATEGIES.toggle(shown), shown)).toBe(decision.replaceAll(' stopped in', ' in'));
  });

  test('there is room for six, and for their successors', () => {
    const active = ['v1 in base', 'v1 in 3', 'v1 in 5', 'v1 in 7', 'v1 in 9', 'v1 in 11'].join(', ');
    const { copies } = STRATEGIES.toggle(several(active, '', 6));
    expect(copies.map(({ slot }) => slot)).toEqual(['secondary', '4', '6', '8', '10', '12']);
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
      const { active, beside, ...rest } = standing(sketch);
      const { copies, stop, vacate } = STRATEGIES.recreate({ ...rest, active, beside });
      const gone = [...stop, ...vacate];
      const left = [...active, ...beside].filter((copy) => copy.isRunning && !gone.includes(copy));
      const others = left.filter((copy) => copies.every(({ slot }) => slot !== copy.slot));
      expect({ sketch, others }).toEqual({ sketch, others: [] });
    }
  });
});
