import type { ContainerCreateRequest } from '@docker/node-sdk';
import { expect } from '@jest/globals';
import { defaultsOf, settingsFound } from '../../../src/deploy/observation/container-settings.ts';
import { type Blueprint, settingsOf } from '../../../src/deploy/planning/blueprint.ts';
import { changedSettings } from '../../../src/deploy/planning/container-settings.ts';
import { connectionsTo } from '../../../src/deploy/steps/connections.ts';
import { createRequest } from '../../../src/deploy/steps/container-request.ts';
import { deliverFiles, removeWithFiles } from '../../../src/fleet/delivered-files.ts';
import type { Server } from '../../../src/fleet/server.ts';
import { type Clock, poll } from '../../../src/model/clock.ts';
import type { ContainerOptions } from '../../../src/model/container-options.ts';
import { LABEL } from '../../../src/model/labels.ts';
import type { ContainerSpec, FileSpec } from '../../../src/model/spec.ts';
import { service } from '../stories/specs.ts';

/** What the cases of the contract are run on: a server of the lab, or one of the model. */
export interface Given {
  server: Server;
  clock: Clock;
  /** Images that lie on the server: nginx, and an app that answers HTTP on port 3000, or on that of `PORT`. */
  images: { nginx: string; app: string };
  /** pause freezes a container, as somebody on the server may. */
  pause(container: string): Promise<void>;
  /** crash kills what runs in a container, past the engine. */
  crash(container: string): Promise<void>;
}

/** Case is something that engine and nginx promise to the product. */
export interface Case {
  title: string;
  /** It throws where the promise is not kept. What it creates has names that begin with `own`. */
  run(given: Given, own: string): Promise<void>;
}

/** How long the slowest machine may take for what a case waits for. */
const PATIENCE_MS = 15_000;

/** Some of each form that an engine could write in its own way. */
const OPTIONS: ContainerOptions = {
  hostname: 'broker-1',
  init: false,
  tty: true,
  read_only: true,
  tmpfs: { '/run': '', '/tmp': 'size=1m' },
  shm_size: 1e8,
  expose: ['9090/tcp'],
  extra_hosts: ['printer:10.0.0.9', 'server:host-gateway'],
  dns: ['10.0.0.53'],
  group_add: ['998'],
  cap_add: ['NET_ADMIN'],
  cap_drop: ['MKNOD', 'AUDIT_WRITE'],
  security_opt: ['no-new-privileges=true'],
  sysctls: { 'net.core.somaxconn': '1024' },
  ulimits: { nofile: { soft: 1024, hard: 2048 }, core: { soft: 0, hard: 0 } },
  devices: [{ source: '/dev/null', target: '/dev/nothing' }],
  mem_swappiness: 10,
  oom_score_adj: 100,
};

function blueprintOf(environment: string, container: ContainerSpec): Blueprint {
  return {
    scope: { project: 'shop', environment },
    repository: 'example.com/shop',
    service: 'api',
    container,
    containerPort: 3000,
    ports: { host: 8123, internal: 5123 },
    publishOn: undefined,
    dependencies: {},
    secretsVersion: 0,
  };
}

