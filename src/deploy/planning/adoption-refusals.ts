import { failTogether, UserError } from '../../model/errors.ts';
import { containerName, type Scope } from '../../model/names.ts';
import { HOST_PORTS, hostPort } from '../../model/ports.ts';
import {
  type AdoptSpec,
  domainsOf,
  type EnvironmentSpec,
  type NginxSpec,
  type ServiceSpec,
} from '../../model/spec.ts';
import { tlsOf } from '../../nginx/tls.ts';
import { candidatesOf, doorPorts, doorsOf, frontOf, holdsTlsDoor, isNamed, oldSidecarOf } from './adopted.ts';
import { offerOf, tlsNames } from './adopted-certificates.ts';
import { sourceOf } from './blueprint.ts';
import type { ForeignContainer, ObservedServer } from './observed.ts';
import { lostNames, servedForOthers } from './served-domains.ts';

/**
 * checkAdoption throws a UserError for every container that must not be taken over as the file has it: one that is
 * somebody else's, one whose data the new container would not have, a front whose domains nobody would serve. Pure.
 */
export function checkAdoption(
  wanted: EnvironmentSpec,
  services: readonly ServiceSpec[],
  observed: readonly ObservedServer[],
  now: Date,
): void {
  // Routes alone are looked at, or given again.
  if (services.length === 0) return;
  failTogether(
    observed.flatMap((server) => [
      ...services.flatMap((service) => refuseService(wanted, service, server)),
      ...refuseSidecar(wanted, server),
      ...refuseFront(wanted, services, server, now),
      ...refuseTlsDoor(wanted, server),
    ]),
  );
}

function refuseService(
  scope: Scope,
  service: ServiceSpec,
  { name: server, foreign }: ObservedServer,
): UserError[] {
  const candidates = candidatesOf(scope, service, foreign);
  const running = candidates.filter(({ isRunning }) => isRunning);
  const [first] = running;
  if (first !== undefined && running.length > 1) {
    return [
      new UserError(
        `${server}: ${running.map(({ name }) => name).join(' and ')} both run as ${service.name}, and Switchyard made neither`,
        { hint: `Stop the one that has no traffic: docker stop ${running.at(-1)?.name ?? first.name}` },
      ),
    ];
  }
  return candidates.flatMap((container) => [
    ...refuseOwned(service, server, container),
    ...refuseLostData(scope, service, server, container),
    ...refuseLostPorts(
      server,
      withoutHostPorts(scope, service, container),
      [...doorPorts({}).map(String), ...dropOf(service)],
      'at the service',
    ),
  ]);
}

/** Whoever comes to a port of the server from elsewhere finds nothing there afterwards. */
function refuseLostPorts(
  server: string,
  { name, published }: ForeignContainer,
  kept: readonly string[],
  where: string,
): UserError[] {
  return published
    .map(({ port }) => port)
    .filter((port) => !kept.includes(String(port)))
    .map(
      (port) =>
        new UserError(
          `${server}: ${name} publishes port ${port} of the server, where nobody would listen any more`,
          {
            hint: `Let who uses it come to the edge or the sidecar. If nobody does: "adopt: { container: ${name}, drop: ["${port}"] }" ${where}.`,
          },
        ),
    );
}

/** The older naming has the same host ports: they lead to containers that are taken over together. */
function withoutHostPorts(
  scope: Scope,
  { name }: ServiceSpec,
  container: ForeignContainer,
): ForeignContainer {
  const isOlder = [containerName(scope, name, 'base'), containerName(scope, name, 'secondary')].includes(
    container.name,
  );
  if (!isOlder) return container;
  return { ...container, published: container.published.filter(({ port }) => !isHostPort(port)) };
}

function dropOf({ adopt }: { adopt?: AdoptSpec }): readonly string[] {
  return adopt?.drop ?? [];
}

function isHostPort(port: number): boolean {
  const { first, count } = HOST_PORTS;
  return [first, hostPort(first, 'secondary')].some((low) => port >= low && port < low + count);
}

