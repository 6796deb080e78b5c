import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerCreateRequest, ContainerInspectResponse } from '@docker/node-sdk';
import { isStatus } from '../docker/http.ts';
import type { Server } from '../fleet/server.ts';
import { messageOf, UserError } from '../model/errors.ts';
import { LABEL } from '../model/labels.ts';
import {
  EDGE_NAME,
  EDGE_NETWORK,
  EDGE_VOLUME,
  networkName,
  type Scope,
  SIDECAR_ALIAS,
  sidecarName,
  sidecarVolumeName,
} from '../model/names.ts';
import type { NginxSpec } from '../model/spec.ts';
import { firstFiles, mendedFiles } from './compose.ts';
import { NginxInstance, readTree } from './instance.ts';
import { CONFIG_FOLDER, type NginxKind, renderControlAccess } from './render.ts';

/** 1.28 is the oldest stable branch with everything we rely on; `keepalive_min_timeout` came with 1.27.4. */
const OLDEST_NGINX = [1, 28] as const;
/** From the start of a container to nginx's first answer: far less than a second, the rest is a slow machine. */
const START_TIMEOUT_MS = 10_000;
const POLL_MS = 20;

/** Where an edge or sidecar lives on a server. */
interface Home {
  kind: NginxKind;
  name: string;
  network: string;
  volume: string;
}

/** ensureSidecar creates the environment's network and sidecar where they are missing, and starts a stopped one. */
export async function ensureSidecar(
  server: Server,
  scope: Scope,
  settings: NginxSpec,
): Promise<NginxInstance> {
  const home: Home = {
    kind: 'sidecar',
    name: sidecarName(scope),
    network: networkName(scope),
    volume: sidecarVolumeName(scope),
  };
  return await ensure(server, home, scope, settings, {
    Labels: {
      [LABEL.role]: 'sidecar',
      [LABEL.project]: scope.project,
      [LABEL.environment]: scope.environment,
    },
    NetworkingConfig: { EndpointsConfig: { [home.network]: { Aliases: [SIDECAR_ALIAS] } } },
  });
}

/** ensureEdge creates the server's edge where it is missing, starts a stopped one, and lets it into the environment's network. */
export async function ensureEdge(server: Server, scope: Scope, settings: NginxSpec): Promise<NginxInstance> {
  const home: Home = { kind: 'edge', name: EDGE_NAME, network: EDGE_NETWORK, volume: EDGE_VOLUME };
  const edge = await ensure(server, home, scope, settings, {
    Labels: { [LABEL.role]: 'edge' },
    ExposedPorts: { '80/tcp': {}, '443/tcp': {} },
    HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '80' }], '443/tcp': [{ HostPort: '443' }] } },
  });
  await server.engine.joinNetwork(networkName(scope), edge.id);
  return edge;
}

