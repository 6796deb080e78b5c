import { scopeName } from '../../model/names.ts';
import { numbersOf, type ServicePorts } from '../../model/ports.ts';
import { domainsOf, portsOf, type ServerSpec } from '../../model/spec.ts';
import { isServed, type ScopeWish, scopeWish } from '../../nginx/compose.ts';
import {
  type NginxKind,
  type Route,
  type RoutedCopy,
  type RoutePort,
  withDomainsOf,
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

/** A domain that goes from one service to another does so when that one has moved: until then it stays where it is served. */
function withDomainsInTurn(input: PlanInput, done: ReadonlySet<string>, routes: readonly Route[]): Route[] {
  const live = liveRoutes(input);
  const takers = new Map(
    input.services.flatMap(({ name, spec }) =>
      domainsOf(spec.route).map((domain) => [domain, name] as const),
    ),
  );
  const isTaken = (service: string, domain: string) => (takers.get(domain) ?? service) !== service;
  const isDue = (domain: string) => done.has(takers.get(domain) ?? '');
  return routes.map((route) => {
    const served = live.get(route.service)?.ports ?? [];
    const ports = route.ports.map((port) => {
      const kept = served.find(({ name }) => name === port.name)?.domains ?? [];
      const awaited = kept.filter((domain) => isTaken(route.service, domain) && !isDue(domain));
      const own = port.domains.filter((domain) => !isTaken(route.service, domain) || !isDue(domain));
      return { ...port, domains: [...new Set([...own, ...awaited])] };
    });
    return { ...route, ports };
  });
}

/** A service that cannot change yet gets its new domains at once: a front that serves them leaves before it changes. */
function withNewDomains(route: Route, { ports, spec }: WantedService): Route {
  return withDomainsOf(route, [{ ports: routePorts(ports, spec) }]);
}

/** A run was cut off between its switch and the record. */
function isRecordBehind(input: PlanInput, { name, release }: WantedService): boolean {
  return input.reached.some(
    (server) => (copiesByRole(input, name, server).active?.release ?? 0) > release.number,
  );
}

function routeOf(
  service: Pick<WantedService, 'name' | 'ports'>,
  spec: RoutedSpec,
  copies: RoutedCopy[],
): Route {
  const { domains, extraDomains, ...limits } = spec.route;
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
      domains: (name === undefined ? spec.route.domains : spec.route.extraDomains?.[name]) ?? [],
      // What the health check asks is asked on the main port.
      provePath: name === undefined ? provePath(healthcheck.path) : '/',
      ...(name === undefined && healthcheck.headers && { proveHeaders: healthcheck.headers }),
    };
  });
}

/** A path that nginx would read as something else is not used; any answer of the app is a proof. */
function provePath(path: string | undefined): string {
  return path !== undefined && /^\/[\w\-./~%?=&]*$/.test(path) ? path : '/';
}