function refuseOwned(service: ServiceSpec, server: string, container: ForeignContainer): UserError[] {
  const { name, owner, composeProject } = container;
  if (owner !== undefined) {
    return [
      new UserError(`${server}: ${name} belongs to ${owner}, and ${service.name} cannot take it over`, {
        hint: 'Let it leave there first: remove it from that file and deploy.',
      }),
    ];
  }
  if (composeProject === undefined || service.adopt?.container === name) return [];
  return [
    new UserError(`${server}: ${name} belongs to the Compose project ${composeProject}`, {
      hint: `If ${service.name} shall take it over, write "adopt: ${name}" at the service; else rename it.`,
    }),
  ];
}

/** What the new container does not mount would stay behind. */
function refuseLostData(
  scope: Scope,
  service: ServiceSpec,
  server: string,
  container: ForeignContainer,
): UserError[] {
  const mounted = service.container.volumes.map((volume) => sourceOf(scope, volume));
  const dropped = dropOf(service);
  return container.writes
    .filter(({ source, target }) => !mounted.includes(source) && !dropped.includes(target))
    .map(({ source, target }) => {
      const isFolder = source.startsWith('/');
      const mount = isFolder
        ? `"${source}:${target}"`
        : `{ type: volume, source: ${source}, target: ${target}, external: true }`;
      return new UserError(
        `${server}: ${container.name} writes to ${isFolder ? 'the directory' : 'the volume'} ${source} at ${target}, which ${service.name} does not mount: it would start without that data`,
        {
          hint: `Write it under volumes: ${mount}. If the data may be lost: adopt: { container: ${container.name}, drop: [${target}] }.`,
        },
      );
    });
}

function refuseSidecar(wanted: EnvironmentSpec, server: ObservedServer): UserError[] {
  const sidecar = oldSidecarOf(wanted, server);
  const isInTheWay = sidecar !== undefined && server.sidecar === undefined;
  if (!isInTheWay || sidecar.composeProject === undefined || sidecar.name === wanted.nginx.adopt?.container) {
    return [];
  }
  return [
    new UserError(
      `${server.name}: ${sidecar.name} has the name of the sidecar and belongs to the Compose project ${sidecar.composeProject}`,
      { hint: `If it shall be taken over, write "adopt: ${sidecar.name}" under sidecar; else rename it.` },
    ),
  ];
}

function refuseFront(
  wanted: EnvironmentSpec,
  services: readonly ServiceSpec[],
  server: ObservedServer,
  now: Date,
): UserError[] {
  const front = frontOf(server);
  const domains = services.flatMap(({ route }) => domainsOf(route));
  if (front === undefined || (domains.length === 0 && server.edge === undefined)) return [];
  const where = `${server.name}: the edge needs port ${doorsOf(front, wanted.nginx)
    .map(({ port }) => port)
    .join(' and ')}, which ${front.name} holds`;
  const isOurs = isNamed(wanted, front, wanted.nginx.adopt, server.copies);
  if (!isOurs) {
    // Somebody else's run brings in the bridge that is there, and takes it away.
    if (server.bridge !== undefined) return [];
    return [
      new UserError(where, {
        hint: `If it shall be taken over without a gap, write "adopt: ${front.name}" under sidecar; else stop it and run again.`,
      }),
    ];
  }
  const isService = server.copies.some(({ id }) => id === front.id);
  if (isService) return [];
  // Once it is diverted, what it passed requests to may be gone, and then "nginx -T" fails. Who diverted it has asked.
  if (front.served === undefined && !server.isDiverted) {
    return [
      new UserError(
        `${where}, and it does not say what it serves: "nginx -T" fails in it${front.complaint === undefined ? '' : ` (${front.complaint})`}`,
        {
          hint: `Only an nginx, or the container of a service, is taken over without a gap. Stop ${front.name} at a quiet time, and run again.`,
        },
      ),
    ];
  }
  const https = refuseHttps(wanted, server.name, front, now);
  if (https.length > 0) return https;
  const kept = [...doorPorts(wanted.nginx).map(String), ...dropOf(wanted.nginx)];
  return [
    ...refuseLostPorts(server.name, front, kept, 'under sidecar'),
    ...refuseLostNames(wanted, server, front),
  ];
}

