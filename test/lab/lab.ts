import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { docker, dockerList, mustRun } from './command.ts';
import { buildApp, buildImages, buildVariant, type Log } from './images.ts';
import { makeKey } from './keys.ts';
import { holdForProcess, release, withMachineLock } from './machine-lock.ts';
import { createNetworks, type LabNetworks, removeNetwork } from './networks.ts';
import type { BareSuite, BaseImage, DatabaseImage, Suite } from './recipes.ts';
import { push, type Registry, startRegistry } from './registry.ts';
import { newRepository, type Repository } from './repositories.ts';
import { plantImages } from './seed.ts';
import { awaitServer, bootServer, type LabServer, labServer, type ServerFacts } from './server.ts';
import { type Stores, startStores } from './stores.ts';

export type { Log } from './images.ts';
export type { DatabaseImage, Suite } from './recipes.ts';
export type { Registry } from './registry.ts';
export type { Repository } from './repositories.ts';
export type { LabServer } from './server.ts';

/** What a server of a lab shall be. */
export interface ServerOptions {
  /**
   * The Debian suite, and so the engine: trixie 26.1 (servers 1, 3, …), bookworm 20.10 (servers 2, 4, …), forky 28.5
   * with buildx and containerd's image store.
   */
  suite?: Suite;
  /** False for a bare server, as a provider gives it: systemd, sshd that lets root in by key, and apt. Default true. */
  docker?: boolean;
  /** Servers of a zone share a private network. Default `lab1` for all. */
  zone?: string;
}

/** What a lab shall be. */
export interface LabOptions {
  /** Lower-case letters, digits and `-`. Labs of different names live side by side. */
  name: string;
  /** How many servers, or what each of them shall be. */
  servers: number | ServerOptions[];
  /** Told what takes long. Default: nobody. */
  log?: Log;
}

/** Names, in the lab's registry, of the images that every server has from the start, but for those of forky. */
export interface LabImages {
  /** Stands in for the official `nginx:1.30`. */
  nginx: string;
  redis: string;
  node: string;
  /** web names the lab's app in a version: `v1`, `v2` and `v3` are on every server, others after `buildWeb`. */
  web(version: string): string;
}

/** A running lab: servers, registry, git remotes and keys. */
export interface Lab {
  name: string;
  servers: LabServer[];
  registry: Registry;
  images: LabImages;
  /** The folder of the bare repositories that `newRepository` makes. */
  git: { bareDir: string };
  /** Private keys: `deploy` opens every account of every server, `other` none. */
  keys: { deploy: string; other: string };
  /** The folder that holds keys, repositories and lab.json. */
  dir: string;
  /** newRepository makes a git work tree with these files (path → text) and a remote `origin`. */
  newRepository(files: Record<string, string>): Promise<Repository>;
  /** buildWeb makes the app in a further version and pushes it, not to any server; returns the image's name. */
  buildWeb(version: string, env?: Record<string, string>): Promise<string>;
  /** database makes an image of a database, once on a machine, and pushes it, not to any server; returns its name. */
  database(name: DatabaseImage): Promise<string>;
  /** newBareServer boots a further server as a provider gives it, which nobody else uses; `remove` takes it away again. */
  newBareServer(suite: BareSuite): Promise<LabServer & { remove(): Promise<void> }>;
  /** startStores starts real servers that backups go to, at addresses of the lab that each server reaches. A lab has them once, whoever asks. */
  startStores(): Promise<Stores>;
  /** down removes the lab; only the image cache stays. */
  down(): Promise<void>;
}

/** lab.json: all that another process needs to work with a running lab. */
interface LabRecord {
  name: string;
  registry: Registry;
  networks: LabNetworks;
  /** The cached image of the app, from which versions are made. */
  app: string;
  images: { nginx: string; redis: string; node: string };
  servers: ServerFacts[];
  /** Paths of the private keys. */
  keys: { deploy: string; other: string };
}

const labsDir = join(import.meta.dirname, '..', '..', '.lab');

