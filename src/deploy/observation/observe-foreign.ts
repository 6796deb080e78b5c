import type { ContainerSummary } from '@docker/node-sdk';
import type { Server } from '../../fleet/server.ts';
import { LABEL } from '../../model/labels.ts';
import type { Scope } from '../../model/names.ts';
import type { EnvironmentSpec } from '../../model/spec.ts';
import { type FrontCertificate, readFrontCertificate } from '../../nginx/front-certificates.ts';
import { type ServedName, servedNames } from '../../nginx/served-names.ts';
import { holdsDoor, isOfInterest, isOldSidecar } from '../planning/adopted.ts';
import type { ForeignContainer } from '../planning/observed.ts';
import { helpersOf, isOwned } from './leftovers.ts';

const COMPOSE_PROJECT = 'com.docker.compose.project';

/** observeForeign picks the containers that an environment did not make and has to know of; fronts are asked what they serve. */
export async function observeForeign(
  server: Server,
  containers: readonly ContainerSummary[],
  scope: Scope,
  wanted: Pick<EnvironmentSpec, 'services' | 'nginx'>,
): Promise<ForeignContainer[]> {
  const { adopt } = wanted.nginx;
  const own = containers.filter(({ Labels }) => isOwned(Labels, scope));
  const found = containers
    .filter(({ Labels }) => !isOurs(Labels ?? {}, scope))
    .map((summary) => ({ ...foreignOf(summary), helpers: helpersOf(own, summary.Id!) }))
    .filter((container) => isOfInterest(container, scope, wanted));
  return await Promise.all(
    found.map(async (container) => {
      const isAsked =
        holdsDoor(container) && (container.name === adopt?.container || isOldSidecar(scope, container));
      if (!isAsked) return container;
      const told = await askServed(server, container.id);
      const isSecured = wanted.nginx.tls !== undefined && told.served !== undefined;
      if (!isSecured) return { ...container, ...told };
      return { ...container, ...told, certificates: await lookAtCertificates(server, container.id, told) };
    }),
  );
}

/** What several environments share, and what this one made. */
function isOurs(labels: Record<string, string>, scope: Scope): boolean {
  const role = labels[LABEL.role];
  if (role === undefined) return false;
  if (role !== 'service' && role !== 'sidecar') return true;
  return isOwned(labels, scope);
}

function foreignOf(summary: ContainerSummary): Omit<ForeignContainer, 'helpers'> {
  const { Id, Names, State, Image, ImageID, Labels = {}, Mounts = [], Ports = [] } = summary;
  const published = Ports.flatMap(({ PublicPort, PrivatePort, Type }) =>
    PublicPort && PrivatePort && Type === 'tcp' ? [{ port: PublicPort, containerPort: PrivatePort }] : [],
  );
  return {
    id: Id!,
    name: Names?.[0]?.replace(/^\//, '') ?? '',
    isRunning: State === 'running',
    image: Image ?? '',
    imageId: ImageID ?? '',
    owner:
      Labels[LABEL.project] === undefined
        ? undefined
        : `${Labels[LABEL.project]} ${Labels[LABEL.environment] ?? ''}`.trim(),
    composeProject: Labels[COMPOSE_PROJECT],
    networks: Object.keys(summary.NetworkSettings?.Networks ?? {}),
    writes: Mounts.flatMap(({ Type, Name, Source, Destination, RW }) => {
      const source = Type === 'volume' ? Name : Source;
      const isKept = Type === 'volume' || Type === 'bind';
      return RW && isKept && source && Destination ? [{ source, target: Destination }] : [];
    }),
    // One port on several addresses of the server is one door.
    published: [...new Map(published.map((one) => [one.port, one])).values()],
  };
}

/** What a front serves; of one that is no nginx, or does not say, what it said instead. */
async function askServed(
  server: Server,
  id: string,
): Promise<Pick<ForeignContainer, 'served' | 'complaint'>> {
  const { exitCode, stdout, stderr } = await server.engine
    .exec(id, ['nginx', '-T'])
    .catch(() => ({ exitCode: 1, stdout: '', stderr: '' }));
  if (exitCode === 0) return { served: servedNames(stdout) };
  const complaint = /\[emerg\] (?:\d+#\d+: )?(.*)/.exec(stderr)?.[1];
  return complaint === undefined ? {} : { complaint };
}

/** Each of them once: one may be for many names. */
async function lookAtCertificates(
  server: Server,
  id: string,
  { served = [] }: { served?: ServedName[] },
): Promise<FrontCertificate[]> {
  const all = served.flatMap(({ certificates = [] }) => certificates);
  const each = [...new Map(all.map((files) => [`${files.certificate} ${files.key}`, files])).values()];
  return await Promise.all(each.map((files) => readFrontCertificate({ server, id }, files)));
}
