import { describe, expect, jest, test } from '@jest/globals';
import type { Plan } from '../../../src/deploy/planning/plan.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import type { Strike } from '../world/faults.ts';
import { World } from '../world/world.ts';
import { type ServiceChanges, servers, service, shop } from './specs.ts';
import { complaintOf, convergence, failureOf, rest } from './story.ts';

jest.setTimeout(10 * 60_000);

/**
 * A simulation that nothing can break proves nothing. So each edge of the toggle's graph is taken out, one at a time, by
 * letting the later step begin when the earlier one could have; and each time some story has to find that a request is
 * lost, or that a rule is broken.
 */
const HEALTH = {
  kind: 'http',
  path: '/',
  intervalMs: 1_000,
  timeoutMs: 5_000,
  retries: 3,
  startPeriodMs: 60_000,
} as const;

const api = (version: number, count = 2, changes: ServiceChanges = {}): EnvironmentSpec =>
  shop(
    [
      service('api', {
        ...changes,
        image: `api:${version}`,
        servers: count,
        secrets: ['TOKEN'],
        policy: { healthcheck: HEALTH, drainTimeoutMs: 60_000 },
      }),
    ],
    servers(count),
  );
const secretsOf = (version: number) => ({ api: { TOKEN: `token ${version}` } });

/** An edge by the kinds of its two ends. */
interface Edge {
  earlier: string;
  later: string;
}

/** edgesOf returns the edges of a plan, each pair of kinds once. */
function edgesOf({ steps }: Plan): Edge[] {
  const kindOf = new Map(steps.map(({ id, step }) => [id, step.kind]));
  const edges = steps.flatMap(({ step, needs }) =>
    needs.map((need) => ({ earlier: String(kindOf.get(need)), later: String(step.kind) })),
  );
  return [...new Map(edges.map((edge) => [`${edge.earlier} > ${edge.later}`, edge])).values()];
}

/** cut takes an edge out of a plan: steps of the later kind need what those of the earlier kind need. */
function cut({ steps }: Plan, { earlier, later }: Edge): void {
  const byId = new Map(steps.map((planned) => [planned.id, planned]));
  const isEarlier = (id: string) => byId.get(id)?.step.kind === earlier;
  for (const planned of steps.filter(({ step }) => step.kind === later)) {
    const kept = planned.needs.filter((id) => !isEarlier(id));
    const before = planned.needs.filter(isEarlier).flatMap((id) => byId.get(id)?.needs ?? []);
    planned.needs = [...new Set([...kept, ...before])];
  }
}

/** What a story finds wrong; undefined when all is well. */
type Finding = Promise<string | undefined>;

/** A story of one toggle, whose plan somebody may have meddled with. */
interface Story {
  name: string;
  run(meddle: (plan: Plan) => void): Finding;
}

/** toggled returns a world in which version 2 was deployed over version 1, with a plan that was meddled with. */
async function toggled(
  meddle: (plan: Plan) => void,
  {
    arrange,
    strikes = [],
    on = 2,
    changes = {},
  }: { arrange?: (world: World) => void; strikes?: Strike[]; on?: number; changes?: ServiceChanges } = {},
) {
  const world = new World();
  await world.deploy(api(1, on), { secrets: secretsOf(1) });
  await rest(world);
  arrange?.(world);
  const ended = await world.tryDeploy(api(2, on, changes), { secrets: secretsOf(2), strikes, meddle });
  const run = world.runs.at(-1)!;
  return { world, ended, run };
}

/** Lines of a run's log that begin or end a step, by their kind. */
function when(lines: readonly string[], what: string): number[] {
  return lines.flatMap((line, index) => (line.startsWith(what) ? [index] : []));
}

