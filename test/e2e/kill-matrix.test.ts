import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { RunningAction } from './action.ts';
import { fullSizeTest } from './full-size-test.ts';
import { Arena } from './kill-arena.ts';
import { describeMoment, isChosen, type Moment, momentsOf, sampleOf, strike } from './moments.ts';
import type { Inputs } from './project.ts';
import { said } from './said.ts';
import { size } from './size.ts';

jest.setTimeout(size.killMatrixMinutes * 60_000);

/** Other seeds find other samples: SWITCHYARD_SEED=7 npm run … */
const SEED = Number(process.env.SWITCHYARD_SEED ?? 4);
/** GitHub gives a cancelled run 7.5 s before it insists. */
const CANCEL_MS = 7_000;
/** It takes 20 s to notice that a connection is dead, 8 s to find that there is no other, and then the rest goes back. */
const CUT_MS = 60_000;

/** A change that a run makes, and how the servers come to stand before it. */
interface Story {
  name: string;
  /** Brings the servers to where the story begins; the file says what the story's run shall do. */
  arrange(arena: Arena): Promise<void>;
  /** What is run and hit, `toggle-deploy` unless given. */
  run?: { action: string; inputs: Inputs };
}

const FIRST = 'while it deploys for the first time';
const USUAL = 'while it deploys new versions';
const LAST = 'while everything leaves';

const USUAL_STORY: Story = {
  name: USUAL,
  arrange: async (arena) => {
    await ensureDeployed(arena);
    arena.nextVersion();
  },
};

const STORIES: readonly Story[] = [
  {
    name: FIRST,
    arrange: async (arena) => {
      if (arena.hasServices) await arena.shop.leave();
      arena.nextVersion();
    },
  },
  USUAL_STORY,
  {
    name: LAST,
    arrange: async (arena) => {
      await ensureDeployed(arena);
      arena.shop.edit((config) => {
        config.services = {};
      });
    },
  },
  {
    name: 'while it rolls back',
    arrange: async (arena) => {
      arena.nextVersion();
      await arena.deploy();
      arena.nextVersion();
      await arena.deploy();
    },
    run: { action: 'rollback', inputs: { service: 'api' } },
  },
];

async function ensureDeployed(arena: Arena): Promise<void> {
  if (arena.hasServices) return;
  arena.nextVersion();
  await arena.deploy();
}

/** What happens to a run at a moment, and what must be true of it then. */
interface Blow {
  hit(arena: Arena, run: RunningAction, moment: Moment): unknown;
  /** Returns when the run has ended. */
  expectEnd(arena: Arena, run: RunningAction): Promise<void>;
}

/** A cancelled run ends in time, says so, and gives its lease back. */
const cancel = (signal: 'SIGINT' | 'SIGTERM'): Blow => ({
  hit: (_arena, run) => run.signal(signal),
  expectEnd: async ({ shop }, run) => {
    const struckAt = performance.now();
    const { code, summary, log } = await run.done;
    expect(performance.now() - struckAt).toBeLessThan(CANCEL_MS);
    // When nothing was left that could be called off, the run is a success.
    expect(summary).toMatch(code === 0 ? 'deployed' : `the run was cancelled (${signal})`);
    expect(log).toMatch(`${signal}: the run is cancelled`);
    expect(await shop.lease()).toMatchObject({ released: true });
  },
});

const BLOWS = {
  /** The runner's post step gives the lease back; without it the next run sees that the process is gone. */
  SIGKILL: {
    hit: (_arena, run) => run.signal('SIGKILL'),
    expectEnd: async ({ shop }, run) => {
      const { code, state } = await run.done;
      expect(code).not.toBe(0);
      await shop.run('post', {}, { STATE_lease: state.lease ?? '' });
      expect(await shop.lease()).toMatchObject({ released: true });
    },
  },
  SIGTERM: cancel('SIGTERM'),
  SIGINT: cancel('SIGINT'),
  'SSH mute for 5 s': {
    hit: (arena, run, moment) => arena.mute(moment, run.log()),
    expectEnd: async (arena, run) => {
      await sleep(5_000);
      await arena.unmute();
      await expectPlainEnd(arena, run);
    },
  },
  'SSH mute for good': {
    hit: (arena, run, moment) => arena.mute(moment, run.log()),
    expectEnd: async (arena, run) => {
      await expectPlainEnd(arena, run).finally(() => arena.unmute());
    },
  },
} satisfies Record<string, Blow>;
const SIGNALS = ['SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGINT'] as const;
const CUTS = ['SSH mute for 5 s', 'SSH mute for good'] as const;
/** The simulation hits every call of a run in every way; this is the same on real machines. */
const SAMPLE = ['SIGKILL', 'SSH mute for 5 s'] as const;

/** In bounded time, with a success or with a sentence that names the server. */
async function expectPlainEnd({ shop, muteHost }: Arena, run: RunningAction): Promise<void> {
  const struckAt = performance.now();
  const ended = await run.done;
  expect(performance.now() - struckAt).toBeLessThan(CUT_MS);
  expect(await shop.lease()).toMatchObject({ released: true });
  if (ended.code === 0) return;
  expect(said(ended)).toMatch(/^::error title=Switchyard::/m);
  expect(said(ended)).not.toMatch('please report it');
  if (muteHost !== undefined) expect(said(ended)).toMatch(muteHost);
}

