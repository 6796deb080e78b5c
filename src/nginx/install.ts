import { randomBytes } from 'node:crypto';
import type { ContainerCreateRequest, ContainerInspectResponse } from '@docker/node-sdk';
import { isStatus } from '../docker/http.ts';
import type { Server } from '../fleet/server.ts';
import { type Clock, poll } from '../model/clock.ts';
import { messageOf, UserError } from '../model/errors.ts';
import { LABEL } from '../model/labels.ts';
import {
  EDGE_BRIDGE_NAME,
  EDGE_KEYS_VOLUME,
  EDGE_NAME,
  EDGE_NETWORK,
  EDGE_TRIAL_NAME,
  EDGE_VOLUME,
  networkName,
  type Scope,
  sidecarName,
  sidecarSuccessorName,
  sidecarVolumeName,
} from '../model/names.ts';
import type { EdgePort, NginxSpec } from '../model/spec.ts';
import { isAtLeast } from '../model/versions.ts';
import { portsOfEdge } from './agreed.ts';
import { firstFiles, mendedFiles } from './compose.ts';
import { CONTROL_ACCESS_FILE, renderControlAccess, renderFlagAccess } from './control.ts';
import { PROBE_ACCESS_FILE, renderProbeAccess } from './edge-options.ts';
import { NginxInstance, readTree } from './instance.ts';
import { COUNTS_BYTES, entryOf } from './metrics.ts';
import { missingModule } from './modules.ts';
import type { NginxKind } from './routes.ts';
import { KEYS_FOLDER } from './tls.ts';
import { CONFIG_FOLDER, FLAG_ACCESS_FILE } from './tree.ts';

/** 1.28 is the oldest stable branch with everything we rely on; `keepalive_min_timeout` came with 1.27.4. */
const OLDEST_NGINX = [1, 28] as const;
/** From the start of a container to nginx's first answer: far less than a second, the rest is a slow machine. */
const START_TIMEOUT_MS = 10_000;
const POLL_MS = 20;

/** An edge or sidecar that shall be on a server: what it is, for whom it was asked for, and where it lives. */
interface Home {
  server: Server;
  scope: Scope;
  settings: NginxSpec;
  kind: NginxKind;
  name: string;
  network: string;
  volume: string;
  /**
   * Networks that it is in from its start, because its volume has routes that lead there: another nginx has served
   * them so far. Else a name could not be resolved at first, and is asked for again after a second only.
   */
  inherited?: readonly string[];
}

/**
 * ensureSidecar creates the environment's network and sidecar where they are missing, and starts a stopped one.
 * `repository` is whom it belongs to. `aliases` are its names on the network: none while another nginx there has them. It
 * throws a UserError when the sidecar does not stay up, or its nginx is too old.
 */
export async function ensureSidecar(
  server: Server,
  scope: Scope,
  settings: NginxSpec,
  { repository, aliases }: { repository: string; aliases: readonly string[] },
  clock: Clock,
): Promise<NginxInstance> {
  const home = homeOfSidecar(server, scope, settings, sidecarName(scope));
  const spec: ContainerCreateRequest = {
    Labels: labelsOfSidecar(scope, repository),
    NetworkingConfig: { EndpointsConfig: { [home.network]: { Aliases: [...aliases] } } },
  };
  return await ensure(home, spec, clock);
}

function homeOfSidecar(server: Server, scope: Scope, settings: NginxSpec, name: string): Home {
  const [network, volume] = [networkName(scope), sidecarVolumeName(scope)];
  return { server, scope, settings, kind: 'sidecar', name, network, volume };
}

function labelsOfSidecar({ project, environment }: Scope, repository: string): Record<string, string> {
  return {
    [LABEL.role]: 'sidecar',
    [LABEL.project]: project,
    [LABEL.environment]: environment,
    [LABEL.repository]: repository,
  };
}

/**
 * ensureSidecarSuccessor creates the nginx that takes a sidecar's place, where it is missing: on its volume, whose routes it
 * serves from its start, and without a name in its network. It throws a UserError when it does not stay up, or is too old.
 */
export async function ensureSidecarSuccessor(
  server: Server,
  scope: Scope,
  settings: NginxSpec,
  { repository }: { repository: string },
  clock: Clock,
): Promise<NginxInstance> {
  const home: Home = {
    ...homeOfSidecar(server, scope, settings, sidecarSuccessorName(scope)),
    inherited: [],
  };
  const found = await server.engine.findContainer(home.name);
  // A run was cut off while the engine moved it: nobody can be connected, and it knows no names any more.
  if (found !== undefined && instanceOf(home, found) === undefined)
    await server.engine.removeContainer(home.name);
  return await ensure(home, { Labels: labelsOfSidecar(scope, repository) }, clock);
}

