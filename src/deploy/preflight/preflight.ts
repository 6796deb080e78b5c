import type { FindRegistryAuth } from '../../docker/credentials.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { Server } from '../../fleet/server.ts';
import { type Clock, inTime } from '../../model/clock.ts';
import { messageOf } from '../../model/errors.ts';
import { taggedName } from '../../model/image-name.ts';
import { isNewEnough } from '../../nginx/install.ts';
import { NginxInstance } from '../../nginx/instance.ts';
import type { PlanInput } from '../planning/input.ts';
import type { ObservedNginx } from '../planning/observed.ts';
import { observedOn } from '../planning/observed-copies.ts';
import { type Plan, stepsOf } from '../planning/plan.ts';
import type { Layouts } from '../steps/context.ts';
import type { Finding } from './findings.ts';
import { judgeForbiddenPulls, judgeImages } from './judge-images.ts';
import { judgeFronts, judgeNginx, judgePorts, type NginxLook } from './judge-nginx.ts';
import { judgeRights } from './judge-rights.ts';
import { judgeHealth, judgeHooks, judgeLease } from './judge-running.ts';
import { judgeDisk, judgeVitals } from './judge-server.ts';
import { judgeTransfers, spaceNeeded } from './judge-transfers.ts';
import { neededImages, neededPorts, type Port } from './needs.ts';
import { lookAtTransfers, type PlannedTransfer } from './transfers.ts';
import { takeVitals, type Vitals } from './vitals.ts';

/** How long a registry may take to say whether it has an image. */
const REGISTRY_TIMEOUT_MS = 15_000;
/** A port on the own machine is refused at once where nobody listens. */
const PORT_TIMEOUT_MS = 2_000;

/** By what servers and registries are asked. */
export interface PreflightMeans {
  clock: Clock;
  registryAuth: FindRegistryAuth;
  /** Images that this machine has for servers. */
  layouts: Layouts;
  /** Images that no registry can have yet; none unless given. */
  unbuiltImages?: readonly string[];
}

/**
 * preflight looks at everything that a plan needs on the servers, all servers at once, and changes nothing. `holder`
 * is who changes the environment right now. The findings come server by server, what is in order too.
 */
export async function preflight(
  fleet: Fleet,
  input: PlanInput,
  plan: Plan,
  holder: string | undefined,
  means: PreflightMeans,
): Promise<Finding[]> {
  const transfers = await lookAtTransfers(fleet, plan, input.scope.project, means.layouts);
  const found = await fleet.onAll((server) => lookAtServer(server, input, { plan, transfers }, means));
  return [
    judgeLease(holder),
    ...judgeHooks(plan),
    ...judgeFronts(plan),
    ...judgeRights(input.services),
    ...found.flat(),
  ];
}

/**
 * certainFailures returns the findings that are certain to make a plan fail, of those that cost a deploy no time: they
 * need nothing but vitals. A server that has not said how it does is left in peace. Pure.
 */
export function certainFailures(
  vitals: readonly (Vitals | undefined)[],
  plan: Plan,
  transfers: readonly PlannedTransfer[] = [],
): Finding[] {
  const servers = new Set(stepsOf(plan, 'pull').map(({ server }) => server));
  return [
    ...judgeTransfers(transfers),
    ...vitals.flatMap((one) =>
      one === undefined ? [] : [judgeDisk(one, plan, spaceNeeded(transfers, one.server))],
    ),
    ...[...servers].flatMap((server) => judgeForbiddenPulls(plan, server)),
  ].filter(({ level }) => level === 'error');
}

async function lookAtServer(
  server: Server,
  input: PlanInput,
  { plan, transfers }: { plan: Plan; transfers: readonly PlannedTransfer[] },
  means: PreflightMeans,
): Promise<Finding[]> {
  const { name } = server;
  const { clock } = means;
  const observed = observedOn(input, name);
  const [vitals, images, nginx, ports] = await Promise.all([
    takeVitals(server, clock),
    askRegistries(server, input, plan, means),
    Promise.all((['edge', 'sidecar'] as const).map((kind) => lookAtNginx(server, kind, observed[kind]))),
    findTaken(server, neededPorts(plan, input, name), clock),
  ]);
  return [
    ...judgeVitals(name, vitals, plan, input, transfers),
    ...judgeForbiddenPulls(plan, name),
    ...judgeImages(name, images),
    ...judgeTransfers(transfers.filter((one) => one.server === name)),
    ...nginx.flatMap((look) => judgeNginx(name, look)),
    ...judgePorts(name, ports),
    ...judgeHealth(observed),
  ];
}

interface ImageLook {
  image: string;
  /** Why it cannot be pulled. */
  complaint?: string;
  isLoggedIn?: boolean;
}

async function askRegistries(
  server: Server,
  input: PlanInput,
  plan: Plan,
  { registryAuth, unbuiltImages = [] }: PreflightMeans,
): Promise<ImageLook[]> {
  const images = neededImages(plan, input, server.name).filter((image) => !unbuiltImages.includes(image));
  return await Promise.all(images.map((image) => askRegistry(server, image, registryAuth)));
}

/** Asks from the server, as a pull would, with the credentials of the run. */
async function askRegistry(
  server: Server,
  image: string,
  registryAuth: FindRegistryAuth,
): Promise<ImageLook> {
  const auth = await registryAuth(image);
  try {
    await server.engine.findInRegistry(taggedName(image), auth, AbortSignal.timeout(REGISTRY_TIMEOUT_MS));
    return { image };
  } catch (error) {
    return { image, complaint: messageOf(error), isLoggedIn: auth !== undefined };
  }
}

async function lookAtNginx(
  server: Server,
  kind: 'edge' | 'sidecar',
  nginx: ObservedNginx | undefined,
): Promise<NginxLook> {
  if (nginx === undefined) return { kind, state: 'missing' };
  const { id, name, address, isRunning } = nginx;
  if (!isRunning || address === undefined) return { kind, state: 'stopped', name };
  const instance = new NginxInstance(kind, server, { id, name, address });
  const [version, complaint] = await Promise.all([instance.version(), instance.testLive()]);
  return { kind, state: 'runs', name, version, isNewEnough: isNewEnough(version), complaint };
}

/** Returns the ports that somebody listens on, and which container it is, where it is one. */
async function findTaken(
  server: Server,
  ports: readonly Port[],
  clock: Clock,
): Promise<(Port & { holder: string | undefined })[]> {
  const taken = await Promise.all(
    ports.map(async (port) => ((await isListening(server, port, clock)) ? [port] : [])),
  );
  if (taken.flat().length === 0) return [];
  const containers = await server.engine.listContainers();
  return taken.flat().map((port) => {
    const holder = containers.find(({ Ports }) =>
      Ports?.some(({ PublicPort }) => PublicPort === port.number),
    );
    return { ...port, holder: holder?.Names?.[0]?.replace(/^\//, '') };
  });
}

async function isListening(server: Server, { address, number }: Port, clock: Clock): Promise<boolean> {
  const dialled = server.dial(address, number).then(
    (stream) => {
      stream.destroy();
      return true;
    },
    () => false,
  );
  return await inTime(clock, dialled, PORT_TIMEOUT_MS, false);
}
