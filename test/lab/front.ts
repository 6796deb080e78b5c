import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NginxSpec } from '../../src/model/spec.ts';
import { compose, firstFiles, scopeWish } from '../../src/nginx/compose.ts';
import {
  CONTROL_ACCESS_FILE,
  CONTROL_PORT,
  renderControlAccess,
  renderFlagAccess,
} from '../../src/nginx/control.ts';
import { PROBE_ACCESS_FILE, PROBE_HEADER, renderProbeAccess } from '../../src/nginx/edge-options.ts';
import { DIRECT_HTTP_PORT } from '../../src/nginx/listening.ts';
import { renderPointer } from '../../src/nginx/main-file.ts';
import { entryOf } from '../../src/nginx/metrics.ts';
import type { NginxKind, Route, RoutePort } from '../../src/nginx/routes.ts';
import { KEYS_FOLDER } from '../../src/nginx/tls.ts';
import { FLAG_ACCESS_FILE, parseTree } from '../../src/nginx/tree.ts';
import { docker, dockerList, run as runProgram } from './command.ts';
import { buildImages, type Log } from './images.ts';

const SCOPE = { project: 'shop', environment: 'production' };
const HERE = { name: 'here', zone: 'default' };
const APPS = join(import.meta.dirname, 'apps');
/** What an app may import. */
const PACKAGES = realpathSync(join(import.meta.dirname, '..', '..', 'node_modules'));
/** So many were started by this process. */
let count = 0;
const LABEL = 'switchyard.lab.front';

/** An app behind the nginx: its name, the variables that make it difficult, and what its route has of its own. */
export interface FrontApp {
  name: string;
  /** Which of the lab's apps it is; `difficult` unless it is said. */
  kind?: 'difficult' | 'raw' | 'grpc';
  environment?: Record<string, string>;
  route?: Partial<Route>;
  /** Domains in place of `<name>.example.com`. */
  domains?: string[];
  /** What its port has of its own. */
  port?: Partial<RoutePort>;
  /** There is a copy on the other side too; its container has the name of the app with `_secondary`. */
  hasBothSides?: true;
  /** It does not answer everybody from the beginning. */
  isAway?: true;
  /** It is the copy of this app that stands on the secondary side, and has no route of its own. */
  secondaryOf?: string;
}

/** What an answer was. */
export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

/** How a request is sent; the body is written piece by piece where it is a list. */
export type Asked = RequestOptions & { app?: string; body?: string | Buffer };

/** One real nginx with the product's own configuration in front of difficult apps, on this machine's engine. */
export interface Front {
  /** The id of nginx' container. */
  id: string;
  /** The addresses of nginx and apps. */
  address: string;
  addressOf(app: string): string;
  /** optionsFor returns how an app is reached through the nginx. */
  optionsFor(app: string): RequestOptions;
  /** ask sends a request to an app through the nginx, on a connection of its own unless an agent is given. */
  ask(path: string, asked?: Asked): Promise<Answer>;
  /** nameOf returns the name of an app's container. */
  nameOf(app: string): string;
  /** figures returns what an edge has counted: waits for the first of them. */
  figures(): Promise<string>;
  /** exec runs a command in the container of nginx. */
  exec(...command: string[]): Promise<string>;
  /** log returns what nginx has written: errors and accesses. */
  log(): Promise<string>;
  /** kill ends an app at once. */
  kill(app: string): Promise<void>;
  /** stop ends an app as a deploy does, and start starts it again; it has another address then. */
  stop(app: string): Promise<void>;
  start(app: string): Promise<void>;
  /** reload has nginx read its configuration again. */
  reload(): Promise<void>;
  down(): Promise<void>;
}