interface Case extends Story {
  moment: Moment;
  blow: keyof typeof BLOWS;
}

/** The kill matrix: a run is hit at every step that its plan has. Nobody notices, and the next run finishes it. */
describe('A run that is hit', () => {
  /** The whole matrix is struck in several of them side by side. */
  let arenas: Arena[] = [];

  beforeAll(async () => {
    arenas = await Promise.all(Array.from({ length: size.killArenas }, () => Arena.open()));
    // A moment of one has to come in all of them.
    if (arenas.length > 1) await Promise.all(arenas.map((arena) => arena.gainPast()));
  });

  afterAll(async () => {
    await Promise.all(arenas.map((arena) => arena.close()));
  });

  test('at one step or another of a usual deploy: no request is lost, and the next run finishes the work', async () => {
    const kinds = sampleOf(await momentsIn([USUAL_STORY]), SEED);
    const apart = Math.floor(kinds.length / SAMPLE.length);
    await strikeAll(
      SAMPLE.map((blow, index) => ({ ...kinds[(SEED + index * apart) % kinds.length]!, blow })),
    );
  });

  fullSizeTest('at one moment of every kind of step', async () => {
    const kinds = inTurn(sampleOf(usualFirst(await allMoments()), SEED));
    // Every way to die, spread over the kinds. It takes half a minute until a cut for good is noticed: one is enough.
    const cuts = CUTS.map((_cut, index) => (SEED + index * 5) % kinds.length);
    await strikeAll(
      kinds.map((one, index) => {
        const cut = CUTS[cuts.indexOf(index)];
        return { ...one, blow: cut ?? SIGNALS[(index + SEED) % SIGNALS.length]! };
      }),
    );
  });

  fullSizeTest.each(['SIGKILL', 'SIGTERM'] as const)('at every moment, by %s', async (blow) => {
    await strikeAll((await allMoments()).map((one) => ({ ...one, blow })));
  });

  fullSizeTest.each(CUTS)('at one moment of every kind of step, by %s', async (blow) => {
    await strikeAll(sampleOf(await allMoments(), SEED).map((one) => ({ ...one, blow })));
  });

  const allMoments = () => momentsIn(STORIES);

  async function momentsIn(stories: readonly Story[]): Promise<(Story & { moment: Moment })[]> {
    const all: (Story & { moment: Moment })[] = [];
    for (const story of stories) {
      await story.arrange(arenas[0]!);
      const { code, log } = await arenas[0]!.start(story.run).done;
      if (code !== 0) throw new Error(`${story.name}, it failed:\n${log}`);
      all.push(...momentsOf(log).map((moment) => ({ ...story, moment })));
    }
    return all.filter(isChosen);
  }

  /** Every arena takes the next case when it is done with one. */
  async function strikeAll(cases: readonly Case[]): Promise<void> {
    const left = [...cases];
    const wrong: string[] = [];
    const work = async (arena: Arena) => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) {
        const { name } = one;
        const struck = strikeOne(arena, { ...one, moment: arena.here(one.moment, arenas[0]!) });
        const complaints = await struck.catch((error: Error) => [`${name}: ${error.message}`]);
        // The whole matrix takes an hour and a half: what is wrong is told when it happens.
        for (const complaint of complaints) console.log(`WRONG: ${complaint}`);
        wrong.push(...complaints);
      }
    };
    await Promise.all(arenas.map(work));
    expect(wrong.join('\n\n')).toBe('');
  }
});

/** A kind of step that a usual deploy has is hit there: nothing has to be arranged for it. */
function usualFirst<T extends Story>(cases: readonly T[]): T[] {
  return [...cases].sort((one, other) => Number(other.name === USUAL) - Number(one.name === USUAL));
}

/** A first deploy begins where everything has left, and the other way round: in turn, each arranges the next. */
function inTurn<T extends Story>(cases: readonly T[]): T[] {
  const of = (story: string) => cases.filter(({ name }) => name === story);
  const [first, last] = [of(FIRST), of(LAST)];
  const longest = Array.from({ length: Math.max(first.length, last.length) });
  const inPairs = longest
    .flatMap((_, index) => [first[index], last[index]])
    .filter((one) => one !== undefined);
  return [...inPairs, ...cases.filter(({ name }) => name !== FIRST && name !== LAST)];
}

/** Hits one run; what went wrong is told with the moment that it happened at. */
async function strikeOne(arena: Arena, { name, arrange, run: what, moment, blow }: Case): Promise<string[]> {
  const title = `${name}, ${blow} ${describeMoment(moment)}`;
  console.log(title);
  const wrong: string[] = [];
  await arrange(arena);
  const endLoads = await arena.startLoads();
  const run = arena.start(what);
  try {
    await strike(run, moment, () => BLOWS[blow].hit(arena, run, moment));
    await BLOWS[blow].expectEnd(arena, run);
    await arena.deploy();
    await arena.expectConverged();
  } catch (error) {
    wrong.push(`${title}: ${(error as Error).message}\n${run.log()}`);
    await arena.unmute();
    // What follows begins from a good state again.
    await arena.deploy().catch(() => undefined);
  }
  for (const lost of await endLoads()) wrong.push(`${title}: ${lost}`);
  return wrong;
}