/**
 * ensureEdge creates the server's edge where it is missing, starts a stopped one, and lets it into the environment's
 * network. It throws a UserError when port 80 of the server is taken, the edge does not stay up, or its nginx is
 * too old.
 */
export async function ensureEdge(
  server: Server,
  scope: Scope,
  settings: NginxSpec,
  clock: Clock,
): Promise<NginxInstance> {
  return await joinScope(await ensure(edgeOf(server, scope, settings), edgeSpec(settings), clock), scope);
}

/** ensureInheritingEdge is ensureEdge for a volume that has routes already: a new one serves them from its start. */
export async function ensureInheritingEdge(
  server: Server,
  scope: Scope,
  settings: NginxSpec,
  inherited: readonly string[],
  clock: Clock,
): Promise<NginxInstance> {
  const home = { ...edgeOf(server, scope, settings), inherited };
  const edge = await ensure(home, edgeSpec(settings), clock);
  // One that is there already may lack what came to the bridge meanwhile.
  for (const network of inherited) await server.engine.joinNetwork(network, edge.id);
  return await joinScope(edge, scope);
}

/**
 * ensureBridge creates what stands in for the edge while a front holds its ports: the same nginx on the same volume,
 * without ports of the server. It removes itself when it ends.
 */
export async function ensureBridge(
  server: Server,
  scope: Scope,
  settings: NginxSpec,
  clock: Clock,
): Promise<NginxInstance> {
  const home: Home = { ...edgeOf(server, scope, settings), name: EDGE_BRIDGE_NAME };
  return await joinScope(await ensure(home, BRIDGE_SPEC, clock), scope);
}

/**
 * ensureSuccessor is ensureBridge beside an edge that is to be replaced: it serves from its start what that one serves, in
 * whose `networks` it is. Before that its image is tried out, with the ports of the server that the edge lacks so far: it
 * throws a UserError, with nginx's words, where one of them is taken, or nginx does not come up with what it has to serve.
 */
export async function ensureSuccessor(
  server: Server,
  scope: Scope,
  settings: NginxSpec,
  { networks, lacking }: { networks: readonly string[]; lacking: readonly EdgePort[] },
  clock: Clock,
): Promise<NginxInstance> {
  const inherited = networks.filter((network) => network !== EDGE_NETWORK);
  const home: Home = { ...edgeOf(server, scope, settings), name: EDGE_BRIDGE_NAME, inherited };
  const found = instanceOf(home, await server.engine.findContainer(EDGE_BRIDGE_NAME));
  if (found === undefined) await tryOut({ ...home, name: EDGE_TRIAL_NAME }, lacking, clock);
  return await joinScope(await ensure(home, BRIDGE_SPEC, clock), scope);
}

async function tryOut(home: Home, lacking: readonly EdgePort[], clock: Clock): Promise<void> {
  const { engine } = home.server;
  const { project, environment } = home.scope;
  // Of an earlier run that was cut off.
  await engine.removeContainer(home.name);
  const labels = {
    [LABEL.role]: 'helper',
    [LABEL.project]: project,
    [LABEL.environment]: environment,
  };
  const HostConfig = { ...published(lacking), RestartPolicy: { Name: 'no' as const } };
  try {
    await create(home, { Labels: labels, ...exposed(lacking), HostConfig });
    const answer = await awaitAnswer(home, clock);
    if (answer === undefined) throw await explainStop(home);
    if (!isNewEnough(answer.version)) throw tooOld(home.server, home.settings.image, answer.version);
  } finally {
    await engine.removeContainer(home.name);
  }
}

function exposed(ports: readonly EdgePort[]): Pick<ContainerCreateRequest, 'ExposedPorts'> {
  return { ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])) };
}

function published(ports: readonly EdgePort[]) {
  return {
    PortBindings: Object.fromEntries(ports.map((port) => [port, [{ HostPort: port.split('/')[0]! }]])),
  };
}

/** What cannot be written in time waits here, and beyond that is lost. */
const NON_BLOCKING = { mode: 'non-blocking', 'max-buffer-size': '4m' };

/** It has no port that it does not serve: what ends TLS on the same server needs 443. */
function edgeSpec(settings: NginxSpec): ContainerCreateRequest {
  const ports = portsOfEdge([settings]);
  return { Labels: { [LABEL.role]: 'edge' }, ...exposed(ports), HostConfig: published(ports) };
}

const BRIDGE_SPEC: ContainerCreateRequest = {
  Labels: { [LABEL.role]: 'edge-bridge' },
  HostConfig: { AutoRemove: true, RestartPolicy: { Name: 'no' } },
};

function edgeOf(server: Server, scope: Scope, settings: NginxSpec): Home {
  return {
    server,
    scope,
    settings,
    kind: 'edge',
    name: EDGE_NAME,
    network: EDGE_NETWORK,
    volume: EDGE_VOLUME,
  };
}

