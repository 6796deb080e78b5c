import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { RunningAction } from './action.ts';
import { versionOf } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import type { Project } from './project.ts';
import { otherSlot, releasesOf } from './recorded.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { startUsers } from './users.ts';
import { newWebShop, release } from './web-shop.ts';

jest.setTimeout(900_000);

/** Several runs want to change one environment, or one server. One acts at a time, and every result is true. */
describe('Two runs at once', () => {
  let lab: Fleet;
  let servers: LabServer[];
  /** Two runs at once want to change it. */
  let race: Project;
  const projects: Project[] = [];

  beforeAll(async () => {
    lab = await fleet();
    servers = lab.servers.slice(0, 2);
    race = await newShop('race');
  });

  beforeEach(() =>
    race.stands(({ services }) => {
      delete services.web!.pre_deploy;
    }),
  );

  afterAll(async () => {
    await Promise.all(projects.map((project) => project.leave()));
  });

  async function newShop(name: string): Promise<Project> {
    const project = await newWebShop(lab, name, servers);
    projects.push(project);
    return project;
  }

  function loadOn(project: Project) {
    return startUsers(servers, `${project.config.project}.example.com`);
  }

  async function expectServed(project: Project, version: string): Promise<void> {
    for (const server of servers) {
      expect(await versionOf(server, `${project.config.project}.example.com`)).toBe(version);
      expect(await project.containers(server, 'web')).toHaveLength(1);
    }
    expect(await project.lease()).toMatchObject({ released: true });
  }

  /** A version that the file does not name. */
  function another(): string {
    return race.config.services.web!.image === lab.images.web('v2') ? 'v1' : 'v2';
  }

  test('that will not wait: refused, with who is at work', async () => {
    const version = another();
    const first = release(race, 'web', version).start('toggle-deploy');
    await first.says(/^::debug::begins: /m);
    const refused = said(await race.failToDeploy({ 'lease-wait': '0' }));
    expect(refused).toMatch(/race production is being changed by another run, still after \d+ s/);
    expect((await first.done).code).toBe(0);
    await expectServed(race, version);
  });

  fullSizeTest(
    'of which one was cut off, and its last call arrives late: what it made is replaced',
    async () => {
      const load = loadOn(race);
      const version = another();
      const { copies } = await race.recorded('web');
      const [newcomer, serving] = ['_secondary', ''].map((side) => `race_production_web${side}`) as [
        string,
        string,
      ];
      const [late, old] = otherSlot(copies) === 'secondary' ? [newcomer, serving] : [serving, newcomer];
      race.edit(({ services }) => {
        services.web!.pre_deploy = untilItRuns(late);
      });
      const run = release(race, 'web', version).start('toggle-deploy');
      await run.says(/^::debug::begins: hook: /m);
      // The migration runs on the first server, and ends when the container is there.
      for (const server of [...servers].reverse()) {
        await server.docker(
          ...['run', '--detach', '--name', late, '--network', 'race_production_network'],
          ...(await labelsOf(server, old)),
          lab.images.web('v3'),
        );
      }
      const { code, log } = await run.done;
      expect(code).toBe(0);
      const cameLate = new RegExp(`${late} came late, from a run that was cut off`, 'g');
      expect(log.match(cameLate)).toHaveLength(2);
      await expectServed(race, version);
      const { lost, losses } = await load.stop();
      expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    },
  );

  fullSizeTest(
    'on one environment: they come one after the other, and the later one has the last word',
    async () => {
      const load = loadOn(race);
      const versions = ['v2', 'v3', 'v1'];
      for (let round = 0; round < size.races; round++) {
        // Both read the file as it is when they start; the second of them is told its image beside it.
        const [first = '', second = ''] = [versions[round % 3], versions[(round + 1) % 3]];
        const images = (version: string) => ({ images: `web=${lab.images.web(version)}` });
        const runs = [race.run('toggle-deploy', images(first))];
        await sleep((round * 137) % 900);
        runs.push(race.run('toggle-deploy', images(second)));
        const ended = await Promise.all(runs);
        expect(ended.map((run) => (run.code === 0 ? 'done' : said(run)))).toEqual(['done', 'done']);
        const last = await race.recorded('web');
        const winner = ended.findIndex((run) => releasesOf(run).web === last.release);
        await expectServed(race, [first, second][winner]!);
      }
      const { lost, losses } = await load.stop();
      expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    },
  );

  /** A command that ends when the network knows a container of this name. */
  function untilItRuns(name: string): string[] {
    const script = `
      const look = () => require('dns').lookup('${name}', (error) => error && setTimeout(look, 100));
      look();`;
    return ['node', '-e', script];
  }

  async function labelsOf(server: LabServer, container: string): Promise<string[]> {
    const labels = JSON.parse(
      await server.docker('inspect', '--format', '{{json .Config.Labels}}', container),
    );
    return Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
  }

  fullSizeTest(
    'of which one slept while the other took over: it wakes up, harms nothing, and says so',
    async () => {
      const phases = [
        ['asleep-record', /^::debug::begins: record intent/m],
        ['asleep-check', /^::debug::begins: answer: /m],
        ['asleep-switch', /^::debug::begins: switch: /m],
        ['asleep-retire', /^::debug::begins: drain: /m],
      ] as const;
      // Side by side: each of them has to wait for two minutes until the lease has ended.
      await Promise.all(
        phases.map(async ([name, moment]) => {
          const project = await newShop(name);
          await project.deploy();
          const load = loadOn(project);
          const sleeper = release(project, 'web', 'v2').start('toggle-deploy');
          await sleeper.says(moment);
          sleeper.signal('SIGSTOP');
          const taker = await release(project, 'web', 'v3').deploy();
          expect(taker.log).toMatch(/taking over the lease/);
          await expectServed(project, 'v3');
          await wake(sleeper);
          await expectServed(project, 'v3');
          expect((await project.recorded('web')).release).toBe(releasesOf(taker).web);
          await project.deploy();
          await expectServed(project, 'v3');
          const { lost, losses } = await load.stop();
          expect({ name, lost, losses }).toEqual({ name, lost: 0, losses: [] });
        }),
      );
    },
  );

  async function wake(sleeper: RunningAction): Promise<void> {
    sleeper.signal('SIGCONT');
    const woken = await sleeper.done;
    expect(woken.code).not.toBe(0);
    expect(said(woken)).toMatch(/the lease of \S+ production was lost/);
  }
});
