import type { Slot } from '../../../src/model/copy.ts';
import type { NginxSpec } from '../../../src/model/spec.ts';
import { type ScopeWish, scopeWish } from '../../../src/nginx/compose.ts';
import type { NginxKind, Route, RoutedCopy, RoutePort, RouteServer } from '../../../src/nginx/routes.ts';

export const SHOP = { project: 'shop', environment: 'production' };
export const SETTINGS: NginxSpec = { image: 'nginx:1.30-alpine', keepaliveMinTimeoutMs: 2000 };

/** Two servers of one zone, one of another. */
export const LONDON_A: RouteServer = { name: 'london-a', zone: 'lon1', privateIp: '10.0.0.2' };
export const LONDON_B: RouteServer = { name: 'london-b', zone: 'lon1', privateIp: '10.0.0.3' };
export const NEW_YORK: RouteServer = { name: 'new-york', zone: 'nyc1', privateIp: '10.1.0.2' };

/** at returns a copy in a slot of a server, with its share of the traffic. */
export function at({ name }: RouteServer, slot: Slot, weight = 1, port?: number): RoutedCopy {
  return { server: name, slot, weight, ...(port !== undefined && { port }) };
}

/** What of a route a test may want otherwise: of its main port as well, and further ports. */
export type RouteChanges = Partial<Omit<Route, 'ports'> & RoutePort> & { further?: RoutePort[] };

function routeOf(main: RoutePort, route: Omit<Route, 'ports'>, changes: RouteChanges): Route {
  const {
    protocol,
    containerPort,
    internalPort,
    hostPort,
    domains,
    provePath,
    proveHeaders,
    stripPrefix,
    further = [],
    ...rest
  } = changes;
  const said = {
    protocol,
    containerPort,
    internalPort,
    hostPort,
    domains,
    provePath,
    proveHeaders,
    stripPrefix,
  };
  const own = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  return { ...route, ...rest, ports: [{ ...main, ...own }, ...further] };
}

/** web returns the route of an http service with two domains. */
export function web(changes: RouteChanges = {}): Route {
  return routeOf(
    {
      protocol: 'http',
      containerPort: 3000,
      internalPort: 5100,
      hostPort: 8100,
      domains: ['api.example.com', 'www.example.com'],
      provePath: '/health',
    },
    { service: 'api', idleTimeoutMs: 60_000, copies: [at(LONDON_A, 'base')] },
    changes,
  );
}

/** worker returns the route of a service without a port. */
export function worker(changes: Partial<Route> = {}): Route {
  return { service: 'mailer', ports: [], idleTimeoutMs: 60_000, copies: [at(LONDON_A, 'base')], ...changes };
}

/** cache returns the route of a tcp service. */
export function cache(changes: RouteChanges = {}): Route {
  return routeOf(
    {
      protocol: 'tcp',
      containerPort: 6379,
      internalPort: 5200,
      hostPort: 8200,
      domains: [],
      provePath: '/',
    },
    { service: 'cache', idleTimeoutMs: 86_400_000, copies: [at(LONDON_A, 'secondary')] },
    changes,
  );
}

/** wish returns what an environment wants of an nginx on a server. */
export function wish(
  kind: NginxKind,
  routes: readonly Route[],
  changes: Partial<ScopeWish> & { on?: RouteServer; servers?: RouteServer[] } = {},
): ScopeWish {
  const { on = LONDON_A, servers = [LONDON_A], scope = SHOP, settings = SETTINGS, ...rest } = changes;
  const facts = { scope, repository: 'github.com/acme/shop', routes, settings, on, servers };
  return { ...scopeWish(kind, facts), ...rest };
}
