import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { preferredInternalPort } from '../../src/model/ports.ts';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { versionOf } from './ask.ts';
import { borrow, type LentServers } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { Project } from './project.ts';
import { resultOf } from './recorded.ts';
import { said } from './said.ts';
import { startUsers } from './users.ts';
import { newProject, release, webService } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'hardy.example.com';
const EDGE = 'switchyard_edge';
const SIDECAR = 'hardy_production_nginx';
const FOLDER = '/etc/switchyard';

/** Case 6: what people and programs do to an nginx, and runs that are cut off. The old side serves through all of it. */
describe('An nginx that is disturbed', () => {
  let lab: LentServers;
  let first: LabServer;
  let second: LabServer;
  let shop: Project;
  let traffic: HttpTraffic | undefined;

  beforeAll(async () => {
    lab = await borrow(2);
    [first, second] = lab.servers as [LabServer, LabServer];
    shop = await newProject(lab, 'hardy', lab.servers, { api: service() });
  });

  afterAll(async () => {
    await traffic?.stop();
    lab?.giveBack();
  });

  function service(more: Record<string, unknown> = {}): Record<string, unknown> {
    return { ...webService(lab, 'hardy', 2), ...more };
  }

  fullSizeTest('domains and names that are no names: refused before any server hears of it', async () => {
    const hostile = await Project.create(lab, structuredClone(shop.config));
    const domains = [
      ...['a.example.com; return 200', 'a.example.com { }', '$host', '~^.*$', 'a b.example', '"quoted"'],
      ...[
        'a.example.com\nserver { listen 81; }',
        '../../etc',
        '*',
        '',
        'a..example',
        "a'b.example",
        '#c.example',
      ],
    ];
    hostile.edit(({ services }) => {
      // A dollar sign is written twice in the file, or it would be a variable.
      services.api!.domain = domains.map((domain) => domain.replaceAll('$', '$$$$'));
    });
    const badDomains = said(await hostile.failToDeploy());
    for (const domain of domains) expect(badDomains).toMatch(`${JSON.stringify(domain)} is no domain`);

    const names = ['Api', 'a_b', '-api', 'api-', '1api', 'a;b', '$(reboot)', 'nginx', 'a/b', 'ä'];
    hostile.edit((config) => {
      config.services = Object.fromEntries(
        names.map((name) => [name, service({ domain: 'b.hardy.example' })]),
      );
    });
    const badNames = said(await hostile.failToDeploy());
    for (const name of names) expect(badNames).toMatch(`service name ${JSON.stringify(name)} is`);
    expect(badNames).toMatch(/::error title=Switchyard,file=switchyard.yml,line=\d+,col=\d+::/);
    expect(badNames).toMatch('lower-case letters, digits and hyphens');

    expect(await hostile.recordId()).toBeUndefined();
    expect(await hostile.lease()).toBeUndefined();
    expect(await hostile.standing()).toEqual({});
  });

  test('port 80 is taken: by whom is said, and nothing is left that blocks the next run', async () => {
    await first.docker('run', '--detach', '--name', 'squatter', '--publish', '80:3000', lab.images.web('v1'));
    await second.exec(['sh', '-c', 'socat TCP-LISTEN:80,fork,reuseaddr /dev/null & echo $! >/run/squatter']);
    try {
      try {
        const held = `${first.host}: the edge needs port 80, which squatter holds`;
        expect(said(await shop.run('plan'))).toMatch(held);
        expect(said(await shop.failToDeploy())).toMatch(held);
      } finally {
        await first.docker('rm', '--force', 'squatter');
      }
      expect(said(await shop.run('plan'))).toMatch(
        `${second.host}: port 80, which the edge needs, is taken by a program on the server`,
      );
      const failed = said(await shop.failToDeploy());
      expect(failed).toMatch(new RegExp(`${second.host}: edge ${EDGE} cannot start: .*(allocated|in use)`));
      expect(failed).toMatch('The edge needs this port of the server.');
    } finally {
      await second.exec(['sh', '-c', 'kill $(cat /run/squatter)']);
    }
    await shop.deploy();
    for (const server of lab.servers) expect(await versionOf(server, DOMAIN)).toBe('v1');
  });

  describe('under traffic', () => {
    let before: Record<string, string>;

    beforeEach(async () => {
      await shop.stands();
      before = await shop.standing();
      await startTraffic();
    });

    afterEach(endTraffic);

    test('files written by hand: reported, not read, and repaired by update-nginx, which then has nothing to do', async () => {
      const live = await liveFolder(first, EDGE);
      const route = `${live}/http/hardy_production/api.conf`;
      const sidecarRoute = `${await liveFolder(second, SIDECAR)}/http/hardy_production/api.conf`;
      const good = await read(first, EDGE, route);
      await write(first, EDGE, route, 'server { listen 80; this is no nginx at all\n');
      await write(first, EDGE, `${live}/http/hardy_production/extra.conf`, 'also; broken {{\n');
      await write(first, EDGE, `${live}/http/zzz.conf`, 'server { listen 81 }\n');
      await write(second, SIDECAR, sidecarRoute, '');

      const status = await shop.run('status');
      for (const [{ host }, kind] of [
        [first, 'edge'],
        [second, 'sidecar'],
      ] as const) {
        expect(status.log).toMatch(
          `drift: ${host}: files of the ${kind} were changed by hand: http/hardy_production/api.conf`,
        );
      }

      const repaired = await shop.run('update-nginx');
      expect(repaired).toMatchObject({ code: 0, outputs: { changed: 'true' } });
      expect(await read(first, EDGE, `${await liveFolder(first, EDGE)}/http/hardy_production/api.conf`)).toBe(
        good,
      );
      await expectValid();
      const again = await shop.run('update-nginx');
      expect(again).toMatchObject({ code: 0, outputs: { changed: 'false' } });
      expect(await shop.standing()).toEqual(before);
    });

    fullSizeTest(
      'the file that nginx is started with, written by hand and reloaded: the last good one stays live',
      async () => {
        await write(second, EDGE, `${FOLDER}/nginx.conf`, 'garbage;\n');
        await second.docker('kill', '--signal', 'HUP', EDGE);
        const repaired = await shop.run('update-nginx');
        expect(repaired).toMatchObject({ code: 0, outputs: { changed: 'true' } });
        await expectValid();
        expect(await shop.run('update-nginx')).toMatchObject({ code: 0, outputs: { changed: 'false' } });
        expect(await shop.standing()).toEqual(before);
      },
    );

    fullSizeTest('a deploy over a file written by hand puts it right on the way', async () => {
      const route = `${await liveFolder(first, EDGE)}/http/hardy_production/api.conf`;
      await write(first, EDGE, route, 'broken {\n');
      await deployVersion(another());
      await expectValid();
    });

    fullSizeTest(
      'a listen port that another process has: the run says so, and nothing is switched',
      async () => {
        const port = preferredInternalPort({ project: 'hardy', environment: 'production' }, 'extra');
        await first.docker(
          ...[
            'run',
            '--detach',
            '--name',
            'squatter',
            '--network',
            `container:${SIDECAR}`,
            '--entrypoint',
            'node',
          ],
          ...[lab.images.web('v1'), '-e', `require('net').createServer().listen(${port}, '0.0.0.0')`],
        );
        const [old, fresh] = [await versionOf(first, DOMAIN), another()];
        release(shop, 'api', fresh).edit(({ services }) => {
          services.extra = { image: lab.images.web('v1'), port: 3000, healthcheck: { path: '/health' } };
        });
        const failed = said(await shop.failToDeploy());
        expect(failed).toMatch(
          new RegExp(
            `${first.host}: sidecar ${SIDECAR}: .*bind\\(\\) to 0\\.0\\.0\\.0:${port} failed.*in use`,
          ),
        );
        expect(await shop.standing()).toEqual(before);
        for (const server of lab.servers) expect(await versionOf(server, DOMAIN)).toBe(old);
        expect((await shop.state()).services).not.toHaveProperty('extra');

        await first.docker('rm', '--force', 'squatter');
        await shop.deploy();
        for (const server of lab.servers) expect(await versionOf(server, DOMAIN)).toBe(fresh);
        shop.edit(({ services }) => {
          delete services.extra;
        });
        await shop.deploy();
      },
    );

    fullSizeTest(
      'a new side whose name does not resolve: the switch is not proven, and the old side serves on',
      async () => {
        const slow = await lab.buildWeb('slow-2500', { HEALTH: 'slow', SLOW_MS: '2500' });
        const current = await versionOf(first, DOMAIN);
        const run = shop.start('toggle-deploy', { images: `api=${slow}` });
        await run.says(new RegExp(`^api on ${first.host}: start \\(`, 'm'));
        const names = await shop.standing();
        const [fresh] = Object.keys(names).filter((name) => name.startsWith(first.host) && !(name in before));
        const container = fresh!.split(' ')[1]!;
        await first.docker('rename', container, 'nobody-knows-me');
        const failed = await run.done;
        expect(failed.code).toBe(1);
        expect(said(failed)).toMatch(
          new RegExp(
            `${first.host}: \\w+ \\w+: the switch of api is not proven: [\\d.]+:3000 should answer, but .* did`,
          ),
        );
        expect(said(failed)).toMatch('The old side keeps running and nothing of it was touched.');
        expect(await shop.standing()).toEqual(before);
        for (const server of lab.servers) expect(await versionOf(server, DOMAIN)).toBe(current);

        await deployVersion('slow-2500');
      },
    );
  });

  describe('that is down', () => {
    beforeEach(() => shop.stands());

    fullSizeTest('an edge and a sidecar that were stopped: started before any other step', async () => {
      await first.docker('stop', EDGE);
      await second.docker('stop', SIDECAR);
      const status = await shop.run('status');
      expect(status.log).toMatch(`drift: ${first.host}: the edge needs a start`);
      expect(status.log).toMatch(`drift: ${second.host}: the sidecar needs a start`);
      const fresh = another();
      const run = await release(shop, 'api', fresh).deploy();
      expect(run.log).toMatch(`start the edge on ${first.host}`);
      expect(run.log).toMatch(`start the sidecar on ${second.host}`);
      for (const [server, name] of [
        [first, EDGE],
        [second, SIDECAR],
      ] as const) {
        const startedAt = await server.docker('inspect', '--format', '{{.State.StartedAt}}', name);
        const containers = await shop.containers(server, 'api');
        const createdAt = await server.docker('inspect', '--format', '{{.Created}}', containers[0]!);
        expect(Date.parse(startedAt)).toBeLessThan(Date.parse(createdAt));
        expect(await versionOf(server, DOMAIN)).toBe(fresh);
      }
      expect((await shop.deploy()).outputs.changed).toBe('false');
    });

    fullSizeTest(
      'an edge that what was written into it keeps from starting: mended and started',
      async () => {
        const live = await liveFolder(first, EDGE);
        const [before, serving] = [await shop.standing(), await versionOf(first, DOMAIN)];
        await write(first, EDGE, `${live}/http/hardy_production/api.conf`, 'garbage {\n');
        await write(first, EDGE, `${live}/main.conf`, 'more garbage;\n');
        await first.docker('restart', '--time', '1', EDGE);
        const status = await shop.run('status');
        expect(status.log).toMatch(`drift: ${first.host}: the edge needs a start`);
        const repaired = await shop.run('update-nginx');
        expect(repaired).toMatchObject({ code: 0, outputs: { changed: 'true' } });
        for (const server of lab.servers) expect(await versionOf(server, DOMAIN)).toBe(serving);
        expect(await shop.standing()).toEqual(before);
        expect(await shop.run('update-nginx')).toMatchObject({ code: 0, outputs: { changed: 'false' } });
      },
    );

    test('an edge and a sidecar that were removed: made anew with all their routes', async () => {
      const [before, serving] = [await shop.standing(), await versionOf(first, DOMAIN)];
      await first.docker('rm', '--force', EDGE);
      await second.docker('rm', '--force', SIDECAR);
      const plan = await shop.run('plan');
      expect(plan.log).toMatch(`drift: ${first.host}: the edge is not there`);
      expect(plan.log).toMatch(`drift: ${second.host}: the sidecar is not there`);
      const run = await shop.deploy();
      expect(run.outputs.changed).toBe('true');
      for (const server of lab.servers) expect(await versionOf(server, DOMAIN)).toBe(serving);
      expect(Object.keys(await shop.standing())).toEqual(Object.keys(before));
      expect((await shop.deploy()).outputs.changed).toBe('false');
    });

    fullSizeTest(
      'a sidecar that was removed, while the service behind it is replaced: the probe takes nothing for lost',
      async () => {
        shop.edit(({ services }) => {
          services.inner = { ...service(), domain: undefined };
        });
        await shop.deploy();
        await second.docker('rm', '--force', SIDECAR);
        shop.edit(({ services }) => {
          services.inner!.image = lab.images.web('v2');
        });
        const run = await shop.deploy();
        expect(resultOf(run, 'inner')).toMatchObject({ release: 2, probe: { lost: 0 } });
        shop.edit(({ services }) => {
          delete services.inner;
        });
        await shop.deploy();
      },
    );
  });

  describe('by a run that is killed', () => {
    const moments: [string, RegExp][] = [
      ['between the check of the routes and the proof', /^stage \(/m],
      ['while the old side drains', /: prove \(/m],
      ['when the new containers have started', /^api on \S+: start \(/m],
      ['when they are healthy', /^api on \S+: healthy \(/m],
      ['before anything starts', /^\s*·/m],
    ];

    fullSizeTest.each(moments)(
      '%s: traffic is served, and the next run finishes the work',
      async (_when, moment) => {
        await shop.stands();
        await startTraffic();
        const version = another();
        const killed = release(shop, 'api', version).start('toggle-deploy');
        await killed.says(moment);
        killed.signal('SIGKILL');
        expect((await killed.done).code).not.toBe(0);
        expect(await shop.lease()).toMatchObject({ released: false });

        const next = await shop.deploy();
        // The dead run is recognised: nobody waits until a lease or a lock has ended by itself.
        expect(next.ms).toBeLessThan(30_000);
        for (const server of lab.servers) {
          expect(await versionOf(server, DOMAIN)).toBe(version);
          expect(await shop.containers(server, 'api')).toHaveLength(1);
          // The dead run's lock may be left: whoever changes the edge next takes it over.
          const all = (await server.docker('ps', '--all', '--format', '{{.Names}}')).trim().split('\n');
          expect(all.filter((name) => name !== `${EDGE}_lock`).sort()).toEqual(
            [EDGE, SIDECAR, ...(await shop.containers(server, 'api'))].sort(),
          );
        }
        const { release: recorded, copies, isUnfinished } = await shop.recorded('api');
        expect(isUnfinished).toBe(false);
        expect(new Set(copies.map((copy) => copy.release))).toEqual(new Set([recorded]));
        expect((await shop.deploy()).outputs.changed).toBe('false');
        await endTraffic();
      },
    );

    fullSizeTest('in the middle of making the edge: the next run makes the rest', async () => {
      await shop.stands();
      await shop.leave();
      for (const server of lab.servers) {
        await server.docker('rm', '--force', '--volumes', EDGE);
        await server.docker('volume', 'rm', EDGE);
        // What a run leaves that was cut off between creating and starting.
        await server.docker(
          ...['create', '--name', EDGE, '--label', 'switchyard.role=edge', '--network', '0switchyard'],
          ...['--publish', '80:80', '--volume', `${EDGE}:${FOLDER}`, '--restart', 'always'],
          ...['--entrypoint', 'nginx', lab.images.nginx, '-c', `${FOLDER}/nginx.conf`, '-g', 'daemon off;'],
        );
      }
      shop.edit((config) => {
        config.services = { api: service() };
      });
      await shop.deploy();
      for (const server of lab.servers) expect(await versionOf(server, DOMAIN)).toBe('v1');
    });
  });

  async function startTraffic(): Promise<void> {
    traffic = startUsers(lab.servers, DOMAIN);
    await traffic.untilSent(50);
  }

  async function endTraffic(): Promise<void> {
    const { lost, losses, ok } = await traffic!.stop();
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    expect(ok).toBeGreaterThan(50);
  }

  /** A version that the service does not run. */
  function another(): string {
    return shop.config.services.api!.image === lab.images.web('v2') ? 'v3' : 'v2';
  }

  async function deployVersion(version: string): Promise<void> {
    await release(shop, 'api', version).deploy();
    for (const server of lab.servers) expect(await versionOf(server, DOMAIN)).toBe(version);
  }

  /** What is on the disk can be started: nginx itself reads it and finds nothing wrong. */
  async function expectValid(): Promise<void> {
    for (const server of lab.servers) {
      for (const name of [EDGE, SIDECAR]) {
        const checked = await server.exec([
          'docker',
          'exec',
          name,
          'nginx',
          '-t',
          '-q',
          '-c',
          `${FOLDER}/nginx.conf`,
        ]);
        expect(checked).toMatchObject({ code: 0 });
      }
    }
  }

  async function read(server: LabServer, container: string, path: string): Promise<string> {
    return await server.docker('exec', container, 'cat', path);
  }

  async function write(server: LabServer, container: string, path: string, text: string): Promise<void> {
    const written = await server.exec(
      ['docker', 'exec', '--interactive', container, 'sh', '-c', 'cat >"$0"', path],
      { input: text },
    );
    if (written.code !== 0) throw new Error(written.stderr);
  }

  /** The folder of the configuration that is live: `/etc/switchyard/a` or `/b`. */
  async function liveFolder(server: LabServer, container: string): Promise<string> {
    const pointer = await read(server, container, `${FOLDER}/nginx.conf`);
    const [, folder] = /^include (\S+)\/main\.conf;$/m.exec(pointer) ?? [];
    if (folder === undefined) throw new Error(`no live folder in ${pointer}`);
    return folder;
  }
});
