import { pathOfAddress, type Redirect } from '../model/addresses.ts';
import {
  type ContainerPort,
  edgePort,
  isOverHttp,
  type PortsSpec,
  type Protocol,
  type RouteSpec,
} from '../model/spec.ts';
import type { Report } from './check-service.ts';
import type { RecognisedImage } from './image.ts';
import { asksOverHttp, HTTP_KEYS } from './resolve-healthcheck.ts';
import { publishPorts } from './resolve-publish.ts';
import type { ServiceInput } from './schema/service.ts';

/** On what a service is reached, and by which domains and ports of the servers. */
interface ResolvedPorts {
  ports: PortsSpec;
  domains: Pick<RouteSpec, 'domains' | 'extraDomains' | 'stripPrefix' | 'extraStripPrefix' | 'redirects'>;
  published: Pick<RouteSpec, 'published' | 'extraPublished'>;
}

/**
 * resolvePorts returns the ports of a service with their protocols, domains and what is published of them; none where it
 * names none, which makes it a worker. What makes no sense among them, or for a worker, is reported.
 */
export function resolvePorts(
  input: ServiceInput,
  recognised: RecognisedImage | undefined,
  report: Report,
): ResolvedPorts {
  const publish = input.publish ?? [];
  // What is published and has no other port has that one.
  const port = input.port ?? recognised?.port ?? publish[0]?.target;
  if (port === undefined) {
    checkWorker(input, report);
    return { ports: {}, domains: { domains: [] }, published: {} };
  }
  const isPublished = input.port === undefined && recognised === undefined;
  const protocol =
    input.protocol ?? (isPublished ? publish[0]?.protocol : undefined) ?? defaultProtocol(input, recognised);
  const ofImage = recognised ? ` by its image ${input.image}` : '';
  checkDomain(protocol, input.domain, ['domain'], `a ${protocol} service${ofImage}`, report);
  checkPrefix(input, protocol, [], report);
  const extra = resolveExtra(input, { port, protocol }, report);
  const extraDomains = extra.flatMap(([name, { domains }]) => (domains.length > 0 ? [[name, domains]] : []));
  const stripped = extra.flatMap(([name, { stripsPrefix }]) => (stripsPrefix ? [name] : []));
  const redirects = resolveRedirects(input, report);
  const named = extra.map(([name, one]) => ({ name, port: one.port, protocol: one.protocol }));
  const [main, ...others] = publishPorts([{ port, protocol }, ...named], publish, report);
  const extraPorts = others.map(({ name = '', port: number, protocol: spoken }) => [
    name,
    { port: number, protocol: spoken },
  ]);
  const extraPublished = others.flatMap(({ name = '', published }) => (published ? [[name, published]] : []));
  return {
    ports: { protocol, port, ...(others.length > 0 && { extraPorts: Object.fromEntries(extraPorts) }) },
    domains: {
      domains: input.domain ?? [],
      ...(extraDomains.length > 0 && { extraDomains: Object.fromEntries(extraDomains) }),
      ...(input.strip_prefix && { stripPrefix: true as const }),
      ...(stripped.length > 0 && { extraStripPrefix: stripped }),
      ...(redirects.length > 0 && { redirects }),
    },
    published: {
      ...(main?.published && { published: main.published }),
      ...(extraPublished.length > 0 && { extraPublished: Object.fromEntries(extraPublished) }),
    },
  };
}

/** A redirect lives where its service does, which is at the edge because of a domain. */
function resolveRedirects({ redirects = [], domain = [] }: ServiceInput, report: Report): Redirect[] {
  if (redirects.length > 0 && domain.length === 0) {
    report(
      ['redirects'],
      'there is no domain here: the edge has nothing else of this service',
      'Write them at a service that has one.',
    );
  }
  return redirects;
}