/** Whoever comes by HTTPS finds the same behind it, with a certificate that is believed, unless the file says that nobody comes. */
function refuseHttps(
  wanted: EnvironmentSpec,
  server: string,
  front: ForeignContainer,
  now: Date,
): UserError[] {
  const { nginx, services } = wanted;
  const domains = [...new Set(services.flatMap(({ route }) => domainsOf(route)))];
  const names = tlsNames(front, nginx);
  const isPlain = ({ name }: { name: string }) =>
    nginx.tls === undefined || (domains.includes(name) && tlsOf(nginx.tls, name) === undefined);
  const plain = [...new Set(names.filter(isPlain).map(({ name }) => name))].filter(
    (name) => !dropOf(nginx).includes(name),
  );
  if (plain.length > 0) {
    return [
      new UserError(
        `${server}: ${front.name} serves HTTPS for ${plain.join(', ')}, which the file serves over HTTP alone`,
        {
          hint: `Write "tls: { email: you@example.com }", and its certificates come along, and are replaced when they are due. If nobody comes by HTTPS: "adopt: { container: ${front.name}, drop: ["443"] }" under sidecar.`,
        },
      ),
    ];
  }
  const secured = domains.filter((domain) => tlsOf(nginx.tls, domain) !== undefined);
  return secured.flatMap((domain) => [
    ...refuseCertificate(nginx, server, front, domain, now),
    ...refuseOpenDoor(nginx, server, front, domain),
  ]);
}

/** What people have given is shown in its place. */
function refuseCertificate(
  nginx: NginxSpec,
  server: string,
  front: ForeignContainer,
  domain: string,
  now: Date,
): UserError[] {
  const offer = offerOf(front, nginx, domain, now);
  if (tlsOf(nginx.tls, domain)?.files !== undefined || offer === undefined || !('fault' in offer)) return [];
  return [
    new UserError(
      `${server}: ${front.name} serves HTTPS for ${domain}, and its certificate cannot come along: ${offer.fault}`,
      {
        hint: `${offer.advice} Or give one: tls: { domains: { ${domain}: { mode: files, certificate: NAME, key: NAME } } }. If nobody comes by HTTPS until the edge has one of its own: "adopt: { container: ${front.name}, drop: ["443"] }" under sidecar.`,
      },
    ),
  ];
}

/** An edge that serves HTTP gets the port of HTTPS after everything else: what has it would be found out only then. */
function refuseTlsDoor({ nginx }: EnvironmentSpec, server: ObservedServer): UserError[] {
  const made = server.madeEdge;
  if (made === undefined || made.ports.includes('443/tcp') || !(nginx.ports ?? []).includes('443/tcp'))
    return [];
  const holder = server.foreign.find((container) => holdsTlsDoor(container) && container !== frontOf(server));
  if (holder === undefined) return [];
  return [
    new UserError(`${server.name}: ${holder.name} has port 443, on which the edge there is to serve HTTPS`, {
      hint: `What has port 443 alone is not taken over. Stop ${holder.name} at a quiet time, and run again; or leave HTTPS to it: tls: { mode: off }.`,
    }),
  ];
}

/** Who was turned away without a certificate shall not get in because the front has gone. */
function refuseOpenDoor(
  nginx: NginxSpec,
  server: string,
  front: ForeignContainer,
  domain: string,
): UserError[] {
  const isAsked = tlsNames(front, nginx).some(({ name, asksClients }) => name === domain && asksClients);
  if (!isAsked || tlsOf(nginx.tls, domain)?.clientCa !== undefined) return [];
  return [
    new UserError(
      `${server}: ${front.name} asks clients of ${domain} for certificates, and the file does not`,
      { hint: `Write who signs them: tls: { domains: { ${domain}: { client_ca: … } } }.` },
    ),
  ];
}

function refuseLostNames(
  wanted: EnvironmentSpec,
  server: ObservedServer,
  front: ForeignContainer,
): UserError[] {
  const drop = dropOf(wanted.nginx);
  const promised = wanted.services.flatMap(({ route }) => domainsOf(route));
  const lost = lostNames(front, wanted.nginx, [...promised, ...drop, ...servedForOthers(wanted, server)]);
  if (lost.length === 0) return [];
  return [
    new UserError(
      `${server.name}: ${front.name} serves ${lost.join(', ')}, which no service of the file has as its domain`,
      {
        hint: `Write it as the domain of a service. If nobody shall serve it any more: "adopt: { container: ${front.name}, drop: [${lost.map((name) => JSON.stringify(name)).join(', ')}] }" under sidecar.`,
      },
    ),
  ];
}