async function joinScope(instance: NginxInstance, scope: Scope): Promise<NginxInstance> {
  await instance.server.engine.joinNetwork(networkName(scope), instance.id);
  return instance;
}

/** instanceOf describes a running edge or sidecar that was found; undefined when it does not run. */
function instanceOf(
  { kind, server, network }: Home,
  container: ContainerInspectResponse | undefined,
): NginxInstance | undefined {
  const address = container?.NetworkSettings?.Networks?.[network]?.IPAddress;
  if (!container?.State?.Running || !address) return undefined;
  return new NginxInstance(kind, server, {
    id: container.Id!,
    name: container.Name!.replace(/^\//, ''),
    address,
  });
}

async function ensure(home: Home, spec: ContainerCreateRequest, clock: Clock): Promise<NginxInstance> {
  const found = await home.server.engine.findContainer(home.name);
  if (found === undefined) {
    await create(home, spec);
    const answer = await awaitAnswer(home, clock);
    if (answer === undefined) throw await explainStop(home);
    await checkVersion(home, answer);
    return answer.instance;
  }
  const running = instanceOf(home, found);
  if (running !== undefined && (await running.version().catch(() => undefined))) return running;
  await startAgain(home, found.Id!);
  const { instance } = (await awaitAnswer(home, clock)) ?? (await mend(home, found.Id!, clock));
  return instance;
}

/** One that does not stay up may stumble over what somebody wrote into its volume. */
async function mend(home: Home, id: string, clock: Clock): Promise<Answer> {
  const { engine } = home.server;
  const files = mendedFiles(home.kind, await readTree(home.server, id));
  if (files === undefined) throw await explainStop(home);
  await engine.writeFiles(id, CONFIG_FOLDER, files);
  await engine.stopContainer(id, 1);
  await start(home, id);
  const answer = await awaitAnswer(home, clock);
  if (answer === undefined) throw await explainStop(home);
  return answer;
}

/** An nginx that answered, and its version. */
interface Answer {
  instance: NginxInstance;
  version: string;
}

/**
 * nginx opens its ports a moment after its container runs; another run may be about to start it. Undefined when it does
 * not stay up, or takes too long.
 */
async function awaitAnswer(home: Home, clock: Clock): Promise<Answer | undefined> {
  const answer = await poll(clock, { everyMs: POLL_MS, timeoutMs: START_TIMEOUT_MS }, async () => {
    const container = await home.server.engine.findContainer(home.name);
    const instance = instanceOf(home, container);
    const version = await instance?.version().catch(() => undefined);
    if (instance !== undefined && version !== undefined) return { instance, version };
    const isDown = container?.State?.Status === 'exited' || container?.State?.Restarting;
    return isDown ? 'down' : undefined;
  });
  return answer === 'down' ? undefined : answer;
}

async function create(home: Home, spec: ContainerCreateRequest): Promise<void> {
  const { engine } = home.server;
  const { project, environment } = home.scope;
  const labels = { [LABEL.project]: project, [LABEL.environment]: environment };
  await engine.createNetwork({
    Name: home.network,
    Driver: 'bridge',
    ...(home.kind === 'sidecar' && { Labels: labels }),
  });
  const id = await engine
    .createContainer(home.name, {
      ...spec,
      Image: home.settings.image,
      Entrypoint: entryOf(home.kind, CONFIG_FOLDER),
      Cmd: [],
      StopSignal: 'SIGQUIT',
      HostConfig: {
        NetworkMode: home.network,
        // Not unless-stopped: engines before 23 take the HUP of a reload for a stop by hand, and leave it down after a reboot.
        RestartPolicy: { Name: 'always' },
        ...spec.HostConfig,
        ...(home.kind === 'edge' && { ShmSize: COUNTS_BYTES }),
        // What has a connection of its own leaves its port behind for a minute: at 470 such requests a second none were left.
        Sysctls: { 'net.ipv4.tcp_tw_reuse': '1' },
        LogConfig: {
          Type: 'json-file',
          // A disk that is slow must not hold up who writes a line for each request.
          Config: { 'max-size': '10m', 'max-file': '3', ...(home.kind === 'edge' && NON_BLOCKING) },
        },
        // A volume that the engine makes for this container gets its labels too, and is found by them.
        Mounts: [
          {
            Type: 'volume',
            Source: home.volume,
            Target: CONFIG_FOLDER,
            VolumeOptions: { Labels: spec.Labels ?? {} },
          },
          ...(home.kind === 'edge'
            ? [{ Type: 'volume' as const, Source: EDGE_KEYS_VOLUME, Target: KEYS_FOLDER }]
            : []),
        ],
      },
    })
    .catch((error) => {
      // Somebody else was quicker: two environments may arrive on a server at once.
      if (isStatus(error, 409)) return undefined;
      throw error;
    });
  if (id === undefined) return;
  if (home.inherited === undefined) await writeFirstFiles(home, id);
  await start(home, id);
}

/** startAgain starts one that was stopped, or that a run left behind when it was cut off in the middle of creating it. */
async function startAgain(home: Home, id: string): Promise<void> {
  const files = await home.server.engine.readFiles(id, CONFIG_FOLDER);
  const isComplete = [...files.keys()].some((path) => path.endsWith(`/${CONTROL_ACCESS_FILE}`));
  if (!isComplete) await writeFirstFiles(home, id);
  await start(home, id);
}

async function writeFirstFiles({ server, scope, settings, kind, network }: Home, id: string): Promise<void> {
  const found = await server.engine.findNetwork(network);
  const gateway = found?.IPAM?.Config?.[0]?.Gateway;
  if (!gateway) throw new Error(`${server.name}: network ${network} has no gateway`);
  const files = firstFiles(kind, scope, settings);
  // Written last of all by the archive's order: where it is, the others are.
  const token = randomBytes(16).toString('hex');
  files.set(FLAG_ACCESS_FILE, renderFlagAccess(token));
  if (kind === 'edge') files.set(PROBE_ACCESS_FILE, renderProbeAccess(token));
  files.set(CONTROL_ACCESS_FILE, renderControlAccess(gateway));
  await server.engine.writeFiles(id, CONFIG_FOLDER, files);
}

async function start({ server, kind, name, inherited }: Home, id: string): Promise<void> {
  for (const network of inherited ?? []) await server.engine.joinNetwork(network, id);
  try {
    await server.engine.startContainer(id);
  } catch (error) {
    const taken = /(?:port is already allocated|address already in use)/.test(messageOf(error));
    if (!taken) throw error;
    throw new UserError(`${server.name}: ${kind} ${name} cannot start: ${messageOf(error)}`, {
      hint: 'The edge needs this port of the server. Stop what listens there ("ss -ltnup"), and run again.',
      cause: error,
    });
  }
}

/** isNewEnough tells whether this version of nginx, `1.30.6`, has all that edge and sidecar rely on. */
export function isNewEnough(version: string): boolean {
  return isAtLeast(version, OLDEST_NGINX);
}

async function checkVersion({ server, settings }: Home, { instance, version }: Answer): Promise<void> {
  if (isNewEnough(version)) return;
  await server.engine.removeContainer(instance.id);
  throw tooOld(server, settings.image, version);
}

const USE_ANOTHER_IMAGE =
  'Set "sidecar: { image: nginx:1.30-alpine }" or another image with nginx 1.28 or newer.';

async function explainStop({ server, kind, name }: Home): Promise<UserError> {
  const { stderr } = await server.engine.logs(name, { tail: 10 });
  const container = await server.engine.findContainer(name);
  const image = container?.Config?.Image ?? 'its image';
  if (/unknown directive "keepalive_min_timeout"/.test(stderr)) {
    await server.engine.removeContainer(name);
    return tooOld(server, image, 'older');
  }
  const lacking = missingModule(stderr);
  if (lacking !== undefined) {
    await server.engine.removeContainer(name);
    return new UserError(
      `${server.name}: nginx in ${image} has no ${lacking}, which ${kind} and all on it need`,
      {
        hint: `Name an image under sidecar.image whose nginx was built with it, or that loads it in /etc/nginx/modules-enabled/: nginx:1.30-alpine has all that is needed.`,
      },
    );
  }
  const [, module] = /unknown directive "(brotli|zstd)/.exec(stderr) ?? [];
  if (module !== undefined) {
    return new UserError(
      `${server.name}: nginx in ${image} has no module for ${module}, which a service here has under edge`,
      {
        hint: 'Name an image under sidecar.image that loads it in /etc/nginx/modules-enabled/.',
      },
    );
  }
  if (/invalid parameter "quic"|unknown directive "quic_retry"/.test(stderr)) {
    return new UserError(
      `${server.name}: nginx in ${image} was built without its module for HTTP/3, which tls.http3 needs`,
      {
        hint: 'Name an image under sidecar.image whose nginx has ngx_http_v3_module, or leave tls.http3 out.',
      },
    );
  }
  return new UserError(
    `${server.name}: ${kind} ${name} does not stay up: ${stderr.trim().split('\n').at(-1)}`,
    {
      hint: `Look at it on the server: docker logs ${name}`,
    },
  );
}

function tooOld(server: Server, image: string, version: string): UserError {
  return new UserError(`${server.name}: nginx in ${image} is too old (${version})`, {
    hint: USE_ANOTHER_IMAGE,
  });
}