/** checkPrefix reports a prefix that is to be stripped and that no address has, or that says what is called. */
function checkPrefix(
  { strip_prefix: strips, domain = [] }: Pick<ServiceInput, 'strip_prefix' | 'domain'>,
  protocol: Protocol,
  path: readonly string[],
  report: Report,
): void {
  if (strips && protocol === 'grpc') {
    report(
      [...path, 'strip_prefix'],
      'a path of gRPC is the method that is called',
      'Leave it out: domain: example.com/package.Service has the calls of one service.',
    );
    return;
  }
  if (!strips || domain.some((address) => pathOfAddress(address) !== '/')) return;
  report(
    [...path, 'strip_prefix'],
    'there is nothing to strip: no domain here has a path',
    'Write the path behind the domain: domain: example.com/api.',
  );
}

function defaultProtocol(input: ServiceInput, recognised: RecognisedImage | undefined): Protocol {
  if (recognised) return 'tcp';
  if (input.healthcheck?.grpc !== undefined) return 'grpc';
  return input.domain?.length || asksOverHttp(input.healthcheck ?? {}) ? 'http' : 'tcp';
}

function checkDomain(
  protocol: Protocol,
  domains: readonly string[] | undefined,
  path: readonly string[],
  what: string,
  report: Report,
): void {
  if (isOverHttp(protocol) || !domains?.length) return;
  report(
    path,
    `a domain needs protocol http or grpc, and this is ${what}`,
    'Write protocol: http if it speaks HTTP, or protocol: grpc.',
  );
}

interface ExtraPort extends ContainerPort {
  domains: string[];
  stripsPrefix: boolean;
}

/** Further ports by their names. */
function resolveExtra(
  { extra_ports: input = {} }: ServiceInput,
  main: ContainerPort,
  report: Report,
): [name: string, port: ExtraPort][] {
  const taken = new Map([[edgePort(main.port, main.protocol), 'the main port']]);
  return Object.entries(input).map(([name, one]) => {
    const { port = 0, domain: domains = [], protocol: said, strip_prefix: strips = false } = one;
    const path = ['extra_ports', name];
    const protocol = said ?? (domains.length > 0 ? 'http' : 'tcp');
    const owner = taken.get(edgePort(port, protocol));
    if (port === 0) report(path, 'needs a port', 'Write port: the one that the container listens on.');
    else if (owner !== undefined) report([...path, 'port'], `${port} is ${owner} already`);
    taken.set(edgePort(port, protocol), `the port ${name}`);
    checkDomain(protocol, domains, [...path, 'domain'], `a ${protocol} port`, report);
    checkPrefix(one, protocol, path, report);
    return [name, { port, protocol, domains, stripsPrefix: strips }];
  });
}

/** Keys that say that somebody connects to the service, and why they do. */
const OF_A_PORT = {
  domain: 'requests for a domain go to it',
  strip_prefix: 'it is about requests',
  redirects: 'they belong to a service at the edge',
  expose: 'it exposes one',
  extra_ports: 'they come beside the main one',
  protocol: 'it says what is spoken there',
  idle_timeout: 'it is about connections',
  max_body_size: 'it is about requests',
  request_buffering: 'it is about requests',
  edge: 'it is about requests',
} as const;

/** Nobody connects to a service without a port: most who say otherwise have forgotten it. */
function checkWorker(input: ServiceInput, report: Report): void {
  const exposed = input.expose?.find((one) => one.endsWith('/tcp'))?.replace('/tcp', '');
  const hint = `Write port: ${exposed ?? 'the one that the container listens on'}. A service without one is a worker, to which nobody connects.`;
  const said = Object.entries(OF_A_PORT).find(([name]) => isSaid(input[name as keyof typeof OF_A_PORT]));
  if (said !== undefined) report([said[0]], `needs a port: ${said[1]}`, hint);
  else
    for (const name of HTTP_KEYS.filter((one) => input.healthcheck?.[one] !== undefined))
      report(['healthcheck', name], 'needs a port: requests go there', hint);
  if (input.drain !== undefined) {
    report(
      ['drain'],
      'nobody is connected to a worker, a service without a port',
      'Write stop_grace_period: the time it has to finish its work after SIGTERM. Write port: if somebody connects to it.',
    );
  }
  const servers = input.servers ?? 1;
  if (input.overlap === false && servers > 1) {
    report(
      ['servers'],
      `${servers} of it run at once, and overlap: false says that two must not`,
      'Keep one of the two.',
    );
  }
}

function isSaid(value: unknown): boolean {
  return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : value !== undefined;
}
