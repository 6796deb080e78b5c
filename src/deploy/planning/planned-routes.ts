import { covers } from '../../model/addresses.ts';
import { GRPC_HEALTH_PATH } from '../../model/grpc.ts';
import { scopeName } from '../../model/names.ts';
import { numbersOf, type ServicePorts } from '../../model/ports.ts';
import { claimsOf, edgePort, portsOf, publishedOf, type ServerSpec } from '../../model/spec.ts';
import { isServed, type ScopeWish, scopeWish } from '../../nginx/compose.ts';
import { publishedPorts } from '../../nginx/published.ts';
import {
  distinctRedirects,
  type NginxKind,
  type Route,
  type RoutedCopy,
  type RoutePort,
  withDomainsOf,
  withNumbers,
} from '../../nginx/routes.ts';
import type { PlanInput } from './input.ts';
import { observedOn } from './observed-copies.ts';
import { asRouted, copiesByRole, liveRoutes, servingCopies } from './routed-copies.ts';
import type { ServicePlan } from './service-plan.ts';
import type { ReleaseSpec, WantedService } from './wanted.ts';

/** servesAlready tells whether edge and sidecar of a server serve exactly these routes. */
export function servesAlready(input: PlanInput, server: string, routes: readonly Route[]): boolean {
  return serves(input, server, 'sidecar', routes) && serves(input, server, 'edge', routes);
}

/** serves tells whether one of a server's two nginx serves exactly these routes. */
export function serves(input: PlanInput, server: string, kind: NginxKind, routes: readonly Route[]): boolean {
  const spec = input.servers.find(({ name }) => name === server)!;
  const nginx = observedOn(input, server)[kind];
  const wish = wishOf(kind, input, spec, routes);
  if (nginx === undefined) return wish.files.size === 0;
  const generation = nginx.tree.folders[nginx.tree.live].manifest?.scopes[scopeName(input.scope)]?.generation;
  return isServed(kind, nginx.tree, wish) && (!nginx.isRunning || nginx.generation === generation);
}

/** wishOf returns what one nginx shall serve of an environment. */
export function wishOf(
  kind: NginxKind,
  input: Pick<PlanInput, 'scope' | 'repository' | 'servers' | 'nginx'>,
  on: ServerSpec,
  routes: readonly Route[],
): ScopeWish {
  const { scope, repository, nginx: settings, servers } = input;
  return scopeWish(kind, { scope, repository, settings, routes, on, servers });
}

/**
 * routesAfter returns the routes when the services of `done` have moved: theirs as wanted, those of the others
 * as they are now. A service that the record does not know keeps the route that is live: routing never depends on
 * the record. Pure.
 */
export function routesAfter(
  input: PlanInput,
  plans: ReadonlyMap<string, ServicePlan>,
  done: ReadonlySet<string>,
  stillThere: readonly string[],
): Route[] {
  const live = liveRoutes(input);
  const liveRoute = (name: string): Route[] => [live.get(name)].filter((route) => route !== undefined);
  const routes = input.services.flatMap((service): Route[] => {
    const plan = done.has(service.name) ? plans.get(service.name) : undefined;
    if (plan?.isPostponed) return liveRoute(service.name).map((route) => withNewDomains(route, service));
    if (plan !== undefined) return [routeOf(service, service.spec, plan.copies.map(asRouted))];
    const copies = servingCopies(input, service.name).map(asRouted);
    const isRecorded = !service.isSelected && !isRecordBehind(input, service);
    const spec = isRecorded ? service.spec : service.known.current;
    if (spec === undefined || (!isRecorded && live.has(service.name))) return liveRoute(service.name);
    return copies.length === 0 ? liveRoute(service.name) : [routeOf(service, spec, copies)];
  });
  const named = new Set([...input.services.map(({ name }) => name), ...input.removes]);
  const unnamed = [...live.keys()].filter((name) => !named.has(name));
  return withDomainsInTurn(input, done, [...routes, ...[...stillThere, ...unnamed].flatMap(liveRoute)]);
}

/**
 * An address, or a port of the servers, that goes from one service to another does so when that one has moved: until then it
 * stays where it is served. What a service keeps of an address, a path below it, is its own at that same moment, also where
 * itself moves later.
 */
