import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Lab, type LabServer, startLab } from '../lab/lab.ts';
import { type HttpTraffic, startHttpTraffic } from '../lab/traffic/http.ts';
import type { RunningAction } from './action.ts';
import { describeMoment, type Moment, momentsOf, sampleOf, strike } from './moments.ts';
import { Project, serversOf } from './project.ts';
import { size } from './size.ts';

jest.setTimeout(size.killMatrixMinutes * 60_000);

const DOMAIN = 'api.cat.example';
const NEIGHBOUR = 'www.dog.example';
const EDGE = 'switchyard_edge';
/** Other seeds find other samples: SWITCHYARD_SEED=7 npm run … */
const SEED = Number(process.env.SWITCHYARD_SEED ?? 4);
/** GitHub gives a cancelled run 7.5 s before it insists. */
const CANCEL_MS = 7_000;

/** A change that a run makes, and how the servers come to stand before it. */
interface Story {
  name: string;
  /** Brings the servers to where the story begins; the file says what the story's run shall do. */
  arrange(): Promise<void>;
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
      // What is struck in the middle of a hook is not run again unless it may be.
      const pre_deploy = { command: ['node', '-e', ''], idempotent: true };
      config.services = { cache: cache(), api: { ...web(DOMAIN), depends_on: ['cache'], pre_deploy } };
    });
  }

  const stories: Story[] = [
    {
      name: 'while it deploys new versions',
      arrange: async () => {
        if (Object.keys(shop.config.services).length === 0) {
          nextVersion();
          await shop.deploy();
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
          await shop.deploy();
        }
        shop.edit((config) => {
          config.services = {};
        });
      },
    },
  ];

  /** What the signal does to a run, beside ending it. */
  const SIGNALS: Record<'SIGKILL' | 'SIGTERM', (run: RunningAction) => Promise<void>> = {
    /** The runner's post step gives the lease back; without it the next run sees that the process is gone. */
    SIGKILL: async (run) => {
      const { code, state } = await run.done;
      expect(code).not.toBe(0);
      await shop.run('post', {}, { STATE_lease: state.lease ?? '' });
      expect(await shop.lease()).toMatchObject({ released: true });
    },
    SIGTERM: async (run) => {
      const struckAt = performance.now();
      const { code, summary, log } = await run.done;
      expect(performance.now() - struckAt).toBeLessThan(CANCEL_MS);
      // When nothing was left that could be called off, the run is a success.
      expect(summary).toMatch(code === 0 ? 'deployed' : 'the run was cancelled (SIGTERM)');
      expect(log).toMatch('SIGTERM: the run is cancelled');
      expect(await shop.lease()).toMatchObject({ released: true });
    },
  };

  interface Case extends Story {
    moment: Moment;
    signal: keyof typeof SIGNALS;
  }

  test('at one moment of every kind of step: no request is lost, and the next run finishes the work', async () => {
    const moments = await allMoments();
    const picked = sampleOf(moments, SEED);
    const signals = ['SIGKILL', 'SIGTERM'] as const;
    await strikeAll(picked.map((one, index) => ({ ...one, signal: signals[(index + SEED) % 2]! })));
  });

  if (size.isFull) {
    test.each(['SIGKILL', 'SIGTERM'] as const)('at every moment, by %s', async (signal) => {
      await strikeAll((await allMoments()).map((one) => ({ ...one, signal })));
    });
  }

  async function allMoments(): Promise<(Story & { moment: Moment })[]> {
    const all: (Story & { moment: Moment })[] = [];
    for (const story of stories) {
      await story.arrange();
      all.push(...momentsOf((await shop.deploy()).log).map((moment) => ({ ...story, moment })));
    }
    return all;
  }

  /** Hits one run after the other; what went wrong is told with the moment that it happened at. */
  async function strikeAll(cases: readonly Case[]): Promise<void> {
    const wrong: string[] = [];
    for (const { name, arrange, moment, signal } of cases) {
      const title = `${name}, ${signal} ${describeMoment(moment)}`;
      console.log(title);
      await arrange();
      const endLoads = await startLoads();
      const run = shop.start('toggle-deploy');
      try {
        await strike(run, moment, signal);
        await SIGNALS[signal](run);
        await shop.deploy();
        await expectConverged();
      } catch (error) {
        wrong.push(`${title}: ${(error as Error).message}\n${run.log()}`);
        // What follows begins from a good state again.
        await shop.run('toggle-deploy');
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
    for (const domain of domains) {
      const targets = lab.servers.map(({ host }) => ({ host, port: 80 }));
      loads.push(startHttpTraffic({ targets, hostHeader: domain, clients: 8, thinkMs: [20, 100] }));
    }
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
    expect((await shop.deploy()).outputs.changed).toBe('false');
    expect(await shop.lease()).toMatchObject({ released: true });
  }
});

async function containersOn(server: LabServer): Promise<string[]> {
  return (await server.docker('ps', '--all', '--format', '{{.Names}}')).trim().split('\n').sort();
}
