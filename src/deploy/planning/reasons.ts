import { canonicalJson } from '../../model/spec.ts';
import { changedByHand } from './blueprint.ts';
import type { PlanInput } from './input.ts';
import { copiesOn, isImageMoved } from './observed-copies.ts';
import type { Rollout } from './rollout.ts';
import type { WantedService } from './wanted.ts';

/** Whose keys the user chose: they are shown as they are. */
const USERS_MAPS = [
  'environment.',
  'files.',
  'edge.headers.',
  'edge.basic_auth.',
  'edge.error_pages.',
  'healthcheck.headers.',
  'labels.',
  'logging.options.',
  'sysctls.',
  'annotations.',
  'storage_opt.',
];

/** Below this everything is the user's own: members of an app's answer. */
const USERS_TREE = 'healthcheck.expect.json.';

/** Keys of a release that have another name, or another place, in the file. */
const IN_THE_FILE: Readonly<Record<string, string>> = {
  domains: 'domain',
  drain_timeout_ms: 'drain.timeout',
  max_body_bytes: 'max_body_size',
  'healthcheck.kind': 'healthcheck',
  'healthcheck.unsaid': 'healthcheck',
  'resources.cpus': 'cpus',
  'resources.memory_bytes': 'mem_limit',
  'resources.pids': 'pids_limit',
  'resources.reserved_memory_bytes': 'mem_reservation',
};

/** inTheFile returns a key of a release as the file has it. Pure. */
export function inTheFile(key: string): string {
  return IN_THE_FILE[key] ?? key.replace(/_ms$/, '');
}

/**
 * explainChange says in a few words why a service changes: which keys differ from the release that runs, and
 * what differs on the servers. Names only: a value may be a secret.
 */
export function explainChange(
  service: WantedService,
  rollout: Pick<Rollout, 'start' | 'check' | 'retire'>,
  input: PlanInput,
): string[] {
  const { current } = service.known;
  if (current === undefined) return rollout.start.length > 0 ? ['not deployed yet'] : [];
  const reasons = changedKeys('', specFacts(current), specFacts(service.spec));
  if (service.restored !== undefined && service.release.isNew) {
    reasons.unshift(`release ${service.restored.number} is restored`);
  }
  if (current.secrets_version !== service.release.secretsVersion) reasons.push('secrets');
  if (reasons.length === 0)
    reasons.push(...rollout.start.map((step) => differenceOn(input, service, step.server)));
  if (rollout.start.length === 0 && rollout.check.length > 0) reasons.push('an interrupted run is finished');
  if (rollout.start.length + rollout.check.length === 0 && rollout.retire.length > 0) {
    reasons.push('containers of an earlier run are removed');
  }
  return [...new Set(reasons)];
}

/** Options and further ports are told by their names in the file, files by their places and never by what is in them. */
function specFacts({ protocol, port, extraPorts = {}, container, route, policy }: WantedService['spec']) {
  const { options, files = [], preset, ...rest } = container;
  const { extraDomains, extraStripPrefix, published, extraPublished, edge, ...served } = route;
  const byPlace = files.map((file) => [[file.target, file.path].filter(Boolean).join('/'), [file]]);
  const extra = Object.entries(extraPorts).map(([name, one]) => [
    name,
    { ...one, domain: extraDomains?.[name], stripPrefix: extraStripPrefix?.includes(name) },
  ]);
  const further = extra.length > 0 && { extra_ports: Object.fromEntries(extra) };
  const made = { preset: preset?.name, version: preset?.version };
  const told = { ...further, ...rest, ...made, files: Object.fromEntries(byPlace), ...options };
  const isOpen = published !== undefined || extraPublished !== undefined;
  const open = isOpen && { publish: [published, extraPublished] };
  return { protocol, port, ...told, ...served, ...open, ...(edge && { edge: edge }), ...policy };
}

function differenceOn(input: PlanInput, service: WantedService, server: string): string {
  const copies = copiesOn(input, service.name, server).filter(({ isAdopted }) => !isAdopted);
  if (copies.length === 0) return `not on ${server} yet`;
  const { number } = service.release;
  // A run that was narrowed to zones, or has left servers out, leaves copies of the release before.
  if (copies.every(({ release }) => release !== number)) return `release ${number} is not on ${server} yet`;
  const on = input.servers.find(({ name }) => name === server);
  const byHand = on && copies.flatMap((copy) => changedByHand(input, service, on, copy));
  if (byHand?.length) return `changed by hand on ${server}: ${byHand.map(inTheFile).join(', ')}`;
  if (copies.every(({ condition }) => condition?.state === 'paused')) return `paused on ${server}`;
  if (copies.every(({ isRunning }) => !isRunning)) return `stopped on ${server}`;
  if (isImageMoved(input, service, server)) {
    return `the image behind ${service.spec.container.image} is another one now`;
  }
  const isShared = input.servers.length > 1;
  return isShared
    ? `its host port has to be open to the other servers on ${server}`
    : `other settings on ${server}`;
}

function changedKeys(path: string, before: object, after: object): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => {
    const [old, now] = [before, after].map((spec) => (spec as Record<string, unknown>)[key]);
    if (canonicalJson(old ?? null) === canonicalJson(now ?? null)) return [];
    const isUsers = USERS_MAPS.includes(path) || path.startsWith(USERS_TREE);
    const name = isUsers ? key : key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (isMap(old) && isMap(now)) return changedKeys(`${path}${name}.`, old, now);
    return [isUsers ? `${path}${name}` : inTheFile(`${path}${name}`)];
  });
}

function isMap(value: unknown): value is object {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
