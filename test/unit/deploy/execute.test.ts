import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Execution, execute, failureOf, type StepState } from '../../../src/deploy/execute.ts';
import type { Step } from '../../../src/deploy/steps/index.ts';
import type { StepKind } from '../../../src/deploy/steps/kind.ts';
import { describeSpan, Timeline } from '../../../src/deploy/timeline.ts';
import { EngineError } from '../../../src/docker/http.ts';
import { UserError, UserErrors } from '../../../src/model/errors.ts';
import { VirtualClock } from '../../simulation/world/clock.ts';
import { contextOf, writtenLog } from './contexts.ts';

/** What there is to a kind of step; without anything it is work that takes as long as it takes. */
interface Nature extends Pick<StepKind<Step>, 'onlyWaits' | 'mayOutlastLease' | 'needsLease'> {
  canBeUndone?: true;
}

/** Steps by their names, each with what it needs. */
type Graph = Record<string, string[]>;

/** Something that was begun, and ends when a test says so. */
type Underway = PromiseWithResolvers<void>;

/** A plan of made-up steps that the executor runs: each goes on until the test says how it ends. */
class Play {
  readonly log = writtenLog();
  readonly clock = new VirtualClock();
  readonly timeline = new Timeline(this.clock);
  /** The steps that were begun, and `undo …` for those that are taken back, in the order in which they were. */
  readonly begun: string[] = [];
  holdsLease = true;
  readonly #cancelling = new AbortController();
  readonly #underway = new Map<string, Underway>();
  readonly #names: string[];
  #execution: Execution | undefined;

  private constructor(names: string[]) {
    this.#names = names;
  }