/** instanceOf describes a running edge or sidecar that was found; undefined when it does not run. */
function instanceOf(
  kind: NginxKind,
  server: Server,
  container: ContainerInspectResponse | undefined,
  network: string,
): NginxInstance | undefined {
  const address = container?.NetworkSettings?.Networks?.[network]?.IPAddress;
  if (!container?.State?.Running || !address) return undefined;
  return new NginxInstance(kind, server, {
    id: container.Id!,
    name: container.Name!.replace(/^\//, ''),
    address,
  });
}

async function ensure(
  server: Server,
  home: Home,
  scope: Scope,
  settings: NginxSpec,
  spec: ContainerCreateRequest,
): Promise<NginxInstance> {
  const { engine } = server;
  const found = await engine.findContainer(home.name);
  if (found === undefined) {
    await create(server, home, scope, settings, spec);
    const { instance, version } = await awaitAnswer(server, home);
    await checkVersion(instance, version, settings.image);
    return instance;
  }
  const running = instanceOf(home.kind, server, found, home.network);
  if (running !== undefined && (await running.version().catch(() => undefined))) return running;
  await startAgain(server, home, scope, settings, found.Id!);
  const { instance } = await awaitAnswer(server, home).catch((error) => mend(server, home, found.Id!, error));
  return instance;
}

/** One that does not stay up may stumble over what somebody wrote into its volume. */
async function mend(server: Server, home: Home, id: string, error: unknown) {
  const files = mendedFiles(home.kind, await readTree(server, id));
  if (files === undefined) throw error;
  await server.engine.writeFiles(id, CONFIG_FOLDER, files);
  await server.engine.stopContainer(id, 1);
  await start(server, home, id);
  return await awaitAnswer(server, home);
}

/** nginx opens its ports a moment after its container runs; another run may be about to start it. */
async function awaitAnswer(
  server: Server,
  home: Home,
): Promise<{ instance: NginxInstance; version: string }> {
  const end = Date.now() + START_TIMEOUT_MS;
  do {
    const container = await server.engine.findContainer(home.name);
    const instance = instanceOf(home.kind, server, container, home.network);
    const version = instance && (await instance.version().catch(() => undefined));
    if (instance !== undefined && version !== undefined) return { instance, version };
    if (container?.State?.Status === 'exited' || container?.State?.Restarting) break;
    await sleep(POLL_MS);
  } while (Date.now() < end);
  throw await explainStop(server, home);
}

async function create(
  server: Server,
  home: Home,
  scope: Scope,
  settings: NginxSpec,
  spec: ContainerCreateRequest,
): Promise<void> {
  const { engine } = server;
  const labels = { [LABEL.project]: scope.project, [LABEL.environment]: scope.environment };
  await engine.createNetwork({
    Name: home.network,
    Driver: 'bridge',
    ...(home.kind === 'sidecar' && { Labels: labels }),
  });
  const id = await engine
    .createContainer(home.name, {
      ...spec,
      Image: settings.image,
      Entrypoint: ['nginx', '-c', `${CONFIG_FOLDER}/nginx.conf`, '-g', 'daemon off;'],
      Cmd: [],
      StopSignal: 'SIGQUIT',
      HostConfig: {
        ...spec.HostConfig,
        NetworkMode: home.network,
        // Not unless-stopped: engines before 23 take the HUP of a reload for a stop by hand, and leave it down after a reboot.
        RestartPolicy: { Name: 'always' },
        LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
        // A volume that the engine makes for this container gets its labels too, and is found by them.
        Mounts: [
          {
            Type: 'volume',
            Source: home.volume,
            Target: CONFIG_FOLDER,
            VolumeOptions: { Labels: spec.Labels ?? {} },
          },
        ],
      },
    })
    .catch((error) => {
      // Somebody else was quicker: two environments may arrive on a server at once.
      if (isStatus(error, 409)) return undefined;
      throw error;
    });
  if (id === undefined) return;
  await writeFirstFiles(server, home, scope, settings, id);
  await start(server, home, id);
}

/** startAgain starts one that was stopped, or that a run left behind when it was cut off in the middle of creating it. */
async function startAgain(
  server: Server,
  home: Home,
  scope: Scope,
  settings: NginxSpec,
  id: string,
): Promise<void> {
  const files = await server.engine.readFiles(id, CONFIG_FOLDER);
  const isComplete = [...files.keys()].some((path) => path.endsWith('/control_access.conf'));
  if (!isComplete) await writeFirstFiles(server, home, scope, settings, id);
  await start(server, home, id);
}

async function writeFirstFiles(
  server: Server,
  home: Home,
  scope: Scope,
  settings: NginxSpec,
  id: string,
): Promise<void> {
  const network = await server.engine.findNetwork(home.network);
  const gateway = network?.IPAM?.Config?.[0]?.Gateway;
  if (!gateway) throw new Error(`${server.host}: network ${home.network} has no gateway`);
  const files = firstFiles(home.kind, scope, settings);
  // Written last of all by the archive's order: where it is, the others are.
  files.set('control_access.conf', renderControlAccess(gateway));
  await server.engine.writeFiles(id, CONFIG_FOLDER, files);
}

async function start(server: Server, home: Home, id: string): Promise<void> {
  try {
    await server.engine.startContainer(id);
  } catch (error) {
    const taken = /(?:port is already allocated|address already in use)/.test(messageOf(error));
    if (!taken) throw error;
    throw new UserError(`${server.host}: ${home.kind} ${home.name} cannot start: ${messageOf(error)}`, {
      hint: 'The edge needs ports 80 and 443 of the server. Stop what listens there ("ss -ltnp"), and run again.',
      cause: error,
    });
  }
}

/** isNewEnough tells whether this version of nginx, `1.30.6`, has all that edge and sidecar rely on. */
export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST_NGINX[0] || (major === OLDEST_NGINX[0] && minor >= OLDEST_NGINX[1]);
}

async function checkVersion(instance: NginxInstance, version: string, image: string): Promise<void> {
  const { server } = instance;
  if (isNewEnough(version)) return;
  await server.engine.removeContainer(instance.id);
  throw tooOld(server, image, version);
}

async function explainStop(server: Server, home: Home): Promise<UserError> {
  const { stderr } = await server.engine.logs(home.name, { tail: 10 });
  const container = await server.engine.findContainer(home.name);
  if (/unknown directive "keepalive_min_timeout"/.test(stderr)) {
    await server.engine.removeContainer(home.name);
    return tooOld(server, container?.Config?.Image ?? 'its image', 'older');
  }
  return new UserError(
    `${server.host}: ${home.kind} ${home.name} does not stay up: ${stderr.trim().split('\n').at(-1)}`,
    {
      hint: `Look at it on the server: docker logs ${home.name}`,
    },
  );
}

function tooOld(server: Server, image: string, version: string): UserError {
  return new UserError(`${server.host}: nginx in ${image} is too old (${version})`, {
    hint: 'Set "sidecar: { image: nginx:1.30-alpine }" or another image with nginx 1.28 or newer.',
  });
}
