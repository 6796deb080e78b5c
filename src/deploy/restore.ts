import type { Fleet } from '../fleet/fleet.ts';
import { SecretSets, type SecretValues } from '../fleet/secret-sets.ts';
import { UserError } from '../model/errors.ts';
import { hiddenValues } from '../model/hidden-values.ts';
import type { Release } from '../model/release.ts';
import {
  type EnvironmentSpec,
  publishedOf,
  type RouteSpec,
  type ServiceSpec,
  secretNamesOf,
  specHash,
} from '../model/spec.ts';
import { isTransferred } from '../model/transferred-image.ts';
import type { Snapshot } from '../state/snapshot.ts';
import type { OpenEnvironment } from './environment.ts';
import { keptOf, withKeptImages } from './kept-images.ts';
import { observeOwner } from './observation/observe.ts';
import type { Restored } from './planning/build-input.ts';
import type { PlanInput } from './planning/input.ts';
import type { Narrowing } from './planning/narrowing.ts';
import { checkOwner } from './planning/ownership.ts';
import { type Plan, stepsOf } from './planning/plan.ts';
import { presentConnections } from './present-connections.ts';
import { chooseRelease, failedSince, type RollbackTarget } from './record/choose-release.ts';
import type { ChangeRequest } from './request.ts';

/** What shall run, of which a rollback has chosen some. */
export interface Asked {
  wanted: EnvironmentSpec;
  /** Secret values by service and name. */
  secrets: ChangeRequest['secrets'];
  /** Those that are made from generated ones; a rollback has the values that they had. */
  generated?: ChangeRequest['generated'];
  /** To what the run is narrowed: services that need not go back are left as they are. */
  narrowing: Narrowing;
  /** The releases that a rollback brings back. */
  restored?: Restored;
  /** Those of them whose secrets are not quite as they were: they connect to others as the releases that run do. */
  reconnected?: ReadonlySet<string>;
  /** What people should know of what a rollback has chosen, as sentences. */
  notes?: readonly string[];
}

/**
 * restore returns what a request asks for; of one for a rollback it is the releases that were chosen, with the values that
 * their secrets had. It throws a UserError when the environment is another repository's, and when a release, or a value of it,
 * cannot be had.
 */
export async function restore(request: ChangeRequest, environment: OpenEnvironment): Promise<Asked> {
  const { narrowing, rollback, log, secrets: given, takeOverFrom, clock } = request;
  const { fleet, repository } = environment;
  const wanted = await withKeptImages(
    environment.wanted,
    await keptOf(request, { ...environment, snapshot: environment.journal.snapshot }),
    environment.journal.snapshot,
  );
  if (rollback === undefined) return { wanted, secrets: given, generated: request.generated, narrowing };
  // A record of its own says nothing of what another repository has deployed.
  const owners = await fleet.onAll((server) => observeOwner(server, wanted, clock));
  checkOwner(wanted, { repository, takeOverFrom }, owners);
  const { snapshot } = environment.journal;
  const { to } = rollback;
  const services = narrowing.services ?? [];
  if (typeof to === 'number' && services.length > 1) {
    throw new UserError(`release ${to} is another one for each of ${services.join(', ')}`, {
      hint: 'Releases are numbered per service: name one service, or use a version.',
    });
  }
  const chosen = await Promise.all(
    services.map(async (name) => [name, await chooseOne(snapshot, name, to)] as const),
  );
  const staying = to === 'previous' ? chosen.filter(([name]) => failedOf(snapshot, name) !== undefined) : [];
  const restored = new Map(chosen.filter((one) => !staying.includes(one)));
  for (const { service, number, container } of restored.values()) {
    log.info(`${service}: going back to what release ${number} was (${container.image})`);
  }
  const notes = staying.map(([name, release]) => stayingNote(release, failedOf(snapshot, name)!));
  for (const note of notes) log.info(note);
  const running = await runningReleases(snapshot, restored);
  const { secrets, reconnected } = await readSecrets(fleet, wanted, restored, running);
  for (const [name, { container }] of restored) {
    for (const value of hiddenValues(secrets[name] ?? {}, container)) request.hide(value);
  }
  return {
    wanted: restoredSpec(wanted, restored),
    secrets,
    generated: undefined,
    narrowing: { ...narrowing, services: [...restored.keys()] },
    ...(restored.size > 0 && { restored, reconnected }),
    notes,
  };
}

function failedOf({ state }: Snapshot, service: string): number | undefined {
  const recorded = state.services[service];
  return recorded && failedSince(recorded);
}

function stayingNote({ service, number, container }: Release, failed: number): string {
  return `${service}: release ${number} serves (${container.image}). Release ${failed}, which was tried last, failed and has no traffic: nothing needs to be brought back. A number or a version as "to" goes back further`;
}

async function chooseOne(snapshot: Snapshot, service: string, to: RollbackTarget): Promise<Release> {
  const recorded = snapshot.state.services[service];
  if (recorded === undefined || recorded.release === 0) {
    throw new UserError(`${service} is not deployed, so there is nothing to go back from`, {
      hint: 'Deploy it first.',
    });
  }
  return chooseRelease(service, to, { recorded, releases: await snapshot.releases(service) });
}

/**
 * restoredSpec returns what is wanted with some services as their releases have them. Where they stand and what they
 * depend on is as the file says now: servers and neighbours are those of today. Pure.
 */
