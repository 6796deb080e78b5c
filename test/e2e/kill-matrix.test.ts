import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Lab, type LabServer, startLab } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import type { RunningAction } from './action.ts';
import { describeMoment, type Moment, momentsOf, sampleOf, strike } from './moments.ts';
import { type Inputs, Project, serversOf } from './project.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { startUsers } from './users.ts';

jest.setTimeout(size.killMatrixMinutes * 60_000);

const DOMAIN = 'api.cat.example';
const NEIGHBOUR = 'www.dog.example';
const EDGE = 'switchyard_edge';
/** The api has a secret, so that keeping it is one of the steps. */
const SECRETS = { secrets: JSON.stringify({ TOKEN: 'a token of the lab' }) };
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
  arrange(): Promise<void>;
  /** What is run and hit, `toggle-deploy` unless given. */
  run?: { action: string; inputs: Inputs };
}

/** The kill matrix: a run is hit at every step that its plan has. Nobody notices, and the next run finishes it. */
describe('A run that is hit', () => {
  let lab: Lab;
  let shop: Project;
  let neighbour: Project;
  let version = 1;
  const loads: HttpTraffic[] = [];

  beforeAll(async () => {
    lab = await startLab({ name: 'kills', servers: 2 });
    shop = await Project.create(lab, configOf('cat', {}));
    neighbour = await Project.create(lab, configOf('dog', { web: web(NEIGHBOUR) }));
    await neighbour.deploy();
  });

  afterAll(async () => {
    await Promise.all(loads.map((load) => load.stop()));
    await lab?.down();
  });

  function configOf(project: string, services: Record<string, Record<string, unknown>>) {
    return {
      project,
      sidecar: { image: lab.images.nginx, keepalive_min_timeout: '2s' },
      environments: {
        production: { provider: 'static', user: 'deploy', servers: serversOf(lab.servers) },
      },
      services,
    };
  }

  function web(domain: string): Record<string, unknown> {
    return {
      image: lab.images.web('v1'),
      port: 3000,
      domain,
      servers: 2,
      healthcheck: { path: '/health' },
      environment: { ROUND: String(version) },
    };
  }

  function cache(): Record<string, unknown> {
    return {
      image: lab.images.redis,
      port: 6379,
      servers: 1,
      healthcheck: { test: ['CMD', 'redis-cli', 'ping'], interval: '1s' },
      volumes: ['data:/data'],
      strategy: 'recreate',
      environment: { ROUND: String(version) },
    };
  }

  /** The next version of both services stands in the file. */
  function nextVersion(): void {
    version += 1;
    shop.edit((config) => {
      config.services = {
        cache: cache(),
        api: {
          ...web(DOMAIN),
          depends_on: ['cache'],
          secrets: ['TOKEN'],
          // What is struck in the middle of a hook is not run again unless it may be.
          pre_deploy: { command: ['node', '-e', ''], idempotent: true },
        },
      };
    });
  }

  const stories: Story[] = [
    {
      name: 'while it deploys new versions',
      arrange: async () => {
        if (Object.keys(shop.config.services).length === 0) {
          nextVersion();
          await shop.deploy(SECRETS);
        }
        nextVersion();
      },
    },
    {
      name: 'while it deploys for the first time',
      arrange: async () => {
        if (Object.keys(shop.config.services).length > 0) await shop.leave();
        nextVersion();
      },
    },
    {
      name: 'while everything leaves',
      arrange: async () => {
        if (Object.keys(shop.config.services).length === 0) {
          nextVersion();
          await shop.deploy(SECRETS);
        }
        shop.edit((config) => {
          config.services = {};
        });
      },
    },
  ];

  // Its steps are those of a deploy; the sample has them already.
  if (size.isFull) {
    stories.push({
      name: 'while it rolls back',
      arrange: async () => {
        nextVersion();
        await shop.deploy(SECRETS);
        nextVersion();
        await shop.deploy(SECRETS);
      },
      run: { action: 'rollback', inputs: { service: 'api' } },
    });
  }

  /** What happens to a run at a moment, and what must be true of it then. */
  interface Blow {
    hit(run: RunningAction, moment: Moment): unknown;
    /** Returns when the run has ended. */
    expectEnd(run: RunningAction): Promise<void>;
  }

  /** A cancelled run ends in time, says so, and gives its lease back. */
  const cancel = (signal: 'SIGINT' | 'SIGTERM'): Blow => ({
    hit: (run) => run.signal(signal),
    expectEnd: async (run) => {
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
      hit: (run) => run.signal('SIGKILL'),
      expectEnd: async (run) => {
        const { code, state } = await run.done;
        expect(code).not.toBe(0);
        await shop.run('post', {}, { STATE_lease: state.lease ?? '' });
        expect(await shop.lease()).toMatchObject({ released: true });
      },
    },
    SIGTERM: cancel('SIGTERM'),
    SIGINT: cancel('SIGINT'),
    'SSH mute for 5 s': {
      hit: (_run, moment) => serverOf(moment).muteSsh(),
      expectEnd: async (run) => {
        await sleep(5_000);
        await unmute();
        await expectPlainEnd(run);
      },
    },
    'SSH mute for good': {
      hit: (_run, moment) => serverOf(moment).muteSsh(),
      expectEnd: async (run) => {
        await expectPlainEnd(run).finally(unmute);
      },
    },
  } satisfies Record<string, Blow>;
  const SIGNALS = ['SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGINT'] as const;
  const CUTS = ['SSH mute for 5 s', 'SSH mute for good'] as const;
  let mute: LabServer | undefined;

  /** The server that is cut off: the one at which a step works, or one of those. */
  function serverOf(moment: Moment): LabServer {
    mute = lab.servers.findLast(({ host }) => describeMoment(moment).includes(host)) ?? lab.servers[1]!;
    return mute;
  }

  async function unmute(): Promise<void> {
    await mute?.unmuteSsh();
    mute = undefined;
  }

  /** In bounded time, with a success or with a sentence that names the server. */
  async function expectPlainEnd(run: RunningAction): Promise<void> {
    const host = mute?.host;
    const struckAt = performance.now();
    const ended = await run.done;
    expect(performance.now() - struckAt).toBeLessThan(CUT_MS);
    expect(await shop.lease()).toMatchObject({ released: true });
    if (ended.code === 0) return;
    expect(said(ended)).toMatch(/^::error title=Switchyard::/m);
    expect(said(ended)).not.toMatch('please report it');
    if (host !== undefined) expect(said(ended)).toMatch(host);
  }

  interface Case extends Story {
    moment: Moment;
    blow: keyof typeof BLOWS;
  }

  test('at one moment of every kind of step: no request is lost, and the next run finishes the work', async () => {
    const picked = sampleOf(await allMoments(), SEED);
    const killed = picked.map((one, index) => ({ ...one, blow: SIGNALS[(index + SEED) % SIGNALS.length]! }));
    const cut = CUTS.map((blow, index) => ({ ...picked[(index + SEED) % picked.length]!, blow }));
    await strikeAll([...killed, ...cut]);
  });

  if (size.isFull) {
    test.each(['SIGKILL', 'SIGTERM'] as const)('at every moment, by %s', async (blow) => {
      await strikeAll((await allMoments()).map((one) => ({ ...one, blow })));
    });

    test.each(CUTS)('at one moment of every kind of step, by %s', async (blow) => {
      await strikeAll(sampleOf(await allMoments(), SEED).map((one) => ({ ...one, blow })));
    });
  }

  async function allMoments(): Promise<(Story & { moment: Moment })[]> {
    const all: (Story & { moment: Moment })[] = [];
    for (const story of stories) {
      await story.arrange();
      const { code, log } = await start(story).done;
      if (code !== 0) throw new Error(`${story.name}, it failed:\n${log}`);
      all.push(...momentsOf(log).map((moment) => ({ ...story, moment })));
    }
    return all;
  }

  function start({ run = { action: 'toggle-deploy', inputs: SECRETS } }: Story): RunningAction {
    return shop.start(run.action, run.inputs);
  }

  /** Hits one run after the other; what went wrong is told with the moment that it happened at. */
  async function strikeAll(cases: readonly Case[]): Promise<void> {
    const wrong: string[] = [];
    for (const story of cases) {
      const { name, arrange, moment, blow } = story;
      const title = `${name}, ${blow} ${describeMoment(moment)}`;
      console.log(title);
      await arrange();
      const endLoads = await startLoads();
      const run = start(story);
      try {
        await strike(run, moment, () => BLOWS[blow].hit(run, moment));
        await BLOWS[blow].expectEnd(run);
        await shop.deploy(SECRETS);
        await expectConverged();
      } catch (error) {
        wrong.push(`${title}: ${(error as Error).message}\n${run.log()}`);
        await unmute();
        // What follows begins from a good state again.
        await shop.run('toggle-deploy', SECRETS);
      }
      for (const lost of await endLoads()) wrong.push(`${title}: ${lost}`);
    }
    expect(wrong.join('\n\n')).toBe('');
  }

  /** Users of the neighbour, and of the shop where it is deployed; the function that ends them tells their losses. */
  async function startLoads(): Promise<() => Promise<string[]>> {
    const isDeployed = (await shop.state().catch(() => undefined))?.services.api !== undefined;
    const isLeaving = Object.keys(shop.config.services).length === 0;
    const domains = [NEIGHBOUR, ...(isDeployed && !isLeaving ? [DOMAIN] : [])];
    for (const domain of domains) loads.push(startUsers(lab.servers, domain));
    await Promise.all(loads.map((load) => load.untilSent(20)));
    return async () => {
      const results = await Promise.all(loads.splice(0).map((load) => load.stop()));
      return results.flatMap(({ sent, losses }, index) =>
        losses.length === 0
          ? []
          : [`${domains[index]}: ${losses.length} of ${sent} lost: ${JSON.stringify(losses[0])}`],
      );
    };
  }

  /** What the file says runs, once, is recorded, and nothing else is there. */
  async function expectConverged(): Promise<void> {
    const { services } = await shop.state();
    expect(Object.keys(services).sort()).toEqual(Object.keys(shop.config.services).sort());
    const others = await neighbour.state();
    const recorded = [...Object.values(services), ...Object.values(others.services)].flatMap(
      (one) => one.servers,
    );
    for (const [name, { release, servers, pending }] of Object.entries(services)) {
      expect(pending).toBeUndefined();
      expect(servers).toHaveLength(Number(shop.config.services[name]!.servers));
      expect(new Set(servers.map((server) => server.release))).toEqual(new Set([release]));
    }
    for (const server of lab.servers) {
      const here = recorded.filter(({ host }) => host === server.host).map(({ container }) => container);
      const sidecars = [
        'dog_production_nginx',
        ...(Object.keys(services).length > 0 ? ['cat_production_nginx'] : []),
      ];
      expect(await containersOn(server)).toEqual([EDGE, ...sidecars, ...here].sort());
    }
    expect((await shop.deploy(SECRETS)).outputs.changed).toBe('false');
    expect(await shop.lease()).toMatchObject({ released: true });
  }
});

async function containersOn(server: LabServer): Promise<string[]> {
  return (await server.docker('ps', '--all', '--format', '{{.Names}}')).trim().split('\n').sort();
}