const STORIES: Story[] = [
  {
    name: 'users of an app that boots for 35 seconds, ends slowly and has streams of five seconds',
    async run(meddle) {
      let killed = 0;
      const { world, ended, run } = await toggled(meddle, {
        arrange: (one) => {
          one.users.streamMs = 5_000;
          one.registry.define('api:2', { bootMs: 35_000 });
          one.onEnd((_machine, { labels, exitCode }) => {
            if (labels['switchyard.role'] === 'service' && exitCode === 137) killed += 1;
          });
        },
      });
      if (failureOf(ended) !== undefined) return `the deploy fails: ${String(failureOf(ended))}`;
      if (killed > 0) return 'an app that would have ended by itself was killed';
      return complaintOf(world) ?? probeComplaint(run);
    },
  },
  {
    name: 'users of an app that boots for 35 seconds and gets another domain',
    async run(meddle) {
      const { world, ended, run } = await toggled(meddle, {
        arrange: ({ registry }) => registry.define('api:2', { bootMs: 35_000 }),
        changes: { domains: ['api.example.com', 'www.example.com'] },
      });
      if (failureOf(ended) !== undefined) return `the deploy fails: ${String(failureOf(ended))}`;
      const locks = run.calls.filter((call) => /containers\/create switchyard_edge_lock$/.test(call)).length;
      if (locks > 2) return `each edge is locked once, and there were ${locks} locks`;
      return complaintOf(world);
    },
  },
  {
    name: 'a new version that ends a quarter of a second after its start',
    async run(meddle) {
      const { world, ended } = await toggled(meddle, {
        arrange: ({ registry }) => registry.define('api:2', { bootMs: 50, crashesAfterMs: 230 }),
      });
      if (failureOf(ended) === undefined) return 'a version that crashes was deployed';
      return complaintOf(world);
    },
  },
  {
    name: 'an nginx that takes no new configuration',
    async run(meddle) {
      const { world, ended } = await toggled(meddle, {
        arrange: (one) => {
          one.machine('b').isStubborn = true;
        },
      });
      if (failureOf(ended) === undefined) return 'a switch that did not happen passes for done';
      return complaintOf(world);
    },
  },
  {
    name: 'a new version that nginx cannot reach: only the proof tells, and then traffic goes back at once',
    async run(meddle) {
      const { world, ended, run } = await toggled(meddle, {
        arrange: ({ registry }) => registry.define('api:2', { bootMs: 50, refusesPeers: true }),
        // Where there are two of them, nginx gives up after having tried both.
        on: 1,
      });
      if (failureOf(ended) === undefined) return 'a version that nobody reaches passes for deployed';
      if (when(run.lines, 'begins: undo switch').length === 0) return 'traffic does not go back at once';
      return complaintOf(world);
    },
  },
  {
    name: 'an edge that somebody else has locked for two seconds',
    async run(meddle) {
      const { world, ended } = await toggled(meddle, {
        arrange: (one) => lockFor(one, 2_000),
        changes: { domains: ['api.example.com', 'www.example.com'] },
      });
      if (failureOf(ended) !== undefined) return `the deploy fails: ${String(failureOf(ended))}`;
      return complaintOf(world);
    },
  },
  {
    name: 'edges that are slow to answer a probe',
    async run(meddle) {
      const { world, ended, run } = await toggled(meddle, {
        arrange: ({ machines }) => {
          for (const machine of machines.values()) machine.firstProbeMs = 900;
        },
      });
      if (failureOf(ended) !== undefined) return `the deploy fails: ${String(failureOf(ended))}`;
      return complaintOf(world) ?? probeComplaint(run);
    },
  },
  {
    name: 'an image that cannot be had: nothing is recorded, and nothing touched',
    async run(meddle) {
      const { world, ended } = await toggled(meddle, { arrange: ({ registry }) => registry.drop('api:2') });
      if (failureOf(ended) === undefined) return 'an image that is not there was deployed';
      const { rollout } = world.state.services.api!;
      return rollout === undefined ? complaintOf(world) : 'a release is recorded as begun that never can be';
    },
  },
  {
    name: 'a state branch that takes nothing: no server gets anything',
    async run(meddle) {
      const { world, ended } = await toggled(meddle, { arrange: protect });
      if (failureOf(ended) === undefined) return 'a release is on no record, and was deployed';
      if (keptOn(world).length > 0) return 'secrets were left of a release that is on no record';
      if (world.containersOf('a', 'service').length > 1) return 'a copy was left of such a release';
      return complaintOf(world);
    },
  },
  ...['start', 'switch', 'drain'].map(
    (kind): Story => ({
      name: `a run that is killed when it begins to ${kind}`,
      async run(meddle) {
        const strikes = [{ at: new RegExp(`^begins: ${kind}:`), how: 'killed' as const }];
        const { world } = await toggled(meddle, { strikes });
        const { rollout, release } = world.state.services.api!;
        const known = release === 2 || rollout?.release === 2;
        if (!known) return 'a copy may run whose release is on no record';
        if (keptOn(world).length < 2) return 'a copy may run whose secrets nobody keeps';
        await world.clock.pass(200_000);
        return complaintOf(world) ?? (await convergence(world, api(2), { secrets: secretsOf(2) }));
      },
    }),
  ),
];

