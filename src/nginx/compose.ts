import { UserError } from '../model/errors.ts';
import { type Scope, scopeName } from '../model/names.ts';
import { isOverHttp, type NginxSpec, specHash } from '../model/spec.ts';
import { agreedProxyProtocol, agreedSettings, newestImage, type SharedSettings } from './agreed.ts';
import { renderControl } from './control.ts';
import { VARIABLES_FOLDER } from './edge-options.ts';
import { HOST_FOLDER } from './hosts.ts';
import { type MainConfig, renderMain, renderPointer } from './main-file.ts';
import { countingFiles } from './metrics.ts';
import { publishedOfRoute } from './published.ts';
import { portFile, renderScope, routeFiles, type ScopeFiles } from './render.ts';
import {
  domainsOfRoute,
  type NginxKind,
  portKey,
  type Route,
  type RoutedCopy,
  type RouteServer,
  routesFrom,
  servedPorts,
} from './routes.ts';
import { directFlag, flagsOf, type RouteFlag } from './sides.ts';
import { SNIPPET_FOLDER } from './snippets.ts';
import { serviceOfStanding } from './standing-flags.ts';
import { clientCaFiles, tlsDomains } from './tls.ts';
import {
  type CopyFacts,
  contentHash,
  editedFiles,
  type Folder,
  type FolderTree,
  flagsRead,
  identityOf,
  type Manifest,
  otherFolder,
  routesOf,
  type Tree,
} from './tree.ts';
import { waysOf } from './ways.ts';

/** A configuration that is ready to be staged. */
export interface Composition {
  folder: Folder;
  /** The environment that changes, and the generation by which a proof knows it. */
  scope: string;
  generation: string;
  /** By which a running nginx is known to serve it. */
  identity: string;
  /** Files to write, by path below the volume. */
  files: Map<string, string>;
  /** The environments whose routes it serves. */
  scopes: string[];
}

/** What one environment wants an nginx to serve. */
export interface ScopeWish {
  scope: Scope;
  /** The repository that the environment belongs to. */
  repository: string;
  files: ScopeFiles;
  /** The routes behind `files`. */
  routes: readonly Route[];
  /** The flags that `files` ask for, by service. */
  flags: ReadonlyMap<string, RouteFlag>;
  settings: NginxSpec;
}

/** scopeWish returns what an nginx of one server shall serve of an environment with these routes. Pure. */
export function scopeWish(
  kind: NginxKind,
  {
    scope,
    routes,
    on,
    servers,
    ...rest
  }: Pick<ScopeWish, 'scope' | 'repository' | 'settings' | 'routes'> & {
    on: RouteServer;
    servers: readonly RouteServer[];
  },
): ScopeWish {
  return {
    ...rest,
    scope,
    files: renderScope(kind, scope, routes, on, servers, rest.settings.tls, rest.settings),
    routes: routesFrom(routes, on, servers).map((route) =>
      sendsToCopies(kind, route) ? route : { ...route, copies: [] },
    ),
    flags: flagsOf(kind, scope, routes, on, servers),
  };
}

/** What the edge passes on by tcp or udp goes to the sidecar: which copies get it is no affair of the edge. */
function sendsToCopies(kind: NginxKind, route: Route): boolean {
  return kind === 'sidecar' || servedPorts(kind, route).some(({ protocol }) => isOverHttp(protocol));
}

/** isServed tells whether the live folder serves exactly what is wished, with nothing changed by hand. */
export function isServed(kind: NginxKind, tree: Tree, wish: ScopeWish): boolean {
  return isWritten(kind, tree, wish) && flagChanges(tree, wish).length === 0;
}

/** A flag that has to be put, or to be taken away. */
export interface FlagChange {
  service: string;
  name: string;
  isSet: boolean;
  /** What is written in it, where that means something. */
  text?: string;
}

/** flagChanges returns which flags are not as a wish has them. */
export function flagChanges({ flags }: Tree, wish: ScopeWish): FlagChange[] {
  const wanted = [...wish.flags].flatMap(([service, { name, isSet }]) => [
    { service, name, isSet },
    // One that is there still was left by a run that was cut off.
    { service, name: directFlag(name), isSet: false },
  ]);
  return wanted.filter(({ name, isSet }) => flags.has(name) !== isSet);
}