  /** of begins a plan. */
  static async of(graph: Graph, natures: Record<string, Nature> = {}): Promise<Play> {
    const play = new Play(Object.keys(graph));
    const { clock, log, timeline } = play;
    play.#execution = execute(
      Object.entries(graph).map(([id, needs]) => ({ id, step: { kind: 'end probe', service: id }, needs })),
      {
        kindOf: (step) => play.#kind(natures[nameOf(step)] ?? {}),
        context: await contextOf([], { clock, log, signal: play.#cancelling.signal }),
        undoContext: await contextOf([], { clock, log }),
        timeline,
        holdsLease: () => play.holdsLease,
      },
    );
    await setImmediate();
    return play;
  }

  #kind({ canBeUndone, ...nature }: Nature): StepKind<Step> {
    return {
      ...nature,
      describe: (step) => `do ${nameOf(step)}`,
      run: (step, { clock }) => this.#begin(nameOf(step), clock),
      ...(canBeUndone && { undo: (step, { clock }) => this.#begin(`undo ${nameOf(step)}`, clock) }),
    };
  }

  /** What goes on until the test ends it, or its clock does. */
  async #begin(name: string, clock: { sleep(ms: number): Promise<void> }): Promise<void> {
    this.begun.push(name);
    const underway = Promise.withResolvers<void>();
    this.#underway.set(name, underway);
    const tooLong = clock.sleep(3_600_000).then(() => {
      throw new Error(`nobody has ended ${name}`);
    });
    await Promise.race([underway.promise, tooLong]).finally(() => this.#underway.delete(name));
  }

  /** does ends steps well, one after the other. */
  async does(...names: string[]): Promise<void> {
    for (const name of names) {
      this.#find(name).resolve();
      await setImmediate();
    }
  }

  /** fails ends a step badly. */
  async fails(name: string, error: unknown = new Error(`${name} is broken`)): Promise<void> {
    this.#find(name).reject(error);
    await setImmediate();
  }

  /** cancel ends the run from without. */
  async cancel(reason: unknown = new Error('the run was cancelled')): Promise<void> {
    this.#cancelling.abort(reason);
    await setImmediate();
  }

  #find(name: string): Underway {
    const found = this.#underway.get(name);
    if (found === undefined) throw new Error(`${name} is not underway: ${this.underway.join(', ')} are`);
    return found;
  }

  /** The steps that go on right now. */
  get underway(): string[] {
    return [...this.#underway.keys()];
  }

  get failures(): Execution['failures'] {
    return this.#execution!.failures;
  }

  /** all returns the steps that have come so far. */
  all(state: StepState): string[] {
    return this.#names.filter((name) => this.#execution!.stateOf(name) === state);
  }

  /** How much is over: nothing, all that needs the lease, or all. */
  async isOver(): Promise<'no' | 'but for what may outlast the lease' | 'yes'> {
    const { settled, ended } = this.#execution!;
    const not = setImmediate(false);
    const isOver = (work: Promise<void>) => Promise.race([work.then(() => true), not]);
    const [hasSettled, hasEnded] = await Promise.all([isOver(settled), isOver(ended)]);
    if (hasEnded) expect(hasSettled).toBe(true);
    return hasEnded ? 'yes' : hasSettled ? 'but for what may outlast the lease' : 'no';
  }
}

function nameOf(step: Step): string {
  return 'service' in step ? step.service : '';
}

describe('the order', () => {
  test('a step begins when all that it needs is done, and not before', async () => {
    const play = await Play.of({ pull: [], record: [], start: ['pull', 'record'], healthy: ['start'] });
    expect(play.underway).toEqual(['pull', 'record']);
    await play.does('pull');
    expect(play.underway).toEqual(['record']);
    await play.does('record', 'start', 'healthy');
    expect(play.begun).toEqual(['pull', 'record', 'start', 'healthy']);
    expect(play.all('done')).toEqual(play.begun);
  });

  test('all that can go on does so side by side, however uneven it is', async () => {
    const play = await Play.of({
      'start a': [],
      'start b': [],
      'check a': ['start a'],
      'check b': ['start b'],
    });
    await play.does('start b');
    expect(play.underway).toEqual(['start a', 'check b']);
    await play.does('check b', 'start a');
    expect(play.underway).toEqual(['check a']);
  });

  test('a plan is over when its last step is, and one without steps at once', async () => {
    const play = await Play.of({ start: [], stop: ['start'] });
    await play.does('start');
    expect(await play.isOver()).toBe('no');
    await play.does('stop');
    expect(await play.isOver()).toBe('yes');
    expect(await (await Play.of({})).isOver()).toBe('yes');
  });

  test('whatever the graph, and whatever fails: the rest is done, in order, and the run ends', async () => {
    await fc.assert(
      fc.asyncProperty(anyGraph, fc.infiniteStream(fc.nat()), async ({ graph, broken, natures }, chance) => {
        const play = await Play.of(graph, natures);
        while (play.underway.length > 0) {
          const next = play.underway[chance.next().value! % play.underway.length]!;
          await (broken.has(next) ? play.fails(next) : play.does(next));
        }
        expect(await play.isOver()).toBe('yes');
        for (const [name, needs] of Object.entries(graph)) {
          const at = play.begun.indexOf(name);
          for (const need of at < 0 ? [] : needs) expect(play.begun.indexOf(need)).toBeLessThan(at);
          if (at >= 0) expect(play.all('done')).toEqual(expect.arrayContaining(needs));
          const isVain = needs.some((need) => !play.all('done').includes(need));
          expect(play.all('skipped').includes(name)).toBe(isVain);
        }
        const failed = play.failures.map(({ step }) => nameOf(step));
        expect(failed.sort()).toEqual(play.all('failed').sort());
        expect(play.begun.filter((name) => name.startsWith('undo'))).toHaveLength(
          undoneIn(play, graph, natures).length,
        );
      }),
      { seed: 9, numRuns: 60 },
    );
  });
});

/** A graph without circles, in which each step is like any other or one that can be taken back, and some fail. */
const anyGraph = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat(20), { maxLength: 3 }),
      fails: fc.boolean(),
      canBeUndone: fc.boolean(),
    }),
    {
      maxLength: 10,
    },
  )
  .map((steps) => {
    const graph: Graph = {};
    const natures: Record<string, Nature> = {};
    const broken = new Set<string>();
    for (const [at, { needs, fails, canBeUndone }] of steps.entries()) {
      const name = `step ${at}`;
      graph[name] = [...new Set(needs.filter((need) => need < at).map((need) => `step ${need}`))];
      if (canBeUndone) natures[name] = { canBeUndone };
      if (fails && at % 3 === 2) broken.add(name);
    }
    return { graph, natures, broken };
  });