/** CONTRACT is what the product relies on, engine by engine and nginx by nginx. */
export const CONTRACT: readonly Case[] = [
  {
    title: 'a container holds its name, also when it was never started',
    async run({ server: { engine }, images }, own) {
      const id = await engine.createContainer(own, { Image: images.app });
      const again = engine.createContainer(own, { Image: images.app });
      await expect(again).rejects.toMatchObject({
        status: 409,
        message: expect.stringContaining(
          `The container name "/${own}" is already in use by container "${id}"`,
        ),
      });
      expect(await engine.inspectContainer(own)).toMatchObject({
        Id: id,
        Name: `/${own}`,
        RestartCount: 0,
        State: { Status: 'created', Running: false, Restarting: false, ExitCode: 0 },
      });
      await engine.stopContainer(own, 1);
      await engine.removeContainer(id);
      expect(await engine.findContainer(own)).toBeUndefined();
      await engine.createContainer(own, { Image: images.app });
    },
  },
  {
    title: 'an image that is not there makes no container',
    async run({ server: { engine } }, own) {
      const created = engine.createContainer(own, { Image: 'nothing:1' });
      await expect(created).rejects.toMatchObject({ status: 404, message: 'No such image: nothing:1' });
      expect(await engine.findImage('nothing:1')).toBeUndefined();
    },
  },
  {
    title:
      'what is not there cannot be inspected, started, signalled or renamed, and may be stopped and removed',
    async run({ server: { engine } }, own) {
      const missing = { status: 404, message: expect.stringContaining(`No such container: ${own}`) };
      await expect(engine.inspectContainer(own)).rejects.toMatchObject(missing);
      await expect(engine.startContainer(own)).rejects.toMatchObject(missing);
      await expect(engine.signalContainer(own, 'HUP')).rejects.toMatchObject(missing);
      await expect(engine.renameContainer(own, `${own}_2`)).rejects.toMatchObject(missing);
      await expect(engine.logs(own, { tail: 1 })).rejects.toMatchObject(missing);
      await expect(engine.exec(own, ['true'])).rejects.toMatchObject(missing);
      await engine.stopContainer(own, 1);
      await engine.removeContainer(own);
      await engine.removeNetwork(own);
      await engine.removeVolume(own);
      await engine.removeImage(`${own}:1`);
      expect(await engine.findNetwork(own)).toBeUndefined();
      expect(await engine.hasVolume(own)).toBe(false);
    },
  },
  {
    title: 'a running container is what it was asked to be',
    async run({ server: { engine }, images }, own) {
      const network = await makeNetwork(engine, own);
      const id = await engine.createContainer(own, {
        Image: images.app,
        Cmd: ['node', '/app/server.mjs'],
        Env: ['SIDE=left'],
        Labels: { test: own },
        ExposedPorts: { '3000/tcp': {} },
        HostConfig: {
          NetworkMode: network,
          RestartPolicy: { Name: 'unless-stopped' },
          PortBindings: { '3000/tcp': [{ HostIp: '127.0.0.1', HostPort: '18123' }] },
        },
        NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [`${own}_alias`] } } },
      });
      await engine.startContainer(own);
      await engine.startContainer(own);
      const found = await engine.inspectContainer(own);
      expect(found).toMatchObject({
        Id: id,
        State: { Status: 'running', Running: true, Restarting: false, ExitCode: 0 },
        Config: {
          Image: images.app,
          Cmd: ['node', '/app/server.mjs'],
          Env: expect.arrayContaining(['SIDE=left']),
          Labels: expect.objectContaining({ test: own }),
        },
        HostConfig: {
          NetworkMode: network,
          RestartPolicy: { Name: 'unless-stopped' },
          PortBindings: { '3000/tcp': [{ HostIp: '127.0.0.1', HostPort: '18123' }] },
        },
      });
      expect(found.State?.Pid).toBeGreaterThan(0);
      const endpoint = found.NetworkSettings?.Networks?.[network];
      expect(endpoint?.IPAddress).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(endpoint?.Aliases).toContain(`${own}_alias`);
      const [listed] = await engine.listContainers({ label: [`test=${own}`] });
      expect(listed).toMatchObject({
        Id: id,
        Names: [`/${own}`],
        Image: images.app,
        ImageID: found.Image,
        State: 'running',
        HostConfig: { NetworkMode: network },
        NetworkSettings: { Networks: { [network]: { IPAddress: endpoint?.IPAddress } } },
        Ports: [{ IP: '127.0.0.1', PrivatePort: 3000, PublicPort: 18123, Type: 'tcp' }],
      });
      const members = (await engine.findNetwork(network))?.Containers ?? {};
      expect(members[id]).toMatchObject({ Name: own, IPv4Address: `${endpoint?.IPAddress}/24` });
    },
  },
  {
    title: 'containers are listed by label, by name and by image, stopped ones too',
    async run({ server: { engine }, images }, own) {
      const first = await engine.createContainer(`${own}_1`, {
        Image: images.app,
        Labels: { test: own, n: '1' },
      });
      const second = await engine.createContainer(`${own}_2`, {
        Image: images.app,
        Labels: { test: own, n: '2' },
      });
      const idsOf = async (filter: Parameters<typeof engine.listContainers>[0]) =>
        (await engine.listContainers(filter)).map(({ Id }) => Id);
      expect(await idsOf({ label: [`test=${own}`] })).toEqual([second, first]);
      expect(await idsOf({ label: [`test=${own}`, 'n=1'] })).toEqual([first]);
      expect(await idsOf({ label: [`test=${own}`, 'none'] })).toEqual([]);
      expect(await idsOf({ name: [`${own}_2`] })).toEqual([second]);
      const image = (await engine.findImage(images.app))?.Id ?? '';
      expect(await idsOf({ ancestor: [image], label: [`test=${own}`] })).toEqual([second, first]);
      expect(
        await idsOf({ ancestor: [(await engine.findImage(images.nginx))?.Id ?? ''], label: [`test=${own}`] }),
      ).toEqual([]);
    },
  },
  {
    title: 'a port has one owner, and who comes second may start when the first has gone',
    async run({ server: { engine }, images }, own) {
      const spec = publishing(images.app, '127.0.0.1', '18124');
      await start(engine, `${own}_1`, spec);
      await engine.createContainer(`${own}_2`, spec);
      await expect(engine.startContainer(`${own}_2`)).rejects.toMatchObject({
        status: 500,
        message: expect.stringMatching(/port is already allocated|address already in use/),
      });
      expect((await engine.inspectContainer(`${own}_2`)).State).toMatchObject({
        Status: 'created',
        ExitCode: 128,
      });
      await engine.removeContainer(`${own}_1`);
      await engine.startContainer(`${own}_2`);
    },
  },
  {
    title: 'an address that is not of the server cannot be published on',
    async run({ server: { engine }, images }, own) {
      await engine.createContainer(own, publishing(images.app, '198.51.100.9', '18125'));
      await expect(engine.startContainer(own)).rejects.toMatchObject({
        status: 500,
        message: expect.stringContaining('cannot assign requested address'),
      });
    },
  },
  {
    title: 'a network that is not there keeps a container from starting',
    async run({ server: { engine }, images }, own) {
      await engine.createContainer(own, { Image: images.app, HostConfig: { NetworkMode: own } });
      await expect(engine.startContainer(own)).rejects.toMatchObject({
        status: 404,
        message: `network ${own} not found`,
      });
    },
  },
  {
    title: 'a name is changed while its container runs, and taken by nobody twice',
    async run({ server: { engine }, images }, own) {
      const id = await start(engine, own, { Image: images.app });
      await engine.createContainer(`${own}_2`, { Image: images.app });
      await expect(engine.renameContainer(own, `${own}_2`)).rejects.toMatchObject({
        status: 409,
        message: expect.stringContaining(`The container name "/${own}_2" is already in use`),
      });
      await engine.renameContainer(own, `${own}_3`);
      expect(await engine.inspectContainer(`${own}_3`)).toMatchObject({ Id: id, State: { Running: true } });
      expect(await engine.findContainer(own)).toBeUndefined();
    },
  },
  {
    title: 'what ends again and again is started again and again, and counted',
    async run({ server: { engine }, images, clock }, own) {
      await start(engine, own, failing(images.nginx, { Name: 'always' }));
      const restarting = await until(clock, async () => {
        const found = await engine.inspectContainer(own);
        return (found.RestartCount ?? 0) >= 2 && found.State?.Restarting ? found : undefined;
      });
      expect(restarting.State).toMatchObject({ Status: 'restarting', Running: true, ExitCode: 1 });
      expect((await engine.listContainers({ name: [own] }))[0]?.State).toMatch(/restarting|running/);
      await engine.stopContainer(own, 1);
      const stopped = await engine.inspectContainer(own);
      expect(stopped.State).toMatchObject({ Status: 'exited', Running: false });
      expect(stopped.RestartCount).toBeGreaterThanOrEqual(2);
    },
  },
  {
    title: 'who starts a container has its restarts counted anew',
    async run({ server: { engine }, images, clock, crash }, own) {
      const policy = { HostConfig: { RestartPolicy: { Name: 'unless-stopped' as const } } };
      await start(engine, own, { Image: images.app, ...policy });
      await crash(own);
      await comesBack(engine, clock, own);
      await engine.stopContainer(own, 1);
      await engine.startContainer(own);
      expect(await engine.inspectContainer(own)).toMatchObject({ RestartCount: 0, State: { Running: true } });
    },
  },
  {
    title: 'a container exposes what its image does, and what it says itself',
    async run({ server: { engine }, images }, own) {
      await engine.createContainer(own, { Image: images.nginx, ExposedPorts: { '9100/tcp': {} } });
      const { Config } = await engine.inspectContainer(own);
      expect(Object.keys(Config?.ExposedPorts ?? {}).sort()).toEqual(['80/tcp', '9100/tcp']);
    },
  },
  {
    title: 'what fails too often stays down',
    async run({ server: { engine }, images, clock }, own) {
      await start(engine, own, failing(images.nginx, { Name: 'on-failure', MaximumRetryCount: 1 }));
      const ended = await until(clock, async () => {
        const found = await engine.inspectContainer(own);
        return found.State?.Status === 'exited' ? found : undefined;
      });
      expect(ended).toMatchObject({ RestartCount: 1, State: { Running: false, ExitCode: 1 } });
    },
  },
  {
    title: 'what crashes comes back by its policy, and what was killed by hand does not',
    async run({ server: { engine }, images, clock, crash }, own) {
      const policy = { HostConfig: { RestartPolicy: { Name: 'unless-stopped' as const } } };
      await start(engine, own, { Image: images.app, ...policy });
      await crash(own);
      await comesBack(engine, clock, own);
      await engine.signalContainer(own, 'KILL');
      await until(
        clock,
        async () => (await engine.inspectContainer(own)).State?.Status === 'exited' || undefined,
      );
      await clock.sleep(500);
      expect((await engine.inspectContainer(own)).State).toMatchObject({ Status: 'exited', ExitCode: 137 });
      await expect(engine.signalContainer(own, 'HUP')).rejects.toMatchObject({
        status: 409,
        message: expect.stringMatching(/is not running$/),
      });
    },
  },
  {
    title: 'a stop waits for the app, and ends it when the grace is over',
    async run({ server: { engine }, images, clock }, own) {
      await startApp(engine, clock, `${own}_1`, { Image: images.app });
      await start(engine, `${own}_2`, waiting(images.nginx));
      await engine.stopContainer(`${own}_1`, 10);
      const begun = clock.now();
      await engine.stopContainer(`${own}_2`, 1);
      expect(clock.now() - begun).toBeGreaterThanOrEqual(900);
      expect((await engine.inspectContainer(`${own}_1`)).State).toMatchObject({
        Status: 'exited',
        ExitCode: 0,
      });
      expect((await engine.inspectContainer(`${own}_2`)).State).toMatchObject({
        Status: 'exited',
        ExitCode: 137,
      });
      await engine.stopContainer(`${own}_2`, 1);
    },
  },
  {
    title: 'a container that removes itself is gone when it has ended',
    async run({ server: { engine }, images, clock }, own) {
      await start(engine, own, { Image: images.nginx, Cmd: ['true'], HostConfig: { AutoRemove: true } });
      await until(clock, async () => (await engine.findContainer(own)) === undefined || undefined);
    },
  },
  {
    title: 'a paused container runs, takes no command, and goes on when it is started',
    async run({ server: { engine }, images, pause }, own) {
      await start(engine, own, { Image: images.app });
      await pause(own);
      expect((await engine.inspectContainer(own)).State).toMatchObject({ Status: 'paused', Running: true });
      expect((await engine.listContainers({ name: [own] }))[0]?.State).toBe('paused');
      await expect(engine.exec(own, ['true'])).rejects.toMatchObject({
        status: 409,
        message: `Container ${own} is paused, unpause the container before exec`,
      });
      await engine.startContainer(own);
      expect((await engine.inspectContainer(own)).State).toMatchObject({ Status: 'running' });
    },
  },
  {
    title: 'networks have labels, members while these run, and stay as long as somebody is in them',
    async run({ server: { engine }, images }, own) {
      await engine.createNetwork({ Name: own, Driver: 'bridge', Labels: { test: own } });
      await engine.createNetwork({ Name: own, Driver: 'bridge' });
      const [listed, ...others] = await engine.listNetworks([`test=${own}`]);
      expect([listed?.Name, others]).toEqual([own, []]);
      const inspected = await engine.findNetwork(listed?.Id ?? '');
      expect(inspected).toMatchObject({ Name: own, Containers: {}, Labels: { test: own } });
      const id = await start(engine, own, { Image: images.app, HostConfig: { NetworkMode: own } });
      await engine.joinNetwork(own, id);
      const { IPAM, Containers } = (await engine.findNetwork(own))!;
      expect(Object.keys(Containers ?? {})).toEqual([id]);
      const [{ Gateway = '' } = {}] = IPAM?.Config ?? [];
      expect(Gateway.split('.').slice(0, 3)).toEqual(
        Object.values(Containers ?? {})[0]
          ?.IPv4Address?.split('.')
          .slice(0, 3),
      );
      await expect(engine.removeNetwork(own)).rejects.toMatchObject({
        status: 403,
        message: expect.stringContaining('has active endpoints'),
      });
      await engine.stopContainer(own, 0);
      expect((await engine.findNetwork(own))?.Containers).toEqual({});
      await engine.removeNetwork(own);
      expect((await engine.inspectContainer(own)).NetworkSettings?.Networks?.[own]?.IPAddress).toBe('');
    },
  },
  {
    title: 'a container joins networks and leaves them while it runs',
    async run({ server: { engine }, images }, own) {
      await engine.createNetwork({ Name: `${own}_1` });
      await engine.createNetwork({ Name: `${own}_2` });
      await start(engine, own, { Image: images.app, HostConfig: { NetworkMode: `${own}_1` } });
      const networks = async () =>
        Object.keys((await engine.inspectContainer(own)).NetworkSettings?.Networks ?? {}).sort();
      await engine.joinNetwork(`${own}_2`, own);
      await engine.joinNetwork(`${own}_2`, own);
      expect(await networks()).toEqual([`${own}_1`, `${own}_2`]);
      await engine.leaveNetwork(`${own}_2`, own);
      await engine.leaveNetwork(`${own}_2`, own);
      await engine.leaveNetwork(`${own}_2`, `${own}_missing`);
      expect(await networks()).toEqual([`${own}_1`]);
      await expect(engine.joinNetwork(`${own}_3`, own)).rejects.toMatchObject({
        status: 404,
        message: `network ${own}_3 not found`,
      });
      await engine.joinNetwork(`${own}_2`, own, [`${own}_alias`]);
      const { NetworkSettings } = await engine.inspectContainer(own);
      expect(NetworkSettings?.Networks?.[`${own}_2`]?.Aliases).toContain(`${own}_alias`);
      // It runs on without any, and is watched as ever.
      for (const left of [1, 2]) await engine.leaveNetwork(`${own}_${left}`, own);
      expect(await networks()).toEqual([]);
      await start(engine, `${own}_helper`, helper(images.app, own));
      expect((await engine.inspectContainer(own)).State?.Running).toBe(true);
    },
  },
  {
    title: 'volumes keep their labels, and stay as long as a container has them',
    async run({ server: { engine }, images }, own) {
      await engine.createVolume(own, { test: own });
      await engine.createVolume(own, { test: 'other' });
      const unused = async () => (await engine.listUnusedVolumes([`test=${own}`])).map(({ Name }) => Name);
      expect(await unused()).toEqual([own]);
      const volumes = [
        { Type: 'volume' as const, Source: own, Target: '/data/' },
        {
          Type: 'volume' as const,
          Source: `${own}_2`,
          Target: '/more',
          VolumeOptions: { Labels: { test: own } },
        },
        { Type: 'bind' as const, Source: '/tmp', Target: '/host', ReadOnly: true },
        { Type: 'tmpfs' as const, Target: '/scratch' },
        { Type: 'volume' as const, Target: '/anonymous' },
      ];
      await engine.createContainer(own, {
        Image: images.app,
        HostConfig: { NetworkMode: 'none', Mounts: volumes },
      });
      const mounts = (await engine.inspectContainer(own)).Mounts ?? [];
      const byTarget = Object.fromEntries(
        mounts.map(({ Destination = '', Type, Name, RW }) => [Destination, { Type, Name, RW }]),
      );
      const anonymous = byTarget['/anonymous']?.Name ?? '';
      expect(byTarget).toEqual({
        '/data': { Type: 'volume', Name: own, RW: true },
        '/more': { Type: 'volume', Name: `${own}_2`, RW: true },
        '/host': { Type: 'bind', Name: undefined, RW: false },
        '/scratch': { Type: 'tmpfs', Name: undefined, RW: true },
        '/anonymous': { Type: 'volume', Name: anonymous, RW: true },
      });
      const [listed] = await engine.listContainers({ name: [`^/${own}$`] });
      expect(listed?.Mounts).toHaveLength(5);
      expect(await unused()).toEqual([]);
      await expect(engine.removeVolume(own)).rejects.toMatchObject({
        status: 409,
        message: expect.stringContaining('volume is in use'),
      });
      await engine.removeContainer(own);
      expect((await unused()).sort()).toEqual([own, `${own}_2`]);
      expect(await engine.hasVolume(anonymous)).toBe(false);
      for (const name of await unused()) await engine.removeVolume(name!);
      expect(await unused()).toEqual([]);
    },
  },
  {
    title: 'options of a container are told as they were asked for, and an empty entrypoint is none',
    async run({ server: { engine }, images }, own) {
      const { container } = service('api', { image: images.app, options: OPTIONS });
      const settings = {
        ...settingsOf(blueprintOf(own, { ...container, entrypoint: [] }), { slot: 'base', release: 1 }),
        networks: [await makeNetwork(engine, own)],
        links: [],
      };
      const { Config = {} } = (await engine.findImage(images.app)) ?? {};
      await engine.createContainer(own, createRequest(settings, {}));
      const found = settingsFound(await engine.inspectContainer(own));
      // Once the container runs, it is in its network.
      expect(changedSettings({ ...settings, networks: [] }, found, defaultsOf(Config))).toEqual([]);
      expect(found.entrypoint).toEqual([]);
    },
  },
  {
    title: 'files that are delivered are there when the container starts, and their volume is in use',
    async run({ server, images, clock }, own) {
      const { engine } = server;
      const scope = { project: 'shop', environment: own };
      const file = { mode: 0o640, uid: 1000, gid: 1001 };
      const { container } = service('api', { image: images.app });
      const files: FileSpec[] = [
        { ...file, target: '/run/secrets/key', content: { secret: 'KEY' } },
        { ...file, target: '/etc/conf', path: 'sub/own.conf', content: { text: 'own' } },
      ];
      const settings = {
        ...settingsOf(
          blueprintOf(own, { ...container, files, options: { read_only: true, tmpfs: { '/run': '' } } }),
          {
            slot: 'base',
            release: 1,
          },
        ),
        networks: [await makeNetwork(engine, own)],
        links: [],
      };
      const secrets = { KEY: 'open-sesame' };
      const delivery = { container: own, service: 'api', files, image: images.app, secrets };
      const delivered = await deliverFiles(server, scope, delivery);
      const { volume = '', mounts = [] } = delivered ?? {};
      const labels = [`${LABEL.environment}=${own}`];
      const unused = async () => (await engine.listUnusedVolumes(labels)).map(({ Name }) => Name);
      expect(await unused()).toEqual([volume]);
      const id = await engine.createContainer(own, createRequest(settings, secrets, delivered));
      await engine.startContainer(id);
      await until(clock, async () => (await engine.inspectContainer(id)).State?.Running || undefined);
      expect([...(await engine.readFiles(id, '/run/secrets/key'))]).toEqual([['key', 'open-sesame']]);
      expect([...(await engine.readFiles(id, '/etc/conf'))]).toEqual([['conf/sub/own.conf', 'own']]);
      expect(
        changedSettings(
          { ...settings, networks: [] },
          settingsFound(await engine.inspectContainer(id)),
          undefined,
        ),
      ).toEqual([]);
      expect(await unused()).toEqual([]);
      await expect(engine.removeVolume(volume)).rejects.toMatchObject({ status: 409 });
      await removeWithFiles(server, id);
      expect(await engine.hasVolume(volume)).toBe(false);
      const orphan = {
        ...createRequest(settings, secrets),
        HostConfig: {
          Mounts: [
            { Type: 'volume' as const, Source: volume, Target: '/y' },
            { Type: 'bind' as const, Source: mounts[0]!.source, Target: '/x' },
          ],
        },
      };
      await expect(engine.createContainer(own, orphan)).rejects.toMatchObject({ status: 400 });
      expect(await engine.hasVolume(volume)).toBe(false);
    },
  },
  {
    title: 'a folder of the server that is not there cannot be mounted',
    async run({ server: { engine }, images }, own) {
      const mount = { Type: 'bind' as const, Source: '/not/there', Target: '/host' };
      const created = engine.createContainer(own, { Image: images.app, HostConfig: { Mounts: [mount] } });
      await expect(created).rejects.toMatchObject({
        status: 400,
        message: 'invalid mount config for type "bind": bind source path does not exist: /not/there',
      });
    },
  },
  {
    title: 'files are written and read through a container that was never started',
    async run({ server: { engine }, images }, own) {
      const through = async (name: string) => {
        const Mounts = [{ Type: 'volume' as const, Source: own, Target: '/data' }];
        return await engine.createContainer(name, {
          Image: images.app,
          HostConfig: { NetworkMode: 'none', Mounts },
        });
      };
      await through(`${own}_1`);
      expect(await engine.readFiles(`${own}_1`, '/data')).toEqual(new Map());
      await engine.writeFiles(
        `${own}_1`,
        '/data',
        new Map([
          ['a/b.txt', 'one'],
          ['c.txt', 'two'],
        ]),
      );
      await engine.writeFiles(
        `${own}_1`,
        '/data',
        new Map([
          ['c.txt', 'three'],
          ['d.txt', ''],
        ]),
      );
      await engine.removeContainer(`${own}_1`);
      await through(`${own}_2`);
      const read = async (path: string) => [...(await engine.readFiles(`${own}_2`, path))].sort();
      expect(await read('/data')).toEqual([
        ['data/a/b.txt', 'one'],
        ['data/c.txt', 'three'],
        ['data/d.txt', ''],
      ]);
      expect(await read('/data/a')).toEqual([['a/b.txt', 'one']]);
      expect(await read('/data/a/b.txt')).toEqual([['b.txt', 'one']]);
      await expect(read('/data/none')).rejects.toMatchObject({
        status: 404,
        message: `Could not find the file /data/none in container ${own}_2`,
      });
      await expect(engine.writeFiles(`${own}_2`, '/none', new Map([['a', '']]))).rejects.toMatchObject({
        status: 404,
        message: `Could not find the file /none in container ${own}_2`,
      });
    },
  },
  {
    title: 'commands in a container say how they ended, and there are none where nothing runs',
    async run({ server: { engine }, images }, own) {
      const id = await start(engine, own, waiting(images.nginx));
      expect(await engine.exec(own, ['cat', '/proc/net/none'])).toEqual({
        exitCode: 1,
        stdout: '',
        stderr: 'cat: /proc/net/none: No such file or directory\n',
      });
      const { exitCode, stdout } = await engine.exec(own, ['nothing']);
      expect([exitCode, stdout]).toEqual([126, expect.stringContaining('executable file not found')]);
      await engine.stopContainer(own, 0);
      await expect(engine.exec(own, ['true'])).rejects.toMatchObject({
        status: 409,
        message: expect.stringMatching(new RegExp(`^container ${id} is not running$`, 'i')),
      });
    },
  },
  {
    title: 'what a container has printed stays as long as it does',
    async run({ server: { engine }, images, clock }, own) {
      await startApp(engine, clock, own, { Image: images.app });
      const said = await until(clock, async () => {
        const { stdout } = await engine.logs(own, { tail: 5 });
        return /listening/.test(stdout) ? stdout : undefined;
      });
      expect(said).toMatch(/^web v1 listening on 3000\n$/);
      const { SystemTime } = await engine.info();
      const now = Math.floor(Date.parse(SystemTime ?? '') / 1000);
      expect((await engine.logs(own, { tail: 5, since: now - 60 })).stdout).toBe(said);
      expect((await engine.logs(own, { tail: 5, since: now + 60 })).stdout).toBe('');
      await engine.stopContainer(own, 10);
      expect((await engine.logs(own, {})).stdout).toContain(said);
    },
  },
  {
    title: 'images are known by name, by id and by digest, and stay while they are used',
    async run({ server: { engine }, images }, own) {
      const found = (await engine.findImage(images.app))!;
      expect(found.Id).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(found.RepoTags).toEqual([images.app]);
      expect(found.RepoDigests).toEqual([expect.stringMatching(/@sha256:[0-9a-f]{64}$/)]);
      expect((await engine.findImage(found.Id!))?.Id).toBe(found.Id);
      expect((await engine.findImage(found.RepoDigests![0]!))?.Id).toBe(found.Id);
      await engine.createContainer(own, { Image: images.app });
      await expect(engine.removeImage(images.app)).rejects.toMatchObject({ status: 409 });
      await engine.findInRegistry(images.app);
      await expect(engine.findInRegistry(`${images.app}-none`)).rejects.toMatchObject({ status: 404 });
      const pulled = engine.pullImage(`${images.app}-none`, { onProgress: () => undefined });
      await expect(pulled).rejects.toThrow('manifest unknown');
      await engine.pullImage(images.app, { onProgress: () => undefined });
    },
  },
  {
    title: 'an image that has another name keeps it when the one by its digest goes',
    async run({ server: { engine }, images }, own) {
      const names = async () => (await engine.findImage(images.app)) ?? {};
      const [digest = ''] = (await names()).RepoDigests ?? [];
      await engine.tagImage(digest, `${own}:1`);
      expect((await names()).RepoTags).toEqual(expect.arrayContaining([images.app, `${own}:1`]));
      await engine.removeImage(digest);
      expect(await names()).toMatchObject({ RepoDigests: [] });
      expect((await engine.findImage(`${own}:1`))?.Id).toBe((await names()).Id);
      await engine.pullImage(digest, { onProgress: () => undefined });
      expect((await names()).RepoDigests).toEqual([digest]);
      await engine.removeImage(`${own}:1`);
      expect((await names()).RepoTags).toEqual([images.app]);
      await expect(engine.tagImage(`${own}:none`, `${own}:1`)).rejects.toMatchObject({ status: 404 });
    },
  },
  {
    title: 'a helper in the network of a container counts who is connected to it',
    async run({ server, images, clock }, own) {
      const { engine } = server;
      const address = await startApp(engine, clock, own, { Image: images.app });
      await start(engine, `${own}_helper`, helper(images.nginx, own));
      const count = async (ports?: number[]) => {
        const { stdout } = await engine.exec(`${own}_helper`, ['cat', '/proc/net/tcp', '/proc/net/tcp6']);
        return connectionsTo(stdout, ports).length;
      };
      expect(await count([3000])).toBe(0);
      const streams = await Promise.all([1, 2, 3].map(() => server.dial(address, 3000)));
      await until(clock, async () => (await count([3000])) === 3 || undefined);
      expect([await count(), await count([3001])]).toEqual([3, 0]);
      for (const stream of streams.slice(0, 2)) stream.destroy();
      await until(clock, async () => (await count([3000])) === 1 || undefined);
      streams[2]!.destroy();
      await until(clock, async () => (await count()) === 0 || undefined);
    },
  },
  {
    title:
      'a connection that the app does not close is half-closed when the other end has gone, as long as the app runs',
    async run({ server, images, clock }, own) {
      const { engine } = server;
      const address = await startApp(engine, clock, own, { Image: images.app, Env: ['LEAK=1'] });
      await start(engine, `${own}_helper`, helper(images.nginx, own));
      const states = async () => {
        const { stdout } = await engine.exec(`${own}_helper`, ['cat', '/proc/net/tcp', '/proc/net/tcp6']);
        return connectionsTo(stdout, [3000]).map(({ halfClosed }) => halfClosed ?? 'open');
      };
      const streams = await Promise.all([1, 2].map(() => server.dial(address, 3000)));
      await until(clock, async () => (await states()).join() === 'open,open' || undefined);
      for (const stream of streams) stream.destroy();
      await until(clock, async () => (await states()).join() === 'CLOSE_WAIT,CLOSE_WAIT' || undefined);
      await clock.sleep(1_000);
      expect(await states()).toEqual(['CLOSE_WAIT', 'CLOSE_WAIT']);
    },
  },
  {
    title: 'a helper outlives the container that it watches, and sees nobody then',
    async run({ server: { engine }, images, clock }, own) {
      await startApp(engine, clock, own, { Image: images.app });
      await start(engine, `${own}_helper`, helper(images.nginx, own));
      await engine.removeContainer(own);
      const { stdout } = await engine.exec(`${own}_helper`, ['cat', '/proc/net/tcp', '/proc/net/tcp6']);
      expect(connectionsTo(stdout)).toEqual([]);
      await engine.removeContainer(`${own}_helper`);
      expect(await engine.findContainer(`${own}_helper`)).toBeUndefined();
    },
  },
  {
    title: 'there is no helper for a container that does not run',
    async run({ server: { engine }, images }, own) {
      await engine.createContainer(own, { Image: images.app });
      const id = await engine.createContainer(`${own}_helper`, helper(images.nginx, own));
      await expect(engine.startContainer(id)).rejects.toMatchObject({
        status: 409,
        message: expect.stringContaining('cannot join network of a non running container'),
      });
      expect(await engine.findContainer(id)).toBeUndefined();
    },
  },
];