/** unusedFlags returns the flags of an environment at which neither folder looks, nor what is wished: they are removed. */
export function unusedFlags(tree: Tree, wish: ScopeWish): FlagChange[] {
  const scope = scopeName(wish.scope);
  const wanted = [...wish.flags.values()].flatMap(({ name }) => [name, directFlag(name)]);
  const read = (['a', 'b'] as const).flatMap((folder) => [...flagsRead(tree, folder, scope)]);
  const used = new Set([...wanted, ...read]);
  const services = new Set(wish.routes.map(({ service }) => service));
  const isStanding = (name: string) => services.has(serviceOfStanding(name) ?? '');
  return [...tree.flags]
    .filter((name) => name.startsWith(`${scope}.`) && !used.has(name) && !isStanding(name))
    .map((name) => ({ service: name.split('.')[1] ?? '', name, isSet: false }));
}

/** isWritten tells whether the live folder serves what is wished, but for where flags send the traffic. */
export function isWritten(kind: NginxKind, tree: Tree, wish: ScopeWish): boolean {
  const folder = tree.folders[tree.live];
  const served = folder.manifest?.scopes[scopeName(wish.scope)];
  if (served === undefined) return wish.files.size === 0;
  const isSame =
    // A file that an earlier generation left in the folder is not read.
    [...wish.files].every(([path, content]) => path in served.files && folder.files.get(path) === content) &&
    Object.keys(served.files).every((path) => wish.files.has(path) || path === controlFile(wish.scope)) &&
    editedFiles(folder, scopeName(wish.scope)).length === 0;
  const isOurs = served.repository === wish.repository;
  const hasNeeds = specHash(served.edge ?? null) === specHash(edgeNeeds(kind, wish).edge ?? null);
  return (
    isSame && isOurs && hasNeeds && settingsAgree(kind, folder.manifest!, wish) && isIntact(kind, folder)
  );
}

/** The files that are made from the manifest must be what the manifest makes. */
function isIntact(kind: NginxKind, folder: FolderTree): boolean {
  const made = folder.files.get('main.conf') ?? '';
  return made.includes('# Written by Switchyard') && folder.files.get('main.hash') === specHash([kind, made]);
}

function settingsAgree(kind: NginxKind, manifest: Manifest, wish: ScopeWish): boolean {
  const { settings } = manifest;
  return specHash(settingsFor(kind, manifest, wish, settings.chosen_by)) === specHash(settings);
}

/** Whether connections begin with the PROXY protocol when an environment has what it wishes. */
function isSpokenTo(manifest: Manifest | undefined, { scope, settings, files }: ScopeWish): boolean {
  const { proxyProtocol } = settings;
  return agreedProxyProtocol(scope, { proxyProtocol, isLeaving: files.size === 0 }, manifest);
}

/** What an environment needs of an edge stands there for the others: whoever makes it anew gives it what all need. */
function edgeNeeds(kind: NginxKind, { settings }: ScopeWish): Pick<Manifest['scopes'][string], 'edge'> {
  if (kind !== 'edge') return {};
  return {
    edge: {
      image: settings.image,
      ports: [...(settings.ports ?? [])].sort(),
      keepalive_min_timeout_ms: settings.keepaliveMinTimeoutMs,
      ...(settings.accessLog === false && { access_log: false as const }),
      ...(settings.proxyProtocol && { proxy_protocol: true as const }),
    },
  };
}

/**
 * compose returns the next configuration of an nginx: what `tree` serves for other environments, unchanged,
 * and what `wish` asks for this one; with no files, the environment leaves. It goes to the folder that is not
 * live. It throws a UserError when another environment has one of the domains, or other settings.
 */
export function compose(kind: NginxKind, tree: Tree, wish: ScopeWish): Composition {
  const name = scopeName(wish.scope);
  const manifest = manifestOf(kind, tree, name);
  const others = { ...manifest?.scopes };
  const previous = others[name];
  delete others[name];
  refuseTakenDomains(others, wish);
  if (kind === 'edge') refuseTakenPorts(others, wish);
  const settings = agreeOnSettings(kind, manifest, others, wish);

  const folder = otherFolder(tree.live);
  const isLeaving = wish.files.size === 0 && kind === 'edge';
  const generation = nextGeneration(previous?.generation, wish.files);
  const scopes: Manifest['scopes'] = { ...others };
  const files = new Map(wish.files);
  if (!isLeaving) {
    files.set(controlFile(wish.scope), renderControl(controlOf(kind, name, generation, wish)));
    const { repository } = wish;
    const tls = kind === 'edge' ? tlsDomains(wish.routes.flatMap(domainsOfRoute), wish.settings.tls) : [];
    scopes[name] = {
      generation,
      repository,
      ...edgeNeeds(kind, wish),
      routes: routeFacts(wish),
      files: hashes(files),
      ...(tls.length > 0 && { tls }),
      ...(tls.length > 0 && wish.settings.tls?.http3 && { http3: true as const }),
    };
  }
  for (const [other, { files: written }] of Object.entries(others)) copyScope(tree, other, written, files);
  const main = renderMain(mainOf(kind, folder, { settings, scopes }, generation, files));
  for (const [path, content] of mainFiles(kind, main)) files.set(path, content);
  files.set('manifest.json', `${JSON.stringify({ settings, scopes }, null, 2)}\n`);
  return {
    folder,
    scope: name,
    generation,
    identity: identityOf(scopes),
    files: new Map([
      ...(kind === 'edge' ? clientCaFiles(name, wish.routes.flatMap(domainsOfRoute), wish.settings.tls) : []),
      ...[...files].map(([path, content]) => [`${folder}/${path}`, content] as const),
    ]),
    scopes: Object.keys(scopes),
  };
}

