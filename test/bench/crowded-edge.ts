import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { localProvider } from '../../src/fleet/local.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { Scope } from '../../src/model/names.ts';
import type { TlsSpec } from '../../src/model/spec.ts';
import { isAccepted } from '../../src/nginx/accepted.ts';
import { installCertificate } from '../../src/nginx/certificates.ts';
import { compose, firstFiles, isServed, scopeWish } from '../../src/nginx/compose.ts';
import {
  CONTROL_ACCESS_FILE,
  CONTROL_PORT,
  renderControlAccess,
  renderFlagAccess,
} from '../../src/nginx/control.ts';
import { PROBE_ACCESS_FILE, renderProbeAccess } from '../../src/nginx/edge-options.ts';
import { NginxInstance } from '../../src/nginx/instance.ts';
import { renderPointer } from '../../src/nginx/main-file.ts';
import { entryOf } from '../../src/nginx/metrics.ts';
import type { Route } from '../../src/nginx/routes.ts';
import { KEYS_FOLDER } from '../../src/nginx/tls.ts';
import { FLAG_ACCESS_FILE, parseTree, type Tree } from '../../src/nginx/tree.ts';
import { makeCertificate } from '../lab/certificates.ts';
import { docker } from '../lab/command.ts';
import { buildImages } from '../lab/images.ts';

/** How many share the edge. */
export interface Crowd {
  projects: number;
  /** Of each project. */
  services: number;
  /** Of each service; all of them are served over HTTPS. */
  domains: number;
  /** In all: so many of the domains have one. */
  certificates: number;
}

/** What a crowded edge takes: times in milliseconds, memory and files in MB. */
export interface CrowdFigures {
  /** One project renders and composes its next configuration beside those of all others. */
  composeMs: number;
  /** What was read of the volume is sorted. */
  parseMs: number;
  /** It is seen that nothing has to be done, and that nginx need not check the next configuration. */
  compareMs: number;
  /** What the volume holds. */
  volumeMb: number;
  /** All certificates are put into the running nginx, one after the other. */
  installMs: number;
  testMs: number;
  /** From HUP to the first answer of the new configuration. */
  reloadMs: number;
  /** Memory of master and workers that is their own, and of what they share a part each. */
  memoryMb: number;
}

const HERE = { name: 'here', zone: 'default' };
const TLS: TlsSpec = {
  mode: 'files',
  domains: {},
  policy: 'intermediate',
  redirect: true,
  hstsSeconds: 86_400,
  acme: { url: 'https://ca.example.com/directory' },
};
const SETTINGS = { image: 'nginx', keepaliveMinTimeoutMs: 2_000, tls: TLS };
const FOLDER = '/etc/switchyard';

/** measureCrowdedEdge fills one real nginx on this machine's engine, and has one of its projects change. */
export async function measureCrowdedEdge(crowd: Crowd): Promise<CrowdFigures> {
  const images = await buildImages(['nginx'], () => undefined);
  const name = `switchyard-bench-crowd-${process.pid}`;
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-crowd-'));
  chmodSync(folder, 0o755);
  try {
    const files = crowded(crowd);
    const gateway = (await docker(['network', 'inspect', '--format', GATEWAY, 'bridge'])) || '172.17.0.1';
    const all = new Map([
      ...files,
      [FLAG_ACCESS_FILE, renderFlagAccess('open')],
      [PROBE_ACCESS_FILE, renderProbeAccess('open')],
      [CONTROL_ACCESS_FILE, renderControlAccess(gateway)],
    ]);
    write(folder, all);
    const [program = '', ...words] = entryOf('edge', FOLDER);
    const volume = ['--volume', `${folder}:${FOLDER}`, '--volume', KEYS_FOLDER];
    await docker([
      'run',
      '--detach',
      '--name',
      name,
      ...volume,
      '--entrypoint',
      program,
      images.nginx!,
      ...words,
    ]);
    const address = await docker(['inspect', '--format', '{{.NetworkSettings.IPAddress}}', name]);
    const ask = (path: string) =>
      fetch(`http://${address}:${CONTROL_PORT}${path}`).then(
        async (answer) => await answer.text(),
        () => '',
      );
    await until(async () => (await ask('/identity')) !== '');

    const installMs = await installAll(name, address, crowd);

    const [parseMs, tree] = timed(() => parseTree(all));
    const change = { keepalive: 1 };
    const wish = wishOf(projectOf(0), crowd, change.keepalive);
    const [composeMs, next] = timed(() => compose('edge', tree, wish));
    const [compareMs] = timed(() => compareWith(tree, crowd, next));
    write(folder, next.files);
    const begun = performance.now();
    await docker(['exec', name, 'nginx', '-t', '-q', '-c', `${FOLDER}/${next.folder}/main.conf`]);
    const testMs = performance.now() - begun;
    write(folder, new Map([['nginx.conf', renderPointer(next.folder)]]));
    const told = performance.now();
    await docker(['kill', '--signal', 'HUP', name]);
    await until(async () => (await ask('/identity')) === next.identity);
    const reloadMs = performance.now() - told;
    // The old workers have nobody, and go.
    await sleep(3_000);
    const memoryMb = await memoryOf(name);
    const volumeMb = sizeOf(new Map([...all, ...next.files])) / 1e6;
    return { composeMs, parseMs, compareMs, volumeMb, installMs, testMs, reloadMs, memoryMb };
  } finally {
    await docker(['rm', '--force', name]).catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  }
}