/** The steps that have to be taken back: those that failed, and those after which something could not follow. */
function undoneIn(play: Play, graph: Graph, natures: Record<string, Nature>): string[] {
  const lost = new Set([...play.all('failed'), ...play.all('skipped')]);
  const isLeft = (name: string) =>
    Object.keys(graph).some((one) => graph[one]!.includes(name) && lost.has(one));
  return Object.keys(graph)
    .filter((name) => natures[name]?.canBeUndone)
    .filter((name) => play.all('failed').includes(name) || (play.all('done').includes(name) && isLeft(name)));
}

describe('a failure', () => {
  const TWO_SERVICES = {
    api: [],
    'api serves': ['api'],
    web: [],
    'web serves': ['web'],
    'web drains': ['web serves'],
  };

  test('skips what needs the step, and what needs that; all else goes on', async () => {
    const play = await Play.of({ ...TWO_SERVICES, sweep: ['api serves', 'web drains'] });
    await play.fails('api');
    expect(play.all('skipped')).toEqual(['api serves', 'sweep']);
    expect(play.underway).toEqual(['web']);
    await play.does('web', 'web serves', 'web drains');
    expect(play.all('done')).toEqual(['web', 'web serves', 'web drains']);
    expect(await play.isOver()).toBe('yes');
  });

  test('does not end work that goes on beside it', async () => {
    const play = await Play.of({ pull: [], start: [], healthy: ['pull', 'start'] });
    await play.fails('pull');
    expect(play.underway).toEqual(['start']);
    expect(await play.isOver()).toBe('no');
    await play.does('start');
    expect(play.all('done')).toEqual(['start']);
  });

  test('is told with its step, in the order in which they happened', async () => {
    const play = await Play.of(TWO_SERVICES);
    await play.fails('web', new Error('no port'));
    await play.fails('api', new UserError('no image'));
    expect(play.failures.map(({ step, error }) => `${nameOf(step)}: ${error}`)).toEqual([
      'web: Error: no port',
      'api: UserError: no image',
    ]);
  });

  test('of something that was aborted is the reason for that', async () => {
    const play = await Play.of({ pull: [] });
    const reason = new UserError('the lease was lost');
    await play.fails('pull', Object.assign(new Error('aborted', { cause: reason }), { name: 'AbortError' }));
    expect(play.failures).toMatchObject([{ error: reason }]);
  });

  test('for which the engine has refused something names the step, and is no fault of ours', async () => {
    const play = await Play.of({ stop: [], remove: [] });
    const refusal = new EngineError(500, 'no space left on device');
    await play.fails('stop', refusal);
    const [failure] = play.failures;
    expect(failure!.error).toBeInstanceOf(UserError);
    expect(failure!.error).toMatchObject({
      message: 'do stop: the Docker engine refuses: no space left on device',
      hint: expect.stringMatching(/^The disk of that server is full/),
      cause: refusal,
    });
    const ours = new TypeError('undefined is not a function');
    await play.fails('remove', ours);
    expect(play.failures[1]!.error).toBe(ours);
  });
});

describe('what only waits', () => {
  const HEALTH = { 'healthy on a': { onlyWaits: true }, 'healthy on b': { onlyWaits: true } } as const;
  const DEPLOY = {
    'start a': [],
    'start b': [],
    'healthy on a': ['start a'],
    'healthy on b': ['start b'],
    switch: ['healthy on a', 'healthy on b'],
  };

  test('is called off a little later when nothing can come after it any more: that is no failure', async () => {
    const play = await Play.of(DEPLOY, HEALTH);
    await play.does('start a', 'start b');
    await play.fails('healthy on a');
    expect(play.underway).toEqual(['healthy on b']);
    await play.clock.pass(2_000);
    expect(play.underway).toEqual([]);
    expect(play.all('failed')).toEqual(['healthy on a']);
    expect(play.all('skipped')).toEqual(['healthy on b', 'switch']);
    expect(play.failures).toHaveLength(1);
    expect(await play.isOver()).toBe('yes');
  });

  test('tells what is wrong with it when it fails meanwhile', async () => {
    const play = await Play.of(DEPLOY, HEALTH);
    await play.does('start a', 'start b');
    await play.fails('healthy on a');
    await play.clock.pass(1_900);
    await play.fails('healthy on b');
    expect(play.all('failed')).toEqual(['healthy on a', 'healthy on b']);
    expect(await play.isOver()).toBe('yes');
  });

  test('does not begin when it would be in vain', async () => {
    const play = await Play.of(DEPLOY, HEALTH);
    await play.does('start a');
    await play.fails('healthy on a');
    await play.does('start b');
    expect(play.begun).not.toContain('healthy on b');
    expect(play.all('skipped')).toEqual(['healthy on b', 'switch']);
  });

  test('goes on as long as one step can come after it', async () => {
    const play = await Play.of(
      { answer: [], stage: [], switch: ['answer', 'stage'], healthy: ['answer'] },
      { answer: { onlyWaits: true } },
    );
    await play.fails('stage');
    expect(play.underway).toEqual(['answer']);
    await play.does('answer', 'healthy');
    expect(play.all('done')).toEqual(['answer', 'healthy']);
  });

  test('through several that wait for each other', async () => {
    const play = await Play.of(
      { answer: [], healthy: ['answer'], stage: [], switch: ['healthy', 'stage'] },
      { answer: { onlyWaits: true }, healthy: { onlyWaits: true } },
    );
    await play.fails('stage');
    await play.clock.pass(2_000);
    expect(play.all('skipped')).toEqual(['answer', 'healthy', 'switch']);
  });

  test('and is waited for by nobody is there for its own sake', async () => {
    const play = await Play.of({ hook: [], api: [] }, { hook: { onlyWaits: true } });
    await play.fails('api');
    expect(play.underway).toEqual(['hook']);
    await play.does('hook');
    expect(await play.isOver()).toBe('yes');
  });
});

