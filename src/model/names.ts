import { type Slot, slotIndex } from './copy.ts';
import { UserError } from './errors.ts';

/**
 * Project, environment and service names are DNS labels (RFC 1123 §2.1, in lower case, a letter first).
 * They hold no underscore, so `{project}_{env}_{service}` and `…_secondary` have one reading only.
 */
export const NAME_PATTERN = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/;

/** The rule of NAME_PATTERN, for error messages. */
export const NAME_RULE =
  'lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen';

/**
 * A container is found by its name through DNS, where a label has at most 63 octets (RFC 1035 §2.3.4);
 * `_secondary` and the two joining underscores take 12 of them.
 */
export const NAMES_TOTAL_MAX = 51;

/** Names that would collide with containers of our own: the sidecar is `{project}_{env}_nginx`. */
const RESERVED_SERVICES: readonly string[] = ['nginx'];
/** The edge and its lock are named `switchyard_…`. */
const RESERVED_PROJECTS: readonly string[] = ['switchyard'];

/** An environment of a project: the scope of all names. */
export interface Scope {
  project: string;
  environment: string;
}

/** checkName throws a UserError with the rule when `name` is no valid name for a `kind`. */
export function checkName(kind: 'project' | 'environment' | 'service', name: string): void {
  if (!NAME_PATTERN.test(name)) {
    throw new UserError(`${kind} name ${JSON.stringify(name)} is not allowed`, {
      hint: `Use ${NAME_RULE}: the name becomes part of container names and DNS names.`,
    });
  }
  if (isOfLanguage(name)) {
    throw new UserError(
      `${kind} name "${name}" is not allowed: JavaScript, which this is written in, has it`,
      {
        hint: 'Choose another one.',
      },
    );
  }
  const reserved: readonly string[] = {
    project: RESERVED_PROJECTS,
    environment: [],
    service: RESERVED_SERVICES,
  }[kind];
  if (reserved.includes(name)) {
    throw new UserError(`${kind} name "${name}" is reserved for Switchyard's own containers`, {
      hint: 'Choose another one.',
    });
  }
}

/** isOfLanguage tells whether every map of JavaScript has something by this name: `constructor`. */
export function isOfLanguage(name: string): boolean {
  return name in Object.prototype;
}

/** checkNames throws a UserError when the three names together have more than `max` characters. */
export function checkNames(scope: Scope, service: string, max: number = NAMES_TOTAL_MAX): void {
  checkName('project', scope.project);
  checkName('environment', scope.environment);
  checkName('service', service);
  const total = scope.project.length + scope.environment.length + service.length;
  if (total > max) {
    throw new UserError(
      `the names "${scope.project}", "${scope.environment}" and "${service}" have ${total} characters together, at most ${max} fit`,
      {
        hint: `They form one container name, which must fit into a DNS label of 63 characters${max < NAMES_TOTAL_MAX ? ', with its version and a time' : ''}.`,
      },
    );
  }
}

/** scopeName returns `{project}_{env}`, the prefix of everything an environment owns on a server. */
export function scopeName(scope: Scope): string {
  return `${scope.project}_${scope.environment}`;
}

/**
 * containerName returns `{project}_{env}_{service}` for the slot `base`, `…_secondary` for the second one, and `…_3` and so
 * on. By this name nginx finds the copy, whether its container is called so or, with versions in names, has it as an alias.
 */
export function containerName(scope: Scope, service: string, slot: Slot): string {
  const ending = slotIndex(slot) === 0 ? '' : `_${slot}`;
  return `${scopeName(scope)}_${service}${ending}`;
}

/** The commands that a release may bring along, by their keys in the file. */
export type HookName = 'pre_deploy' | 'post_deploy';

/** hookContainerName returns `{project}_{env}_{service}_pre_deploy`, or `…_post_deploy`. */
export function hookContainerName(scope: Scope, service: string, hook: HookName): string {
  return `${containerName(scope, service, 'base')}_${hook}`;
}

/** networkName returns the name of the environment's Docker network. */
export function networkName(scope: Scope): string {
  return `${scopeName(scope)}_network`;
}