type Engine = Server['engine'];

/** start creates a container and starts it; it returns its id. */
export async function start(engine: Engine, name: string, spec: ContainerCreateRequest): Promise<string> {
  const id = await engine.createContainer(name, spec);
  await engine.startContainer(id);
  return id;
}

/** startApp is start for an app in the default network: it returns its address when it has said that it listens. */
async function startApp(
  engine: Engine,
  clock: Clock,
  name: string,
  spec: ContainerCreateRequest,
): Promise<string> {
  await start(engine, name, { ExposedPorts: { '3000/tcp': {} }, ...spec });
  await until(
    clock,
    async () => /listening/.test((await engine.logs(name, { tail: 1 })).stdout) || undefined,
  );
  const { NetworkSettings } = await engine.inspectContainer(name);
  return Object.values(NetworkSettings?.Networks ?? {})[0]?.IPAddress ?? '';
}

/** makeNetwork creates a network and returns its name. */
async function makeNetwork(engine: Engine, name: string): Promise<string> {
  await engine.createNetwork({ Name: name, Driver: 'bridge' });
  return name;
}

/** until looks until there is something, and returns it; it throws when that takes too long. */
export async function until<T>(clock: Clock, look: () => Promise<T | undefined>): Promise<T> {
  const found = await poll(clock, { everyMs: 50, timeoutMs: PATIENCE_MS }, look);
  if (found === undefined) throw new Error(`nothing came of ${look}`);
  return found;
}