describe('taking back', () => {
  const SWITCH = { switch: { canBeUndone: true } } as const;

  test('what was done is taken back when what comes right after it fails', async () => {
    const play = await Play.of({ switch: [], prove: ['switch'] }, SWITCH);
    await play.does('switch');
    await play.fails('prove');
    expect(play.underway).toEqual(['undo switch']);
    await play.does('undo switch');
    expect(play.begun).toEqual(['switch', 'prove', 'undo switch']);
    expect(await play.isOver()).toBe('yes');
  });

  test('and when it cannot come since something else has failed', async () => {
    const play = await Play.of(
      { stage: [], healthy: [], switch: ['stage', 'healthy'] },
      { stage: { canBeUndone: true } },
    );
    await play.does('stage');
    await play.fails('healthy');
    expect(play.begun).toEqual(['stage', 'healthy', 'undo stage']);
  });

  test('what has failed in its middle is taken back itself', async () => {
    const play = await Play.of({ switch: [], prove: ['switch'] }, SWITCH);
    await play.fails('switch');
    expect(play.begun).toEqual(['switch', 'undo switch']);
  });

  test('what was never begun is not, nor what goes on', async () => {
    const play = await Play.of(
      { start: [], switch: ['start'], other: [], prove: ['switch', 'other'] },
      SWITCH,
    );
    await play.does('start');
    await play.fails('other');
    expect(play.underway).toEqual(['switch']);
    const vain = await Play.of({ start: [], switch: ['start'] }, SWITCH);
    await vain.fails('start');
    expect(vain.begun).toEqual(['start']);
  });

  test('what goes on when it is lost is taken back as soon as it is done', async () => {
    const play = await Play.of({ switch: [], other: [], prove: ['switch', 'other'] }, SWITCH);
    await play.fails('other');
    await play.does('switch');
    expect(play.underway).toEqual(['undo switch']);
  });

  test('not while another step goes on that stands on it', async () => {
    const play = await Play.of(
      { stage: [], 'switch a': ['stage'], 'switch b': ['stage'] },
      { stage: { canBeUndone: true } },
    );
    await play.does('stage');
    await play.fails('switch a');
    expect(play.underway).toEqual(['switch b']);
    await play.does('switch b');
    expect(play.underway).toEqual(['undo stage']);
  });

  test('nor while one may still begin', async () => {
    const play = await Play.of(
      { stage: [], slow: [], 'switch a': ['stage'], 'switch b': ['stage', 'slow'] },
      { stage: { canBeUndone: true } },
    );
    await play.does('stage');
    await play.fails('switch a');
    expect(play.underway).toEqual(['slow']);
    await play.does('slow', 'switch b');
    expect(play.underway).toEqual(['undo stage']);
  });

  test('only what comes right before: each step answers for what follows it', async () => {
    const play = await Play.of(
      { stage: [], switch: ['stage'], prove: ['switch'], drain: ['prove'] },
      { stage: { canBeUndone: true }, ...SWITCH },
    );
    await play.does('stage', 'switch');
    await play.fails('prove');
    expect(play.begun).toEqual(['stage', 'switch', 'prove', 'undo switch']);
    const later = await Play.of({ switch: [], prove: ['switch'], drain: ['prove'] }, SWITCH);
    await later.does('switch', 'prove');
    await later.fails('drain');
    expect(later.begun).not.toContain('undo switch');
  });

  test('each server for itself', async () => {
    const play = await Play.of(
      { 'switch a': [], 'prove a': ['switch a'], 'switch b': [], 'prove b': ['switch b'] },
      { 'switch a': { canBeUndone: true }, 'switch b': { canBeUndone: true } },
    );
    await play.does('switch a', 'switch b', 'prove a');
    await play.fails('prove b');
    expect(play.underway).toEqual(['undo switch b']);
  });

  test('happens once, whatever fails afterwards', async () => {
    const play = await Play.of({ switch: [], prove: ['switch'], other: [], more: [] }, SWITCH);
    await play.does('switch');
    await play.fails('prove');
    await play.fails('other');
    await play.does('undo switch', 'more');
    expect(play.begun.filter((name) => name === 'undo switch')).toHaveLength(1);
  });

  test('is waited for: the plan is not over before', async () => {
    const play = await Play.of({ switch: [] }, SWITCH);
    await play.fails('switch');
    expect(await play.isOver()).toBe('no');
    await play.does('undo switch');
    expect(await play.isOver()).toBe('yes');
  });

  test('that does not succeed is a warning, and no other failure', async () => {
    const play = await Play.of({ switch: [] }, SWITCH);
    await play.fails('switch');
    await play.fails('undo switch', new Error('nginx is gone'));
    expect(play.log.lines).toContain('warning: take back: do switch: nginx is gone');
    expect(play.failures).toHaveLength(1);
    expect(await play.isOver()).toBe('yes');
  });
});