/**
 * startLab brings a lab up and returns when every server answers. What an earlier run of the same name left is
 * removed first; while another living process holds a lab of this name, it waits for its `down` or end. The first
 * run on a machine builds the images (minutes); later ones take seconds. Throws when there is no engine, or when a
 * server does not come up.
 */
export async function startLab(options: LabOptions): Promise<Lab> {
  const { name, log = () => {} } = options;
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) {
    throw new Error(`A lab's name has lower-case letters, digits and -, unlike '${name}'`);
  }
  const plans = planServers(options.servers);
  await holdForProcess(`named-${name}`, log);
  const cache = await buildImages(neededImages(plans), log);
  const app = await buildApp(cache.node!, log);
  await removeLab(name);

  const dir = join(labsDir, name);
  for (const folder of ['git', 'work', 'keys']) mkdirSync(join(dir, folder), { recursive: true });
  const networks = await createNetworks(name, [...new Set(plans.map((plan) => plan.zone))]);
  const registry = await startRegistry(name, cache.registry!, networks);
  // The others stand on the same system: once it is there, they are pushed without it.
  const node = await push(registry, cache.node!, 'node:24');
  const [nginx, redis, ...web] = await Promise.all([
    push(registry, cache.nginx!, 'nginx:1.30'),
    push(registry, cache.redis!, 'redis:7'),
    ...['v1', 'v2', 'v3'].map((version) => pushWeb(registry, app, version)),
  ]);
  const images = { nginx, redis, node };

  const keys = { deploy: join(dir, 'keys', 'deploy'), other: join(dir, 'keys', 'other') };
  const deploy = await makeKey('ed25519');
  writeSecret(keys.deploy, deploy.privateKey);
  writeSecret(keys.other, (await makeKey('ed25519')).privateKey);

  const stable = [
    { name: nginx, content: cache.nginx! },
    { name: redis, content: cache.redis! },
    { name: node, content: cache.node! },
  ];
  const changing = web.map((image) => ({ name: image, content: app }));
  for (const plan of plans) {
    await docker(['volume', 'create', '--label', `switchyard.lab=${name}`, volumeOf(name, plan.index)]);
  }
  // containerd's image store is no folder of layers that could be planted: such a server pulls what it needs.
  const planted = plans.filter((plan) => plan.docker && plan.suite !== 'forky');
  const kinds = [...new Set(planted.map((plan) => plan.image))];
  await Promise.all(
    kinds.map((image) => {
      const volumes = planted
        .filter((plan) => plan.image === image)
        .map((plan) => volumeOf(name, plan.index));
      return plantImages({ serverImage: cache[image]!, stable, changing, registry, networks }, volumes, log);
    }),
  );

  const servers = await Promise.all(
    plans.map(async (plan) => {
      const facts = await newServer(
        { name, registry, networks, image: cache[plan.image]! },
        plan,
        deploy.publicKey,
      );
      await awaitServer(facts);
      return facts;
    }),
  );
  const record: LabRecord = { name, registry, networks, app, images, servers, keys };
  const known = servers.flatMap(({ host, hostKeys }) => hostKeys.map((key) => `${host} ${key}\n`));
  writeFileSync(join(dir, 'known_hosts'), known.join(''));
  writeFileSync(join(dir, 'lab.json'), JSON.stringify(record, null, 2));
  return labOf(record);
}

/** attachLab returns a lab that another process started. Throws when there is none of this name. */
export async function attachLab(name: string): Promise<Lab> {
  const file = join(labsDir, name, 'lab.json');
  if (!existsSync(file)) {
    throw new Error(`There is no lab named ${name}: npm run lab -- up --name ${name} starts one`);
  }
  return labOf(JSON.parse(readFileSync(file, 'utf8')) as LabRecord);
}

/** removeLab removes all that is left of a lab, running or half made. It is no error when nothing is. */
export async function removeLab(name: string): Promise<void> {
  await removeLabelled(`label=switchyard.lab=${name}`);
  rmSync(join(labsDir, name), { recursive: true, force: true });
}