/** Waits until a container that has crashed once runs again. */
async function comesBack(engine: Engine, clock: Clock, name: string): Promise<void> {
  await until(clock, async () => {
    const { RestartCount, State } = await engine.inspectContainer(name);
    return (RestartCount === 1 && State?.Status === 'running') || undefined;
  });
}

function publishing(image: string, ip: string, port: string): ContainerCreateRequest {
  return {
    Image: image,
    ExposedPorts: { '3000/tcp': {} },
    HostConfig: { PortBindings: { '3000/tcp': [{ HostIp: ip, HostPort: port }] } },
  };
}

/** A container that fails at once. */
function failing(
  image: string,
  policy: NonNullable<NonNullable<ContainerCreateRequest['HostConfig']>['RestartPolicy']>,
): ContainerCreateRequest {
  return { Image: image, Entrypoint: ['false'], HostConfig: { RestartPolicy: policy } };
}

/** A container that waits for ever, and does not hear the stop signal. */
function waiting(image: string): ContainerCreateRequest {
  return { Image: image, Entrypoint: ['cat'], Cmd: [], OpenStdin: true };
}

function helper(image: string, watched: string): ContainerCreateRequest {
  return { ...waiting(image), HostConfig: { NetworkMode: `container:${watched}`, AutoRemove: true } };
}