export function restoredSpec(wanted: EnvironmentSpec, restored: Restored): EnvironmentSpec {
  const services = wanted.services.map((spec): ServiceSpec => {
    const release = restored.get(spec.name);
    if (release === undefined) return spec;
    const { protocol, port, extraPorts, container, policy } = release;
    const { name, dependsOn, placement } = spec;
    const route = withMaintenanceOf(release.route, spec.route);
    const ports = {
      ...(protocol !== undefined && { protocol }),
      ...(port !== undefined && { port }),
      ...(extraPorts !== undefined && { extraPorts }),
    };
    return pinned({ name, dependsOn, placement, ...ports, container, route, policy }, release);
  });
  const ports = [...new Set([...(wanted.nginx.ports ?? []), ...services.flatMap(publishedOf)])].sort();
  return { ...wanted, services, nginx: { ...wanted.nginx, ...(ports.length > 0 && { ports }) } };
}

/** Whether users are let in is said today: a release of a day in maintenance does not bring it back. */
function withMaintenanceOf(route: RouteSpec, { maintenance }: RouteSpec): RouteSpec {
  const { maintenance: _, ...rest } = route;
  return { ...rest, ...(maintenance && { maintenance }) };
}

/** A tag may have moved since. With the digest, a registry is asked only where the image is gone. */
function pinned(spec: ServiceSpec, { image_digest }: Release): ServiceSpec {
  const { container, policy } = spec;
  const digest = image_digest?.split('@')[1];
  if (digest === undefined) return spec;
  const image = isExact(container.image) ? container.image : `${container.image}@${digest}`;
  const pullPolicy = policy.pullPolicy === 'always' ? 'missing' : policy.pullPolicy;
  return { ...spec, container: { ...container, image }, policy: { ...policy, pullPolicy } };
}

/** isExact tells whether a name can mean one image alone. */
function isExact(image: string): boolean {
  return image.includes('@') || isTransferred(image);
}

/**
 * checkImages throws a UserError when a container would be started from another image than the release had. Only an
 * image without a digest can be another one: it was loaded on the servers by hand, under a name that may have moved. Pure.
 */
export function checkImages(input: PlanInput, plan: Plan): void {
  const starts = stepsOf(plan, 'start').filter(({ existing }) => existing === undefined);
  for (const { service, server, blueprint } of starts) {
    const { image } = blueprint.container;
    const restored = input.services.find(({ name }) => name === service)?.restored;
    if (restored === undefined || isExact(image)) continue;
    const found = input.observed.find(({ name }) => name === server)?.images.get(image);
    if (found !== undefined && found.id === restored.image_id) continue;
    const what = found === undefined ? 'is not there any more' : 'may be another image by now';
    throw new UserError(`${server}: ${image}, which release ${restored.number} of ${service} ran, ${what}`, {
      hint: 'No registry gave a digest for it, so it cannot be pulled again: load that image on the server, or deploy the commit of that release.',
    });
  }
}

/** The releases that run of services that connect to others, as the record has them. */
async function runningReleases(snapshot: Snapshot, restored: Restored): Promise<Restored> {
  const connected = [...restored.values()].filter(({ container }) => container.connections !== undefined);
  const found = await Promise.all(
    connected.map(async ({ service }) => {
      const release = await snapshot.release(service, snapshot.state.services[service]?.release ?? 0);
      return release === undefined ? [] : [[service, release] as const];
    }),
  );
  return new Map(found.flat());
}

/** The values of releases that come back, and the services of which they are not quite as they were. */
async function readSecrets(
  fleet: Fleet,
  wanted: EnvironmentSpec,
  restored: Restored,
  running: Restored,
): Promise<{ secrets: Record<string, SecretValues>; reconnected: Set<string> }> {
  const releases = [...restored.values()].filter(({ container }) => secretNamesOf(container).length > 0);
  const keptOn = await readSets(fleet, wanted, [...releases, ...running.values()]);
  const secrets: Record<string, SecretValues> = {};
  const reconnected = new Set<string>();
  for (const release of releases) {
    const { service, container } = release;
    const now = running.get(service);
    const values = valuesOf(release, keptOn(release));
    const valuesNow = now && keptOn(now).find((found) => found !== undefined);
    const present =
      now && valuesNow
        ? presentConnections({ container, values }, { container: now.container, values: valuesNow })
        : values;
    secrets[service] = present;
    if (specHash(present) !== specHash(values)) reconnected.add(service);
  }
  return { secrets, reconnected };
}

/** readSets returns a function that tells what each server keeps of the secrets of one of these releases. */
async function readSets(
  fleet: Fleet,
  { project, environment, nginx }: EnvironmentSpec,
  releases: readonly Release[],
): Promise<(release: Release) => (SecretValues | undefined)[]> {
  if (releases.length === 0) return () => [];
  const sets = new Map(
    releases.map((release) => [release, { service: release.service, version: release.secrets_version }]),
  );
  const scope = { project, environment };
  const kept = await fleet.onAll((server) =>
    new SecretSets(server, scope, nginx.image).read([...sets.values()]),
  );
  return (release) => kept.map((ofServer) => ofServer.get(sets.get(release)!));
}

/** A server may keep nothing, or be new: any of them that has all values will do. */
function valuesOf(release: Release, found: readonly (SecretValues | undefined)[]): SecretValues {
  const { container, service, number, secrets_version } = release;
  const names = secretNamesOf(container);
  const whole = found.find((values) => names.every((name) => values?.[name] !== undefined));
  if (whole === undefined) {
    throw new UserError(
      `the secrets of ${service} as release ${number} had them (set ${secrets_version}) are on no server`,
      {
        hint: 'Nothing was changed. Deploy the commit of that release instead: the run brings its secrets along.',
      },
    );
  }
  return Object.fromEntries(names.map((name) => [name, whole[name]!]));
}