const GATEWAY = '{{(index .IPAM.Config 0).Gateway}}';

/** Each of the first domains of all projects gets the same certificate, as its own. */
async function installAll(container: string, address: string, crowd: Crowd): Promise<number> {
  const spec = { name: HERE.name, host: 'localhost', port: 22, user: '', zone: 'default', hostKeys: [] };
  const server = await localProvider([spec]).connect(spec);
  const id = await docker(['inspect', '--format', '{{.Id}}', container]);
  const edge = new NginxInstance('edge', server, { id, name: container, address });
  const pair = await makeCertificate(['*.example.com']);
  const each = Math.ceil(crowd.certificates / crowd.projects);
  const begun = performance.now();
  try {
    for (let index = 0; index < crowd.projects; index++) {
      const scope = `${projectOf(index).project}_production`;
      await edge.look(scope, systemClock);
      const domains = domainsOf(projectOf(index), crowd).slice(0, each);
      for (const domain of domains) {
        await installCertificate(edge, { scope, domain, origin: HERE.name }, pair, systemClock);
      }
    }
    return performance.now() - begun;
  } finally {
    await server.close();
  }
}

function domainsOf(scope: Scope, { services, domains }: Crowd): string[] {
  return Array.from({ length: services }, (_, index) => namesOf(scope, index, domains)).flat();
}

function namesOf({ project }: Scope, service: number, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${at}.service-${service}.${project}.example.com`);
}

/** crowded returns the files of an edge to which one project after the other has come. */
function crowded(crowd: Crowd): Map<string, string> {
  let files = firstFiles('edge', projectOf(0), SETTINGS);
  for (let index = 0; index < crowd.projects; index++) {
    const next = compose('edge', parseTree(files), wishOf(projectOf(index), crowd));
    files = new Map([...next.files, ['nginx.conf', renderPointer(next.folder)]]);
  }
  return files;
}

function compareWith(tree: Tree, crowd: Crowd, next: ReturnType<typeof compose>): void {
  const isDone = isServed('edge', tree, wishOf(projectOf(crowd.projects - 1), crowd));
  const served = tree.folders[tree.live].manifest?.scopes[next.scope]?.generation;
  const isKnown = isAccepted(tree, tree.live, served, next);
  if (!isDone || isKnown) throw new Error('the crowd is not what it should be');
}

function projectOf(index: number): Scope {
  return { project: `project-${index}`, environment: 'production' };
}

function wishOf(scope: Scope, { services, domains }: Crowd, more = 0) {
  const routes = Array.from({ length: services }, (_, index): Route => {
    const names = namesOf(scope, index, domains + more);
    return {
      service: `service-${index}`,
      ports: [
        {
          protocol: 'http',
          containerPort: 3000,
          internalPort: 5_000 + index,
          hostPort: 8_000 + index,
          domains: names,
          provePath: '/',
        },
      ],
      idleTimeoutMs: 60_000,
      copies: [{ server: HERE.name, slot: 'base', weight: 1 }],
    };
  });
  return scopeWish('edge', {
    scope,
    repository: 'example.com/shop',
    routes,
    settings: SETTINGS,
    on: HERE,
    servers: [HERE],
  });
}

function timed<T>(work: () => T): [ms: number, result: T] {
  const begun = performance.now();
  const result = work();
  return [performance.now() - begun, result];
}

function write(folder: string, files: ReadonlyMap<string, string>): void {
  for (const [path, content] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

function sizeOf(files: ReadonlyMap<string, string>): number {
  return [...files.values()].reduce((total, content) => total + Buffer.byteLength(content), 0);
}

/** Pss counts what several processes share once, in equal parts; the engine's machine is this one. */
async function memoryOf(container: string): Promise<number> {
  const processes = (await docker(['top', container, '-eo', 'pid,comm'])).split('\n');
  const nginx = processes.filter((line) => line.endsWith('nginx')).map((line) => line.trim().split(/\s+/)[0]);
  const pss = nginx.map(
    (pid) => /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1],
  );
  return pss.reduce((total, kb) => total + Number(kb), 0) / 1_000;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error('the edge does not answer');
    await sleep(10);
  }
}
