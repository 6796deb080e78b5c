import { repositoryOf } from '../model/image-name.ts';
import { type Scope, scopeName } from '../model/names.ts';
import type { EdgePort, NginxSpec } from '../model/spec.ts';
import type { Manifest, ManifestScope } from './tree.ts';

/** What an nginx is made of: its image, and the ports of the server that lead into it. */
export interface NginxMake {
  image: string;
  ports: EdgePort[];
}

/** What an environment says of an edge, as it stands there for the others. */
type EdgeNeeds = NonNullable<ManifestScope['edge']>;

/** Every edge has it. */
const HTTP: EdgePort = '80/tcp';

/**
 * agreedMake returns what the edge of a server is made of when all environments on it get what they need: the newest image
 * that one of them names, and the ports of all. Where images cannot be compared it is that of the environment that asks:
 * it is refused before anything changes. Pure.
 */
export function agreedMake(
  scope: Scope,
  nginx: Pick<NginxSpec, 'image' | 'ports'>,
  manifest: Manifest | undefined,
): NginxMake {
  const others = needsOfOthers(scope, manifest).map(([, needs]) => needs);
  const images = [nginx.image, ...others.map(({ image }) => image)];
  return { image: newestImage(images) ?? nginx.image, ports: portsOfEdge([nginx, ...others]) };
}

/**
 * agreedProxyProtocol tells whether connections to an edge begin with the PROXY protocol: when all say so who share it, and
 * not when none does. While they differ it is as it was, since a port speaks one way, for all. Pure.
 */
export function agreedProxyProtocol(
  scope: Scope,
  { proxyProtocol = false, isLeaving = false }: { proxyProtocol?: boolean | undefined; isLeaving?: boolean },
  manifest: Manifest | undefined,
): boolean {
  const own = isLeaving ? [] : [proxyProtocol];
  const all = [...own, ...othersOn(scope, manifest).map(([, said]) => said)];
  const isOn = manifest?.settings.proxy_protocol === true;
  return all.some(Boolean) && (isOn || all.every(Boolean));
}

/** What holds for all who share an nginx. */
export type SharedSettings = Required<Pick<NginxSpec, 'keepaliveMinTimeoutMs'>> & {
  /** Whether anybody has its accesses logged: those of others are left out in their own servers. */
  isLogged: boolean;
};

/**
 * agreedSettings returns what holds for all who share an edge: the longest time that one of them has idle connections live on at
 * a reload, and whether the accesses of anybody are logged. Pure.
 */
export function agreedSettings(
  scope: Scope,
  own: Pick<NginxSpec, 'keepaliveMinTimeoutMs' | 'accessLog'> & { isLeaving?: boolean },
  manifest: Manifest | undefined,
): SharedSettings {
  const others = needsOfOthers(scope, manifest).map(([, needs]) => ({
    keepaliveMs: needs.keepalive_min_timeout_ms ?? 0,
    isLogged: needs.access_log !== false,
  }));
  const ownSaid = { keepaliveMs: own.keepaliveMinTimeoutMs, isLogged: own.accessLog !== false };
  const all = own.isLeaving && others.length > 0 ? others : [ownSaid, ...others];
  return {
    keepaliveMinTimeoutMs: Math.max(...all.map(({ keepaliveMs }) => keepaliveMs)),
    isLogged: all.some(({ isLogged }) => isLogged),
  };
}

/** opposedToProxyProtocol names the environments of an edge that say something else of the PROXY protocol than one does. Pure. */
export function opposedToProxyProtocol(
  scope: Scope,
  { proxyProtocol = false }: { proxyProtocol?: boolean | undefined },
  manifest: Manifest | undefined,
): string[] {
  return othersOn(scope, manifest).flatMap(([name, said]) => (said === proxyProtocol ? [] : [name]));
}

/** What the other environments of an edge say of the PROXY protocol. */
function othersOn(scope: Scope, manifest: Manifest | undefined): [name: string, said: boolean][] {
  return needsOfOthers(scope, manifest).map(([name, needs]) => [name, needs.proxy_protocol === true]);
}

/** What the other environments of an edge need of it. */
function needsOfOthers(scope: Scope, manifest: Manifest | undefined): [name: string, needs: EdgeNeeds][] {
  return Object.entries(manifest?.scopes ?? {}).flatMap(([name, { edge }]) =>
    name === scopeName(scope) || edge === undefined ? [] : [[name, edge]],
  );
}

/** portsOfEdge returns the ports that an edge has for all who share it, in a fixed order: 80 is always among them. Pure. */
export function portsOfEdge(all: readonly { ports?: readonly string[] | undefined }[]): EdgePort[] {
  const ports = new Set([HTTP, ...all.flatMap(({ ports: own = [] }) => own as EdgePort[])]);
  return [...ports].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1));
}

/**
 * newestImage returns the image with the newest nginx by their tags, `nginx:1.30-alpine` before `nginx:1.28`; undefined where
 * they differ in another way than by version, so that none is the better one. Pure.
 */
export function newestImage(images: readonly string[]): string | undefined {
  const all = [...new Set(images)];
  if (all.length === 1) return all[0];
  const versions = all.map(versionOf);
  const isComparable =
    new Set(all.map(repositoryOf)).size === 1 && versions.every((version) => version !== undefined);
  if (!isComparable) return undefined;
  const [newest, next] = all
    .map((image, index) => ({ image, version: versions[index]! }))
    .sort((a, b) => compare(b.version, a.version));
  return compare(newest!.version, next!.version) === 0 ? undefined : newest!.image;
}

/** The numbers that a tag begins with; undefined where it does not, or where a digest says which image it is. */
function versionOf(image: string): number[] | undefined {
  const found = /:(\d+(?:\.\d+)+)(?:-[\w.-]+)?$/.exec(image)?.[1];
  return found?.split('.').map(Number);
}

function compare(a: readonly number[], b: readonly number[]): number {
  const parts = Array.from({ length: Math.max(a.length, b.length) }, (_, index) => index);
  const differs = parts.find((index) => (a[index] ?? 0) !== (b[index] ?? 0));
  return differs === undefined ? 0 : (a[differs] ?? 0) - (b[differs] ?? 0);
}