/** startFront starts apps and, in front of them, an edge or a sidecar. Throws when nginx does not answer. */
export async function startFront(
  kind: NginxKind,
  apps: readonly FrontApp[],
  settings: Partial<NginxSpec> = {},
  log: Log = () => undefined,
  image: 'nginx' | 'nginx-brotli' = 'nginx',
): Promise<Front> {
  const images = await buildImages([image, 'node'], log);
  const name = `switchyard-lab-front-${process.pid}-${count++}`;
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-front-'));
  const down = async () => {
    const ids = await dockerList(['ps', '--all', '--quiet', '--filter', `label=${LABEL}=${name}`]);
    if (ids.length > 0) await docker(['rm', '--force', ...ids]);
    await docker(['network', 'rm', name]).catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  };
  const run = (container: string, args: string[]) =>
    docker([
      'run',
      '--detach',
      '--name',
      container,
      '--label',
      `${LABEL}=${name}`,
      '--network',
      name,
      ...args,
    ]);
  const addressIn = async (container: string) =>
    await docker([
      'inspect',
      '--format',
      '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}',
      container,
    ]);
  try {
    await docker(['network', 'create', '--label', `${LABEL}=${name}`, name]);
    const addresses = new Map<string, string>();
    const copies = apps.flatMap((app) => [
      app,
      ...(app.hasBothSides ? [{ ...app, name: `${app.name}_secondary` }] : []),
    ]);
    for (const app of copies) {
      const variables = Object.entries({ COPY: app.name, ...app.environment }).flatMap(([key, value]) => [
        '--env',
        `${key}=${value}`,
      ]);
      const copy = app.secondaryOf === undefined ? app.name : `${app.secondaryOf}_secondary`;
      const alias = `${SCOPE.project}_${SCOPE.environment}_${copy}`;
      const mount = `${join(APPS, app.kind ?? 'difficult')}:/app:ro`;
      const command = [images.node!, 'node', '/app/server.mjs'];
      await run(`${name}-${app.name}`, [
        '--network-alias',
        alias,
        '--volume',
        mount,
        '--volume',
        `${PACKAGES}:/node_modules:ro`,
        ...variables,
        ...command,
      ]);
      addresses.set(app.name, await addressIn(`${name}-${app.name}`));
    }
    const routed = apps.filter(({ secondaryOf }) => secondaryOf === undefined);
    const routes = routed.map((app, index) => routeOf(app, index));
    const gateway = await docker([
      'network',
      'inspect',
      '--format',
      '{{(index .IPAM.Config 0).Gateway}}',
      name,
    ]);
    write(folder, configuration(kind, routes, settings, gateway));
    const [program = '', ...words] = entryOf(kind, '/etc/switchyard');
    const id = await run(name, [
      '--volume',
      `${folder}:/etc/switchyard`,
      '--volume',
      KEYS_FOLDER,
      '--sysctl',
      'net.ipv4.tcp_tw_reuse=1',
      '--entrypoint',
      program,
      images[image]!,
      ...words,
    ]);
    const address = await addressIn(name);
    const optionsFor = (app: string): RequestOptions => {
      const route = routes.find(({ service }) => service === app)!;
      const port =
        kind === 'edge' ? (settings.proxyProtocol ? DIRECT_HTTP_PORT : 80) : route.ports[0]!.internalPort;
      const [host = ''] = route.ports[0]!.domains;
      return { host: address, port, headers: { host } };
    };
    const front: Front = {
      id,
      address,
      addressOf: (app) => addresses.get(app)!,
      optionsFor,
      ask: (path, { app = apps[0]!.name, body, ...options } = {}) => {
        const { headers, ...to } = optionsFor(app);
        return ask(
          {
            agent: false,
            ...to,
            path,
            ...options,
            headers: { ...headers, ...options.headers },
          } as RequestOptions,
          body,
        );
      },
      nameOf: (app) => `${name}-${app}`,
      figures: async () => {
        for (let tries = 0; tries < 100; tries++) {
          const answer = await ask({ agent: false, host: address, port: CONTROL_PORT, path: '/metrics' });
          if (answer.status === 200) return answer.body;
          await sleep(100);
        }
        throw new Error('nothing is counted');
      },
      exec: (...command) => docker(['exec', name, ...command]),
      log: async () => `${await docker(['logs', name])}\n${await stderrOf(name)}`,
      kill: async (app) => {
        await docker(['kill', `${name}-${app}`]);
      },
      stop: async (app) => {
        await docker(['stop', '--time', '10', `${name}-${app}`]);
      },
      start: async (app) => {
        await docker(['start', `${name}-${app}`]);
      },
      reload: async () => {
        await docker(['kill', '--signal', 'HUP', name]);
      },
      down,
    };
    await awaitAnswers(front, routed);
    return front;
  } catch (error) {
    const said = await stderrOf(name).catch(() => '');
    await down();
    throw new Error(`nginx does not come up: ${said}`, { cause: error });
  }
}

function routeOf({ name, route, domains, port }: FrontApp, index: number): Route {
  return {
    service: name,
    ports: [
      {
        protocol: 'http',
        containerPort: 3000,
        internalPort: 5_100 + index,
        hostPort: 8_100 + index,
        domains: domains ?? [`${name}.example.com`],
        provePath: '/',
        ...port,
      },
    ],
    idleTimeoutMs: 86_400_000,
    copies: [{ server: HERE.name, slot: 'base', weight: 1 }],
    ...route,
  };
}

function configuration(
  kind: NginxKind,
  routes: readonly Route[],
  changes: Partial<NginxSpec>,
  gateway: string,
): Map<string, string> {
  const settings: NginxSpec = { image: 'nginx', keepaliveMinTimeoutMs: 2_000, ...changes };
  const first = firstFiles(kind, SCOPE, settings);
  const facts = { scope: SCOPE, repository: 'example.com/shop', routes, settings, on: HERE, servers: [HERE] };
  const next = compose(kind, parseTree(first), scopeWish(kind, facts));
  return new Map([
    ...next.files,
    ['nginx.conf', renderPointer(next.folder)],
    [FLAG_ACCESS_FILE, renderFlagAccess('open')],
    [PROBE_ACCESS_FILE, renderProbeAccess('open')],
    [CONTROL_ACCESS_FILE, renderControlAccess(gateway)],
  ]);
}

function write(folder: string, files: ReadonlyMap<string, string>): void {
  chmodSync(folder, 0o755);
  for (const [path, content] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

async function stderrOf(container: string): Promise<string> {
  return (await runProgram(['docker', 'logs', container])).stderr;
}

/** A name that could not be resolved at first is asked for again after a second. */
async function awaitAnswers(front: Front, apps: readonly FrontApp[]): Promise<void> {
  for (const { name } of apps.filter(({ isAway }) => !isAway)) {
    for (let tries = 0; ; tries++) {
      // As a probe, which gets past every option.
      const headers = { [PROBE_HEADER]: 'open' };
      const isUp = async (method: string) =>
        (await front.ask('/', { app: name, method, headers }).catch(() => undefined))?.status === 200;
      if ((await isUp('GET')) && (await isUp('POST'))) break;
      if (tries === 100) throw new Error(`${name} does not answer`);
      await sleep(100);
    }
  }
}

function ask(options: RequestOptions, body?: string | Buffer): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = options.protocol === 'https:' ? httpsRequest : httpRequest;
  const checked = { rejectUnauthorized: false, ...options, maxHeaderSize: 256 * 1024 };
  const sent = request(checked, (response) => {
    const pieces: Buffer[] = [];
    response.on('data', (piece: Buffer) => pieces.push(piece));
    response.on('error', reject);
    response.on('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(pieces).toString(),
      }),
    );
  });
  sent.on('error', reject);
  sent.end(body);
  return promise;
}