/** removeAllLabs removes every lab of this machine; only the image cache stays. */
export async function removeAllLabs(): Promise<void> {
  await removeLabelled('label=switchyard.lab');
  rmSync(labsDir, { recursive: true, force: true });
}

/** removeCache removes the cached images, seeds and registry content of this machine. Throws while a lab runs. */
export async function removeCache(): Promise<void> {
  const images = await dockerList(['image', 'ls', '--quiet', '--filter', 'label=switchyard.lab.cache']);
  if (images.length > 0) await docker(['image', 'rm', '--force', ...new Set(images)]);
  const volumes = await dockerList(['volume', 'ls', '--quiet', '--filter', 'label=switchyard.lab.cache']);
  if (volumes.length > 0) await docker(['volume', 'rm', ...volumes]);
}

async function removeLabelled(filter: string): Promise<void> {
  const containers = await dockerList(['ps', '--all', '--quiet', '--filter', filter]);
  if (containers.length > 0) await docker(['rm', '--force', '--volumes', ...containers]);
  const networks = await dockerList(['network', 'ls', '--quiet', '--filter', filter]);
  await Promise.all(networks.map(removeNetwork));
  const volumes = await dockerList(['volume', 'ls', '--quiet', '--filter', filter]);
  if (volumes.length > 0) await docker(['volume', 'rm', ...volumes]);
}

function labOf(record: LabRecord): Lab {
  const { name, registry, networks, app } = record;
  const dir = join(labsDir, name);
  const bareDir = join(dir, 'git');
  let isDown = false;
  return {
    name,
    registry,
    dir,
    servers: record.servers.map((facts) => labServer(facts, networks.outside.name)),
    images: { ...record.images, web: (version) => `${registry.address}/acme/web:${version}` },
    git: { bareDir },
    keys: {
      deploy: readFileSync(record.keys.deploy, 'utf8'),
      other: readFileSync(record.keys.other, 'utf8'),
    },
    newRepository: (files) => newRepository(bareDir, files),
    database: async (image) => push(registry, (await buildImages([image], console.log))[image]!, image),
    newBareServer: (suite) => newBareServer(record, suite),
    buildWeb: (version, env) => pushWeb(registry, app, version, env),
    startStores: () =>
      withMachineLock(`stores-${name}`, console.log, () => storesOf(dir, () => startStores(name, networks))),
    down: async () => {
      // A second call must not hit the lab of the next holder of the name.
      if (isDown) return;
      isDown = true;
      await removeLab(name);
      release(`named-${name}`);
    },
  };
}

/** What servers of a lab are made from. */
interface ServerPlace {
  name: string;
  registry: Registry;
  networks: LabNetworks;
  image: string;
}

/** newServer creates and starts a server; it does not wait until it answers. */
async function newServer(
  { name, registry, networks, image }: ServerPlace,
  plan: Pick<ServerPlan, 'index' | 'suite' | 'zone' | 'docker'>,
  publicKey: string,
): Promise<ServerFacts> {
  const hostKeys = [await makeKey('ed25519'), await makeKey('ecdsa')] as const;
  const facts: ServerFacts = {
    index: plan.index,
    container: `switchyard-lab-${name}-${plan.index}`,
    host: `${networks.outside.prefix}.${10 + plan.index}`,
    privateIp: `${networks.zones[plan.zone]!.prefix}.${10 + plan.index}`,
    port: 22,
    zone: plan.zone,
    suite: plan.suite,
    hasEngine: plan.docker,
    hostKeys: hostKeys.map((key) => key.publicKey),
  };
  await bootServer({
    lab: name,
    facts,
    image,
    networks,
    registry,
    volume: volumeOf(name, plan.index),
    files: [
      { path: '/etc/ssh/ssh_host_ed25519_key', content: hostKeys[0].privateKey, mode: 0o600 },
      { path: '/etc/ssh/ssh_host_ecdsa_key', content: hostKeys[1].privateKey, mode: 0o600 },
      ...(plan.docker
        ? [
            { path: '/etc/ssh/lab_authorized_keys', content: `${publicKey}\n`, mode: 0o644 },
            {
              path: '/etc/docker/daemon.json',
              content: engineConfiguration(registry, plan.suite),
              mode: 0o644,
            },
          ]
        : [{ path: '/root/.ssh/authorized_keys', content: `${publicKey}\n`, mode: 0o600 }]),
    ],
  });
  return facts;
}