/**
 * mendedFiles returns what makes the live folder of an nginx start again that stumbles over what somebody wrote
 * there: each file as its manifest knows it, from the older folder where need be. A file that was changed in
 * both is left empty, and so is what proves its environment's routes: its next run misses them and writes them.
 * Undefined when there is no manifest.
 */
export function mendedFiles(kind: NginxKind, tree: Tree): Map<string, string> | undefined {
  const folder = tree.live;
  const { manifest } = tree.folders[folder];
  if (manifest === undefined) return undefined;
  const files = new Map<string, string>();
  let generation = '0';
  for (const [name, scope] of Object.entries(manifest.scopes)) {
    generation = scope.generation;
    const found = Object.entries(scope.files).map(
      ([path, written]) => [path, intactFile(tree, path, written)] as const,
    );
    const isWhole = found.every(([, content]) => content !== undefined);
    for (const [path, content] of found) files.set(path, content ?? '');
    // What proves a route names its upstream, and nginx would not start without that.
    if (!isWhole) files.set(`control/${name}.conf`, '');
  }
  const main = renderMain(mainOf(kind, folder, manifest, generation, files));
  for (const [path, content] of mainFiles(kind, main)) files.set(path, content);
  return new Map([
    ...[...files].map(([path, content]) => [`${folder}/${path}`, content] as const),
    ['nginx.conf', renderPointer(folder)],
  ]);
}

/** intactFile returns a file of the live or the older folder that is as it was written. */
function intactFile(tree: Tree, path: string, written: string | undefined): string | undefined {
  return [tree.folders[tree.live], tree.folders[otherFolder(tree.live)]]
    .map((folder) => folder.files.get(path))
    .find((found) => found !== undefined && (written === undefined || contentHash(found) === written));
}

/** firstFiles returns the files a new, empty nginx starts with. */
export function firstFiles(kind: NginxKind, chosenBy: Scope, settings: NginxSpec): Map<string, string> {
  const agreed = agreedSettings(chosenBy, settings, undefined);
  const facts = settingsFacts(kind, agreed, scopeName(chosenBy), settings.proxyProtocol === true);
  const main = renderMain(mainOf(kind, 'a', { settings: facts, scopes: {} }, '0', new Map()));
  return new Map([
    ...mainFiles(kind, main).map(([path, content]) => [`a/${path}`, content] as const),
    ['a/manifest.json', `${JSON.stringify({ settings: facts, scopes: {} }, null, 2)}\n`],
    ['nginx.conf', renderPointer('a')],
  ]);
}

/** The main file of a folder, its hash, and what reads what it writes. */
function mainFiles(kind: NginxKind, main: string): [path: string, content: string][] {
  return [['main.conf', main], ['main.hash', specHash([kind, main])], ...countingFiles(kind)];
}

/**
 * manifestOf returns what the live folder of an nginx says of itself. An edge whose manifest was damaged must not
 * forget who else is served: the older folder tells of those that have changed nothing since.
 */