/** The servers that keep the secrets of the second version. */
function keptOn(world: World): string[] {
  return [...world.machines.values()]
    .filter(({ volumes }) => [...volumes.values()].some(({ files }) => files.has('api/2.json')))
    .map(({ name }) => name);
}

/** Another project changes the edge of a server for a while. */
function lockFor(world: World, ms: number): void {
  const machine = world.machine('b');
  const lock = machine.create('switchyard_edge_lock', {
    Image: 'nginx:1.30',
    Labels: { 'switchyard.role': 'edge-lock', 'switchyard.holder': 'another run' },
  });
  world.clock.after(ms + 1_000, () => machine.remove(lock));
}

/** The branch is protected: leases move, and nothing else. */
function protect({ remote }: World): void {
  const move = remote.move.bind(remote);
  remote.move = (moves) =>
    moves.some(({ ref }) => ref.startsWith('refs/heads/')) ? { raced: '! protected branch' } : move(moves);
}

/** A probe that has not seen the whole of the switch proves nothing. */
function probeComplaint({ lines, calls }: { lines: string[]; calls: string[] }): string | undefined {
  const last = (what: string) => when(lines, what).at(-1) ?? -1;
  const first = (what: string) => when(lines, what)[0] ?? Number.POSITIVE_INFINITY;
  if (last('ends: probe') > first('begins: switch')) return 'the probe begins when the switch has begun';
  if (first('begins: end probe') < last('ends: stop')) return 'the probe ends before the old copies have';
  const switched = calls.findIndex((call) => / (?:PUT|DELETE) http.*\/flags\//.test(call));
  const isProbe = (call: string) => / probes http/.test(call);
  return calls.slice(switched).some(isProbe) ? undefined : 'the probe was over before the switch';
}

describe('The order that loses no request', () => {
  const untouched = () => undefined;

  test.each(STORIES.map((story) => [story.name, story] as const))('holds for %s', async (_name, story) => {
    expect(await story.run(untouched)).toBeUndefined();
  });

  test('needs each of its edges: without it, a story finds a lost request or a broken rule', async () => {
    const world = new World();
    await world.deploy(api(1), { secrets: secretsOf(1) });
    const edges = edgesOf((await world.plan(api(2), { secrets: secretsOf(2) })).plan);
    expect(edges.map(({ earlier, later }) => `${earlier} > ${later}`)).toContain('prove > drain');
    const unnoticed: string[] = [];
    for (const edge of edges) {
      const found = await firstFinding((plan) => cut(plan, edge));
      console.log(`without ${edge.earlier} > ${edge.later}: ${found?.split('\n')[0] ?? 'nobody notices'}`);
      if (found === undefined) unnoticed.push(`${edge.earlier} > ${edge.later}`);
    }
    expect(unnoticed).toEqual([]);
  });
});

async function firstFinding(meddle: (plan: Plan) => void): Promise<string | undefined> {
  for (const story of STORIES) {
    const found = await story.run(meddle).catch((error: Error) => `it breaks: ${error.message}`);
    if (found !== undefined) return `${story.name}: ${found}`;
  }
  return undefined;
}