/** Bare servers that tests boot follow those that every lab has. */
const FIRST_BARE = 101;
const LAST_BARE = 200;

async function newBareServer(
  record: LabRecord,
  suite: BareSuite,
): Promise<LabServer & { remove(): Promise<void> }> {
  const { name, networks } = record;
  const image = `bare-${suite}` as const;
  const cache = await buildImages([image], console.log);
  const key = (await mustRun(['ssh-keygen', '-y', '-f', record.keys.deploy])).trim();
  const zone = Object.keys(networks.zones)[0]!;
  const facts = await withMachineLock(`bare-${name}`, console.log, async () => {
    const taken = await dockerList(['volume', 'ls', '--quiet', '--filter', `label=switchyard.lab=${name}`]);
    let index = FIRST_BARE;
    while (taken.includes(volumeOf(name, index))) index += 1;
    if (index > LAST_BARE) throw new Error(`The lab ${name} has no room for another bare server`);
    await docker(['volume', 'create', '--label', `switchyard.lab=${name}`, volumeOf(name, index)]);
    return newServer({ ...record, image: cache[image]! }, { index, suite, zone, docker: false }, key);
  });
  await awaitServer(facts);
  return {
    ...labServer(facts, networks.outside.name),
    remove: async () => {
      await docker(['rm', '--force', '--volumes', facts.container]);
      await docker(['volume', 'rm', volumeOf(name, facts.index)]);
    },
  };
}

/** storesOf returns the stores of a lab: those that another process has started, or else new ones. */
async function storesOf(dir: string, start: () => Promise<Stores>): Promise<Stores> {
  const file = join(dir, 'stores.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Stores;
  const stores = await start();
  writeSecret(file, JSON.stringify(stores));
  return stores;
}

async function pushWeb(registry: Registry, app: string, version: string, env = {}): Promise<string> {
  return push(registry, await buildVariant(app, { ...env, VERSION: version }), `acme/web:${version}`);
}

interface ServerPlan {
  index: number;
  suite: Suite;
  docker: boolean;
  zone: string;
  image: BaseImage;
}

function planServers(servers: number | ServerOptions[]): ServerPlan[] {
  const wanted = typeof servers === 'number' ? Array.from({ length: servers }, () => ({})) : servers;
  if (wanted.length < 1 || wanted.length > 200) throw new Error('A lab has 1 to 200 servers');
  return wanted.map((options: ServerOptions, i) => {
    const suite = options.suite ?? (i % 2 === 0 ? 'trixie' : 'bookworm');
    const hasEngine = options.docker ?? true;
    return {
      index: i + 1,
      suite,
      docker: hasEngine,
      zone: options.zone ?? 'lab1',
      image: hasEngine ? `server-${suite}` : `bare-${bareSuite(suite)}`,
    };
  });
}

function bareSuite(suite: Suite): BareSuite {
  if (suite !== 'forky') return suite;
  throw new Error('There is no bare server of forky: its systemd does not run in every lab');
}

function neededImages(plans: ServerPlan[]): BaseImage[] {
  return [...new Set<BaseImage>(['nginx', 'node', 'redis', 'registry', ...plans.map((plan) => plan.image)])];
}

function engineConfiguration(registry: Registry, suite: Suite): string {
  return JSON.stringify({
    // The lab's own networks lie in the engine's default ranges.
    'default-address-pools': [{ base: '10.200.0.0/16', size: 24 }],
    'insecure-registries': [registry.direct],
    ...(suite === 'forky'
      ? { features: { 'containerd-snapshotter': true } }
      : { 'storage-driver': 'overlay2' }),
  });
}

function volumeOf(lab: string, index: number): string {
  return `switchyard-lab-${lab}-${index}`;
}

function writeSecret(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 });
  chmodSync(file, 0o600);
}