describe('why a run fails', () => {
  const failing = (...errors: unknown[]) => failureOf(errors.map((error) => ({ error })));
  const [first, second] = [new UserError('no image'), new UserError('no port')];

  test('one mistake is that mistake, several are told together, each once', () => {
    expect(failing(first)).toBe(first);
    expect(failing(first, first)).toBe(first);
    const both = failing(first, second, first);
    expect(both).toBeInstanceOf(UserErrors);
    expect(both).toMatchObject({ message: 'no image\nno port', errors: [first, second] });
  });

  test('an error of ours comes before all of them: it keeps its stack', () => {
    const ours = new TypeError('undefined is not a function');
    expect(failing(first, ours, second)).toBe(ours);
  });
});

describe('the lease', () => {
  const LATE = { drain: { mayOutlastLease: () => true } } as const;
  const RETIRE = { prove: [], drain: ['prove'], stop: ['drain'], hook: ['prove'] };

  test('is needed no more when nothing is left but what may outlast it, and what comes after that', async () => {
    const play = await Play.of(RETIRE, LATE);
    await play.does('prove');
    expect(await play.isOver()).toBe('no');
    await play.does('hook');
    expect(await play.isOver()).toBe('but for what may outlast the lease');
    await play.does('drain', 'stop');
    expect(await play.isOver()).toBe('yes');
  });

  test('failures after that are told apart', async () => {
    const play = await Play.of({ ...RETIRE, remove: ['stop'] }, LATE);
    await play.does('prove', 'drain');
    await play.fails('hook');
    await play.fails('stop');
    expect(play.failures.map(({ step, isLate }) => [nameOf(step), isLate])).toEqual([
      ['hook', false],
      ['stop', true],
    ]);
    expect(play.all('skipped')).toEqual(['remove']);
  });

  test('what may outlast it and is in vain does not keep the run from ending', async () => {
    const play = await Play.of(RETIRE, LATE);
    await play.fails('prove');
    expect(play.all('skipped')).toEqual(['drain', 'stop', 'hook']);
    expect(await play.isOver()).toBe('yes');
  });

  test('what needs it is left to the next run where it was given back meanwhile', async () => {
    const natures = { ...LATE, sweep: { needsLease: true } } as const;
    const graph = { drain: [], sweep: ['drain'], 'tell of the sweep': ['sweep'] };
    const play = await Play.of(graph, natures);
    play.holdsLease = false;
    await play.does('drain');
    expect(play.begun).toEqual(['drain']);
    expect(play.all('skipped')).toEqual(['sweep', 'tell of the sweep']);
    expect(play.failures).toEqual([]);
    expect(await play.isOver()).toBe('yes');
    const held = await Play.of(graph, natures);
    await held.does('drain', 'sweep', 'tell of the sweep');
    expect(await held.isOver()).toBe('yes');
  });
});