function manifestOf(kind: NginxKind, tree: Tree, own: string): Manifest | undefined {
  const current = tree.folders[tree.live];
  if (current.manifest !== undefined || kind === 'sidecar') return current.manifest;
  const older = tree.folders[otherFolder(tree.live)].manifest;
  const others = [...current.files.keys()].flatMap((path) => /^control\/(.+)\.conf$/.exec(path)?.[1] ?? []);
  const known = { ...current, manifest: older };
  const lost = others.find(
    (scope) => scope !== own && (older?.scopes[scope] === undefined || editedFiles(known, scope).length > 0),
  );
  if (lost !== undefined) {
    const who = lost.replace('_', ' ');
    throw new UserError(
      `manifest.json of the edge was changed by hand on this server, and it serves ${who} too`,
      { hint: `Run update-nginx for ${who} first: it says again what it has there.` },
    );
  }
  if (older === undefined) return undefined;
  const scopes = Object.entries(older.scopes).filter(([scope]) => others.includes(scope));
  return { ...older, scopes: Object.fromEntries(scopes) };
}

function controlFile(scope: Scope): string {
  return `control/${scopeName(scope)}.conf`;
}

function refuseTakenDomains(others: Manifest['scopes'], wish: ScopeWish): void {
  for (const [other, { routes }] of Object.entries(others)) {
    for (const { domains } of Object.values(routes)) {
      const taken = wish.routes.flatMap(domainsOfRoute).find((domain) => domains.includes(domain));
      if (taken !== undefined) {
        throw new UserError(
          `the domain ${taken} is already served on this server for ${other.replace('_', ' ')}`,
          {
            hint: 'Remove it there first, or use another domain here.',
          },
        );
      }
    }
  }
}

function refuseTakenPorts(others: Manifest['scopes'], wish: ScopeWish): void {
  const wished = new Set(wish.routes.flatMap(publishedOfRoute));
  for (const [other, scope] of Object.entries(others)) {
    const taken = routesOf(scope)
      .flatMap(publishedOfRoute)
      .find((port) => wished.has(port));
    if (taken === undefined) continue;
    throw new UserError(`port ${taken} is already published on this server for ${other.replace('_', ' ')}`, {
      hint: 'Remove it there first, or publish another port of the servers here.',
    });
  }
}

/** What holds in an nginx when an environment has what it wishes, beside all others there. */
function settingsFor(
  kind: NginxKind,
  manifest: Manifest | undefined,
  wish: ScopeWish,
  chosenBy: string,
): Manifest['settings'] {
  const { scope, settings, files } = wish;
  const own = { ...settings, isLeaving: files.size === 0 };
  const agreed = agreedSettings(scope, own, kind === 'edge' ? manifest : undefined);
  return settingsFacts(kind, agreed, chosenBy, isSpokenTo(manifest, wish));
}

function settingsFacts(
  kind: NginxKind,
  { keepaliveMinTimeoutMs, isLogged }: SharedSettings,
  chosenBy: string,
  isSpokenTo: boolean,
): Manifest['settings'] {
  const ofEdge = { access_log: isLogged, ...(isSpokenTo && { proxy_protocol: true as const }) };
  return {
    keepalive_min_timeout_ms: keepaliveMinTimeoutMs,
    ...(kind === 'edge' && ofEdge),
    chosen_by: chosenBy,
  };
}

function agreeOnSettings(
  kind: NginxKind,
  manifest: Manifest | undefined,
  others: Manifest['scopes'],
  wish: ScopeWish,
): Manifest['settings'] {
  const isShared = kind === 'edge' && Object.keys(others).length > 0;
  if (manifest === undefined || !isShared) return settingsFor(kind, manifest, wish, scopeName(wish.scope));
  const chosenBy = manifest.settings.chosen_by;
  const images = Object.values(others).flatMap(({ edge }) => edge?.image ?? []);
  if (newestImage([wish.settings.image, ...images]) === undefined) {
    const there = [...new Set(images)].join(' and ');
    throw new UserError(
      `the edge on this server is shared with ${Object.keys(others).join(', ').replaceAll('_', ' ')} and was set up by ${chosenBy.replace('_', ' ')} with another image: ${there} there, ${wish.settings.image} here`,
      {
        hint: 'One edge serves all environments of a server: give "sidecar.image" the same value for each of them.',
      },
    );
  }
  return settingsFor(kind, manifest, wish, chosenBy);
}

/** The number says which is newer, the hash tells two runs that begin from the same state apart. */
function nextGeneration(previous: string | undefined, files: ScopeFiles): string {
  const number = Number.parseInt(previous ?? '0', 10) + 1;
  return `${number}.${specHash([...files]).slice(0, 8)}`;
}

