import { canonicalJson } from '../../model/spec.ts';
import { changedByHand } from './blueprints.ts';
import type { Level } from './plan.ts';
import type { PlanInput, WantedService } from './plan-input.ts';
import { containersAt, isImageMoved } from './spots.ts';

/** Whose keys the user chose: they are shown as they are. */
const USERS_MAPS = ['environment.', 'labels.', 'logging.options.'];

/**
 * explainChange says in a few words why a service changes: which keys differ from the release that runs, and
 * what differs on the servers. Names only: a value may be a secret.
 */
export function explainChange(
  service: WantedService,
  level: Pick<Level, 'start' | 'check' | 'retire'>,
  input: PlanInput,
): string[] {
  const { current } = service.known;
  if (current === undefined) return level.start.length > 0 ? ['not deployed yet'] : [];
  const reasons = changedKeys('', specFacts(current), specFacts(service.spec));
  if (service.restored !== undefined && service.release.isNew) {
    reasons.unshift(`release ${service.restored.number} is restored`);
  }
  if (current.secrets_version !== service.release.secretsVersion) reasons.push('secrets');
  if (reasons.length === 0)
    reasons.push(...level.start.map((step) => differenceAt(input, service, step.host)));
  if (level.start.length === 0 && level.check.length > 0) reasons.push('an interrupted run is finished');
  if (level.start.length + level.check.length === 0 && level.retire.length > 0) {
    reasons.push('containers of an earlier run are removed');
  }
  return [...new Set(reasons)];
}

function specFacts({ protocol, port, container, route, policy }: WantedService['spec']) {
  return { protocol, port, ...container, ...route, ...policy };
}

function differenceAt(input: PlanInput, service: WantedService, host: string): string {
  const containers = containersAt(input, service.name, host);
  if (containers.length === 0) return `not on ${host} yet`;
  const server = input.servers.find((candidate) => candidate.host === host);
  const byHand =
    server && containers.flatMap((container) => changedByHand(input, service, server, container));
  if (byHand?.length) return `changed by hand on ${host}: ${byHand.join(', ')}`;
  if (containers.every(({ condition }) => condition?.state === 'paused')) return `paused on ${host}`;
  if (containers.every(({ isRunning }) => !isRunning)) return `stopped on ${host}`;
  if (isImageMoved(input, service, host)) {
    return `the image behind ${service.spec.container.image} is another one now`;
  }
  const isShared = input.servers.length > 1;
  return isShared
    ? `its host port has to be open to the other servers on ${host}`
    : `other settings on ${host}`;
}

function changedKeys(path: string, before: object, after: object): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => {
    const [old, now] = [before, after].map((spec) => (spec as Record<string, unknown>)[key]);
    if (canonicalJson(old ?? null) === canonicalJson(now ?? null)) return [];
    const isUsers = USERS_MAPS.includes(path);
    const name = isUsers ? key : key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return isMap(old) && isMap(now) ? changedKeys(`${path}${name}.`, old, now) : [`${path}${name}`];
  });
}

function isMap(value: unknown): value is object {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