describe('a run that is cancelled', () => {
  test('begins nothing any more, and ends with the reason', async () => {
    const play = await Play.of({ start: [], healthy: ['start'], other: [], more: ['other'] });
    const reason = new UserError('the run was cancelled');
    await play.does('other');
    await play.cancel(reason);
    expect(play.begun).toEqual(['start', 'other', 'more']);
    expect(new Set(play.failures.map(({ error }) => error))).toEqual(new Set([reason]));
    expect(await play.isOver()).toBe('yes');
  });

  test('says why also where only work is left that does not hear of it', async () => {
    const graph = { pull: [], start: ['pull'], healthy: ['start'] };
    const play = await Play.of(graph);
    const reason = new UserError('the run was cancelled');
    const doing = play.does('pull');
    const cancelling = play.cancel(reason);
    await Promise.all([doing, cancelling]);
    expect(play.begun).toEqual(['pull']);
    expect(play.failures.map(({ step, error }) => [nameOf(step), error])).toEqual([['start', reason]]);
    expect(play.all('done')).toEqual(['pull']);
    expect(await play.isOver()).toBe('yes');
  });

  test('takes back what it has done, with a clock that goes on', async () => {
    const play = await Play.of({ switch: [], prove: ['switch'] }, { switch: { canBeUndone: true } });
    await play.does('switch');
    await play.cancel();
    expect(play.underway).toEqual(['undo switch']);
    await play.does('undo switch');
    expect(await play.isOver()).toBe('yes');
  });

  test('takes back nothing that it has not begun', async () => {
    const play = await Play.of({ healthy: [], switch: ['healthy'] }, { switch: { canBeUndone: true } });
    const doing = play.does('healthy');
    const cancelling = play.cancel();
    await Promise.all([doing, cancelling]);
    expect(play.begun).toEqual(['healthy']);
    expect(await play.isOver()).toBe('yes');
  });
});

describe('what a run tells', () => {
  test('every step begins and ends in its log, with how long it took; a failed one ends with its failure', async () => {
    const play = await Play.of({ start: [], healthy: ['start'] });
    await play.clock.pass(250);
    await play.does('start');
    await play.fails('healthy');
    expect(play.log.lines).toEqual([
      'debug: begins: end probe: do start',
      'debug: ends: end probe: do start (250 ms)',
      'debug: begins: end probe: do healthy',
    ]);
  });

  test('what is taken back says so', async () => {
    const play = await Play.of({ switch: [] }, { switch: { canBeUndone: true } });
    await play.fails('switch');
    await play.does('undo switch');
    expect(play.log.lines.slice(1)).toEqual([
      'debug: begins: undo end probe: take back: do switch',
      'debug: ends: undo end probe: take back: do switch',
    ]);
  });

  test('the timeline has every step, with service and server', async () => {
    const play = await Play.of({ api: [], web: [] });
    await play.clock.pass(2_000);
    await play.does('web');
    await play.fails('api');
    expect(play.timeline.spans.map(describeSpan)).toEqual([
      'web: end probe (2.00 s)',
      'api: end probe failed (2.00 s)',
    ]);
  });

  test('a step announces the moments that its kind names', async () => {
    const [clock, log] = [new VirtualClock(), writtenLog()];
    const context = await contextOf([], { clock, log });
    const step: Step = { kind: 'teardown', server: 'a' };
    const kind: StepKind<Step> = {
      moments: ['locked'],
      describe: () => 'give up a',
      run: async (_step, { moment }) => moment('locked'),
    };
    await execute([{ id: '1', step, needs: [] }], {
      kindOf: () => kind,
      context,
      undoContext: context,
      timeline: new Timeline(clock),
      holdsLease: () => true,
    }).ended;
    expect(log.lines).toEqual([
      'debug: begins: teardown: give up a',
      'debug: moment: teardown: locked: give up a',
      'debug: ends: teardown: give up a (0 ms)',
    ]);
  });
});