/** Of the routes that are served here: an edge has those with a domain, and each zone its own. */
function routeFacts(wish: ScopeWish): Manifest['scopes'][string]['routes'] {
  const served = wish.routes.filter((route) =>
    routeFiles(wish.scope, route).some((file) => wish.files.has(file)),
  );
  return Object.fromEntries(
    served.map((route) => [
      route.service,
      {
        domains: domainsOfRoute(route),
        ...copiesFacts(route, wish.flags.get(route.service)),
        backing: {
          ports: route.ports.map((port) => ({
            ...(port.name !== undefined && { name: port.name }),
            protocol: port.protocol,
            container_port: port.containerPort,
            internal_port: port.internalPort,
            host_port: port.hostPort,
            domains: port.domains,
            ...(port.stripPrefix && { strip_prefix: true as const }),
            ...(port.published && { published: port.published }),
            prove_path: port.provePath,
          })),
          idle_timeout_ms: route.idleTimeoutMs,
          ...(route.maxBodyBytes !== undefined && { max_body_bytes: route.maxBodyBytes }),
          ...(route.requestBuffering !== undefined && { request_buffering: route.requestBuffering }),
          ...(route.redirects && {
            redirects: route.redirects.map(({ dropsPath, ...redirect }) => ({
              ...redirect,
              ...(dropsPath && { drops_path: dropsPath }),
            })),
          }),
          ...(route.edge !== undefined && { edge: route.edge }),
          ...(route.maintenance && { maintenance: route.maintenance }),
          ...(route.queueRequestsMs !== undefined && { queue_requests_ms: route.queueRequestsMs }),
        },
      },
    ]),
  );
}

function copiesFacts({ copies }: Route, flag: RouteFlag | undefined) {
  if (flag === undefined) return { copies: copies.map(copyFacts) };
  const { name, plain, flagged } = flag;
  return { copies: plain.map(copyFacts), flagged: { flag: name, copies: flagged.map(copyFacts) } };
}

function copyFacts({ server, slot, weight, port, at }: RoutedCopy): CopyFacts {
  return {
    server,
    slot,
    weight,
    ...(port !== undefined && { port }),
    ...(at?.privateIp !== undefined && { at: { zone: at.zone, private_ip: at.privateIp } }),
  };
}

function hashes(files: ScopeFiles): Record<string, string> {
  return Object.fromEntries([...files].map(([path, content]) => [path, contentHash(content)]));
}

/** Another environment's files are taken over as they were written, from the older folder where somebody changed them. */
function copyScope(
  tree: Tree,
  scope: string,
  written: Readonly<Record<string, string>>,
  files: Map<string, string>,
): void {
  for (const path of new Set([...Object.keys(written), `control/${scope}.conf`])) {
    const content = intactFile(tree, path, written[path]);
    if (content === undefined) {
      throw new UserError(`${path} of ${scope.replace('_', ' ')} was changed by hand on this server`, {
        hint: `Run update-nginx for ${scope.replace('_', ' ')}: it writes its routes again.`,
      });
    }
    files.set(path, content);
  }
}

function controlOf(kind: NginxKind, name: string, generation: string, wish: ScopeWish) {
  const provable = wish.routes.flatMap((route) =>
    servedPorts(kind, route)
      .filter(
        (port) => isOverHttp(port.protocol) && wish.files.has(portFile(wish.scope, route.service, port)),
      )
      .map((port) => ({
        key: portKey(route.service, port),
        ...(port.protocol === 'grpc' && { isGrpc: true as const }),
        ways: waysOf(wish.scope, route, port, wish.flags.get(route.service)),
      })),
  );
  return { scope: name, generation, provable };
}

function mainOf(
  kind: NginxKind,
  folder: Folder,
  { settings, scopes }: Manifest,
  generation: string,
  files: ReadonlyMap<string, string>,
): MainConfig {
  const paths = [...files.keys()].sort();
  const below = (section: string) => paths.filter((path) => path.startsWith(`${section}/`));
  return {
    kind,
    folder,
    settings: {
      keepaliveMinTimeoutMs: settings.keepalive_min_timeout_ms,
      ...(settings.access_log === false && { accessLog: false }),
      proxyProtocol: settings.proxy_protocol,
    },
    generation,
    identity: identityOf(scopes),
    httpFiles: [
      ...below(VARIABLES_FOLDER),
      ...below(SNIPPET_FOLDER),
      ...below('http'),
      ...below(HOST_FOLDER),
    ],
    streamFiles: below('stream'),
    controlFiles: below('control'),
    tlsDomains: Object.values(scopes).flatMap(({ tls = [] }) => tls),
    http3Domains: Object.values(scopes).flatMap(({ tls = [], http3 }) => (http3 ? tls : [])),
  };
}
