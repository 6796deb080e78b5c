import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RestTarget, S3Target, SftpTarget } from '../../src/model/backup-target.ts';
import { docker, mustRun, run } from './command.ts';
import { archive, type ContainerFile } from './files.ts';
import { buildImages } from './images.ts';
import { makeKey } from './keys.ts';
import type { LabNetworks } from './networks.ts';

/** A server that backups can go to. */
export interface Store<T> {
  container: string;
  target: T;
  /** The values of the secrets that the target names. */
  secrets: Record<string, string>;
}

/** Real servers that backups go to, each in a container of the lab. */
export interface Stores {
  s3: Store<S3Target>;
  sftp: Store<SftpTarget>;
  rest: Store<RestTarget>;
  /** The repositories of `rest`, of which nothing can be deleted here. */
  appendOnly: Store<RestTarget>;
}

const STORE_KINDS = ['s3', 'sftp', 'rest', 'append-only'] as const;
type StoreKind = (typeof STORE_KINDS)[number];
const SECURED = ['s3', 'rest', 'append-only'] as const;
/** How their addresses end on the network of all servers. */
const LAST_NUMBERS: Record<StoreKind, number> = { s3: 6, sftp: 7, rest: 8, 'append-only': 9 };
const S3_PORT = 9000;
const REST_PORT = 8000;
const SFTP_PORT = 22;
const PORTS: Record<StoreKind, number> = {
  s3: S3_PORT,
  sftp: SFTP_PORT,
  rest: REST_PORT,
  'append-only': REST_PORT,
};
/** Hard for whoever puts a text together, of a shell or an address. */
const PASSWORD = `p@ss:/?#%41 "'$(id)\\`;
const LOGIN = 'shop';

/** Where its program lies. */
const S3_PROGRAM = join(import.meta.dirname, 'apps', 's3', 'server.mjs');

/** startStores starts all of them, and returns when each answers. They go with the lab. */
export async function startStores(lab: string, { outside }: Pick<LabNetworks, 'outside'>): Promise<Stores> {
  const images = await buildImages(['node', 'stores'], () => undefined);
  const named = (kind: StoreKind) => `switchyard-lab-${lab}-${kind}`;
  const address = (kind: StoreKind) => `${outside.prefix}.${LAST_NUMBERS[kind]}`;
  const create = (kind: StoreKind, flags: string[], image: string, ...command: string[]) =>
    docker([
      ...['create', '--init', '--name', named(kind), '--label', `switchyard.lab=${lab}`],
      ...['--network', outside.name, '--ip', address(kind), ...flags, image, ...command],
    ]);
  const rclone = (port: number) => [
    ...['rclone', 'serve', 'restic', '--cert', '/etc/lab/cert.pem', '--key', '/etc/lab/key.pem'],
    ...['--user', LOGIN, '--pass', PASSWORD, '--addr', `:${port}`],
  ];
  const modules = ['--volume', `${modulesFolder()}:/node_modules:ro`, '--volume', '/objects'];
  await create('s3', modules, images.node!, 'node', '/etc/lab/s3.mjs');
  await create('sftp', [], images.stores!);
  await create('rest', ['--volume', '/srv/rest'], images.stores!, ...rclone(REST_PORT), '/srv/rest');
  const shared = ['--volumes-from', named('rest')];
  await create('append-only', shared, images.stores!, ...rclone(REST_PORT), '--append-only', '/srv/rest');

  const [host, client] = [await makeKey('ed25519'), await makeKey('ed25519')];
  const { key, certificate } = await certificateFor(SECURED.map(address));
  await give(named('sftp'), [
    { path: '/etc/lab/host_key', content: host.privateKey, mode: 0o600 },
    { path: '/etc/lab/authorized_keys', content: `${client.publicKey}\n`, mode: 0o644 },
  ]);
  for (const kind of SECURED) {
    await give(named(kind), [
      { path: '/etc/lab/key.pem', content: key, mode: 0o600 },
      { path: '/etc/lab/cert.pem', content: certificate, mode: 0o644 },
      { path: '/etc/lab/s3.mjs', content: readFileSync(S3_PROGRAM, 'utf8'), mode: 0o644 },
    ]);
  }
  await docker(['start', ...STORE_KINDS.map(named)]);
  await Promise.all(STORE_KINDS.map((kind) => answers(named(kind), address(kind), PORTS[kind])));

  const restStore = (kind: StoreKind): Store<RestTarget> => ({
    container: named(kind),
    target: {
      kind: 'rest',
      url: `https://${address(kind)}:${REST_PORT}/shop/`,
      login: { user: LOGIN, passwordSecret: 'REST_PASSWORD' },
      ca: certificate,
    },
    secrets: { REST_PASSWORD: PASSWORD },
  });
  return {
    s3: {
      container: named('s3'),
      target: {
        kind: 's3',
        url: `https://${address('s3')}:${S3_PORT}/backups/shop`,
        isPathStyle: true,
        accessKeySecret: 'S3_ACCESS_KEY',
        secretKeySecret: 'S3_SECRET_KEY',
        ca: certificate,
      },
      secrets: { S3_ACCESS_KEY: 'S3RVER', S3_SECRET_KEY: 'S3RVER' },
    },
    sftp: {
      container: named('sftp'),
      target: {
        kind: 'sftp',
        user: 'keeper',
        host: address('sftp'),
        port: SFTP_PORT,
        path: '/data/shop',
        hostKeys: [host.publicKey],
        keySecret: 'SSH_KEY',
      },
      secrets: { SSH_KEY: client.privateKey },
    },
    rest: restStore('rest'),
    appendOnly: restStore('append-only'),
  };
}

/** The packages of the repository, wherever they really are. */
function modulesFolder(): string {
  return dirname(dirname(dirname(createRequire(import.meta.url).resolve('s3rver'))));
}

async function give(container: string, files: ContainerFile[]): Promise<void> {
  await docker(['cp', '-', `${container}:/`], { input: await archive(files) });
}

/** A certificate for addresses that is its own authority. */
async function certificateFor(addresses: string[]): Promise<{ key: string; certificate: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-stores-'));
  try {
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    await mustRun([
      ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'],
      ...['-subj', '/CN=stores of the lab', '-days', '30', '-keyout', key, '-out', certificate],
      ...['-addext', `subjectAltName=${addresses.map((one) => `IP:${one}`).join(',')}`],
    ]);
    return { key: readFileSync(key, 'utf8'), certificate: readFileSync(certificate, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Waits until somebody takes connections there. */
async function answers(container: string, host: string, port: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await takes(host, port))) {
    if (performance.now() > deadline) {
      const { stdout, stderr } = await run(['docker', 'logs', '--tail', '20', container]);
      throw new Error(`${container} does not answer:\n${stdout}${stderr}`);
    }
    await sleep(50);
  }
}

function takes(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, timeout: 1000 });
  socket.once('connect', () => resolve(true));
  for (const event of ['error', 'timeout']) socket.once(event, () => resolve(false));
  return promise.finally(() => socket.destroy());
}