/** sidecarName returns the name of the environment's nginx container. */
export function sidecarName(scope: Scope): string {
  return `${scopeName(scope)}_nginx`;
}

/** adoptedSidecarName returns the name that an nginx of the older naming gets, to leave its own to the sidecar. */
export function adoptedSidecarName(scope: Scope): string {
  return `${sidecarName(scope)}_adopted`;
}

/** sidecarSuccessorName returns the name of the nginx that takes a sidecar's place, until it has its name. */
export function sidecarSuccessorName(scope: Scope): string {
  return `${sidecarName(scope)}_next`;
}

/** sidecarPredecessorName returns the name of an nginx that was the sidecar, by its container. */
export function sidecarPredecessorName(scope: Scope, id: string): string {
  return `${sidecarName(scope)}_${id.slice(0, 12)}`;
}

/** handOverName returns the name of the helper with which a sidecar's name is handed over. */
export function handOverName(scope: Scope): string {
  return `${sidecarName(scope)}_hand_over`;
}

/** sidecarVolumeName returns the name of the volume that holds the sidecar's configuration. */
export function sidecarVolumeName(scope: Scope): string {
  return `${scopeName(scope)}_nginx`;
}

/** What follows project and environment in the name of {@link secretsVolumeName}. */
export const SECRETS_VOLUME = 'secrets';

/** secretsVolumeName returns the name of the volume that keeps the values of an environment's secrets. */
export function secretsVolumeName(scope: Scope): string {
  return `${scopeName(scope)}_${SECRETS_VOLUME}`;
}

/** What follows project and environment in the name of {@link backupsVolumeName}. */
export const BACKUPS_VOLUME = 'backups';

/** backupsVolumeName returns the name of the volume that keeps the backups of an environment on the server itself. */
export function backupsVolumeName(scope: Scope): string {
  return `${scopeName(scope)}_${BACKUPS_VOLUME}`;
}

/** Where a container has the volume of the files that it is given, so that the engine knows that it needs it. */
export const FILES_FOLDER = '/.switchyard';

/** Where the nginx that serves internal ports at 127.0.0.1 has its configuration. */
export const LOOPBACK_CONFIGURATION = '/etc/switchyard/loopback.conf';

/** filesVolumeName returns the name of a volume for the files of one container; `mark` tells it from all others. */
export function filesVolumeName(container: string, mark: string): string {
  return `${container}_files_${mark}`;
}

/** volumeName returns the name of a service volume on the server: `{project}_{env}_{volume}`. */
export function volumeName(scope: Scope, volume: string): string {
  return `${scopeName(scope)}_${volume}`;
}

/** variableName turns a service name into the middle of an environment variable: `my-db` → `MY_DB`. */
export function variableName(service: string): string {
  return service.toUpperCase().replaceAll('-', '_');
}

/** The one edge of a server, shared by all projects on it. */
export const EDGE_NAME = 'switchyard_edge';
/** Created and never started: whoever created it may change the edge (docs/architecture.md, "One writer"). */
export const EDGE_LOCK_NAME = 'switchyard_edge_lock';
/** Stands in for the edge while a front that runs already, or an older edge, still holds its ports. */
export const EDGE_BRIDGE_NAME = 'switchyard_edge_bridge';
/** Runs for a moment before an edge is upgraded, to see that its successor will come up. */
export const EDGE_TRIAL_NAME = 'switchyard_edge_trial';
/** While it runs, new connections to the server's ports go to the bridge. */
export const EDGE_DIVERT_NAME = 'switchyard_edge_divert';
export const EDGE_VOLUME = 'switchyard_edge';
/** What nobody shall read who looks at the edge's configuration: keys of certificates and of accounts. */
export const EDGE_KEYS_VOLUME = 'switchyard_edge_keys';
/**
 * The edge's home network sorts before every project's network: Docker moves the published ports of a
 * container when it joins a network whose name sorts before its present one, and requests are lost.
 */
export const EDGE_NETWORK = '0switchyard';
/** The sidecar's name on the environment's network: what apps connect to. */
export const SIDECAR_ALIAS = 'nginx';