function withDomainsInTurn(input: PlanInput, done: ReadonlySet<string>, routes: readonly Route[]): Route[] {
  const live = liveRoutes(input);
  const takers = new Map<string, string>(
    input.services.flatMap(({ name, spec }) =>
      [...claimsOf(spec.route), ...publishedOf(spec)].map((claim) => [claim, name] as const),
    ),
  );
  const isTaken = (service: string, claim: string) => (takers.get(claim) ?? service) !== service;
  const isDue = (claim: string) => done.has(takers.get(claim) ?? '');
  const moved = routes.map((route) => {
    const { service } = route;
    const known = live.get(service);
    const isAwaited = (claim: string) => isTaken(service, claim) && !isDue(claim);
    const isOwn = (claim: string) => !isTaken(service, claim) || !isDue(claim);
    const wanted = input.services.find(({ name }) => name === service)?.spec;
    const ports = route.ports.map((port) => {
      const before = known?.ports.find(({ name }) => name === port.name);
      const served = before?.domains ?? [];
      const lost = served.filter((address) => !isOwn(address));
      const kept = wanted === undefined ? [] : domainsOfPort(wanted, port.name);
      const below = kept.filter((address) => lost.some((one) => covers(one, address)));
      const claim = (number: number) => edgePort(number, port.protocol);
      const isAlike = (before?.protocol === 'udp') === (port.protocol === 'udp');
      const awaited = (isAlike ? (before?.published?.numbers ?? []) : []).filter((one) =>
        isAwaited(claim(one)),
      );
      const own = (port.published?.numbers ?? []).filter((one) => isOwn(claim(one)));
      return {
        ...withNumbers(port, [...own, ...awaited]),
        domains: [...new Set([...port.domains.filter(isOwn), ...served.filter(isAwaited), ...below])],
      };
    });
    const awaited = (known?.redirects ?? []).filter(({ from }) => isAwaited(from));
    const redirects = distinctRedirects([
      ...(route.redirects ?? []).filter(({ from }) => isOwn(from)),
      ...awaited,
    ]);
    const { redirects: _, ...rest } = route;
    return { ...rest, ports, ...(redirects.length > 0 && { redirects }) };
  });
  return withPortsOnce(moved, takers);
}

/** nginx listens to a port once: where servers have it for different services, for a moment, it is for whom it shall be. */
function withPortsOnce(routes: readonly Route[], takers: ReadonlyMap<string, string>): Route[] {
  const owners = new Map<string, string>();
  for (const { service, ports } of routes) {
    for (const port of ports.flatMap(publishedPorts))
      if (!owners.has(port) || takers.get(port) === service) owners.set(port, service);
  }
  return routes.map((route) => ({
    ...route,
    ports: route.ports.map((port) => {
      const isOurs = (number: number) => owners.get(edgePort(number, port.protocol)) === route.service;
      return withNumbers(port, (port.published?.numbers ?? []).filter(isOurs));
    }),
  }));
}

/** A service that cannot change yet gets its new domains at once: a front that serves them leaves before it changes. */
function withNewDomains(route: Route, { ports, spec }: WantedService): Route {
  const { redirects } = spec.route;
  return withDomainsOf(route, [{ ports: routePorts(ports, spec), ...(redirects && { redirects }) }]);
}

/** A run was cut off between its switch and the record. */
function isRecordBehind(input: PlanInput, { name, release }: WantedService): boolean {
  return input.reached.some((server) =>
    copiesByRole(input, name, server).active.some((copy) => copy.release > release.number),
  );
}

/** routeOf returns what edge and sidecar serve of a service: by its spec, to these copies. Pure. */
export function routeOf(
  service: Pick<WantedService, 'name' | 'ports'>,
  spec: RoutedSpec,
  copies: RoutedCopy[],
): Route {
  const { domains, extraDomains, stripPrefix, extraStripPrefix, published, extraPublished, ...limits } =
    spec.route;
  return { service: service.name, ports: routePorts(service.ports, spec), ...limits, copies };
}

/** What of a release says how it is served. */
type RoutedSpec = Pick<ReleaseSpec, 'protocol' | 'port' | 'extraPorts' | 'route' | 'policy'>;

function routePorts(numbers: ServicePorts | undefined, spec: RoutedSpec): RoutePort[] {
  if (numbers === undefined) return [];
  const { healthcheck } = spec.policy;
  return portsOf(spec).map(({ name, port, protocol }) => {
    const { host, internal } = numbersOf(numbers, name);
    return {
      ...(name !== undefined && { name }),
      protocol,
      containerPort: port,
      internalPort: internal,
      hostPort: host,
      domains: domainsOfPort(spec, name),
      ...(isStripped(spec, name) && { stripPrefix: true as const }),
      ...publishedOn(spec.route, name),
      // What the health check asks is asked on the main port.
      provePath:
        protocol === 'grpc' ? GRPC_HEALTH_PATH : name === undefined ? provePath(healthcheck.path) : '/',
      ...(name === undefined && healthcheck.headers && { proveHeaders: healthcheck.headers }),
    };
  });
}

function domainsOfPort({ route }: Pick<RoutedSpec, 'route'>, name: string | undefined): string[] {
  return (name === undefined ? route.domains : route.extraDomains?.[name]) ?? [];
}

function isStripped({ route }: Pick<RoutedSpec, 'route'>, name: string | undefined): boolean {
  return (name === undefined ? route.stripPrefix : route.extraStripPrefix?.includes(name)) ?? false;
}

function publishedOn({ published, extraPublished }: ReleaseSpec['route'], name: string | undefined) {
  const found = name === undefined ? published : extraPublished?.[name];
  return found && { published: found };
}

/** A path that nginx would read as something else is not used; any answer of the app is a proof. */
function provePath(path: string | undefined): string {
  return path !== undefined && /^\/[\w\-./~%?=&]*$/.test(path) ? path : '/';
}
