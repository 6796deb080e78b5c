import { createHash } from 'node:crypto';
import { hostsOf, type Redirect } from './addresses.ts';
import type { BackupSpec } from './backup.ts';
import type { BootstrapSpec } from './bootstrap.ts';
import type { ExpiryLimits } from './certificate.ts';
import type { ConnectionSpec, ToldConnection } from './connection.ts';
import type { ContainerOptions } from './container-options.ts';
import type { EdgeOptions } from './edge-options.ts';
import type { MonitorSpec } from './monitor.ts';
import type { PresetSpec } from './preset.ts';

/** How a service is replaced. */
export type StrategyName = 'toggle' | 'recreate';
/** What edge and sidecar speak with a service. */
export type Protocol = 'http' | 'grpc' | 'tcp' | 'udp';
/** Whether bodies of requests are read whole before the app gets them, where that does not follow from their length. */
export type RequestBuffering = 'on' | 'off';
/** When an image is pulled, in Compose's words. */
export type PullPolicy = 'always' | 'missing' | 'never';

/** A mount of a service container. */
export interface VolumeMount {
  type: 'volume' | 'bind' | 'tmpfs';
  /**
   * The volume's name in the file (without project and environment), or the server's absolute path; a volume without a
   * name is new in each container.
   */
  source?: string;
  /** The absolute path inside the container. */
  target: string;
  readOnly: boolean;
  /** The volume has exactly this name on the server: somebody else made it. */
  external?: true;
  more?: MountMore;
}

/** What few mounts say; absent is the engine's own way. */
export interface MountMore {
  /** Of a directory: the engine makes it where it is missing. */
  createHostPath?: true;
  propagation?: string;
  /** Of a directory: what becomes of what is mounted below it. */
  recursive?: 'disabled' | 'writable' | 'readonly';
  /** SELinux: shared by many containers, or for this one alone. */
  selinux?: 'z' | 'Z';
  /** Of a new volume: it stays empty. */
  nocopy?: true;
  subpath?: string;
  labels?: Record<string, string>;
  /** Of scratch space. */
  sizeBytes?: number;
  mode?: number;
}

/** Where the bytes of a file are: in the release itself, or in the secret set of its number, under a name. */
export type FileContent = { text: string } | { base64: string } | { secret: string; encoding?: 'base64' };

/** A file that is put into a container before it starts, and that it can only read. */
export interface FileSpec {
  /** The absolute path in the container: of the file, or of the folder that it is delivered with. */
  target: string;
  /** Its place below the target, where that is a folder: `sub/a.yml`. */
  path?: string;
  mode: number;
  /** Undefined is the user, and the group, that the container runs as. */
  uid?: number;
  gid?: number;
  content: FileContent;
}

/** What ran before Switchyard and is taken over. */
export interface AdoptSpec {
  /** The container's name. */
  container: string;
  /** What it has that may be lost: paths that a service wrote to, domains that an nginx served. */
  drop: string[];
}

/** What a container is made of. A change here needs a new container. */
export interface ContainerSpec {
  image: string;
  /** Name and host port of a container carry its version; without it they follow from its side. */
  naming?: 'version';
  command?: string[];
  entrypoint?: string[];
  user?: string;
  workingDir?: string;
  stopSignal?: string;
  environment: Record<string, string>;
  /** Names of the variables whose values are secrets, or are made from them: those are kept apart, see SecretSets. */
  secrets: string[];
  volumes: VolumeMount[];
  /** Files that it is given; absent where there are none. */
  files?: FileSpec[];
  /** What it is told of services that it depends on, by their names; absent where nobody knows how to connect to any of them. */
  connections?: Record<string, ToldConnection>;
  /** It serves the internal ports of what it depends on at 127.0.0.1 of its server; in place of ports of its own. */
  isLoopback?: true;
  labels: Record<string, string>;
  /** Docker's restart policy, `unless-stopped` unless the file says otherwise. */
  restart: { name: 'no' | 'always' | 'unless-stopped' | 'on-failure'; maximumRetryCount?: number };
  logging: { driver: string; options: Record<string, string> };
  resources: { cpus?: number; memoryBytes?: number; pids?: number; reservedMemoryBytes?: number };
  /** What else it says of the container, in Compose's words; absent where it says nothing. */
  options?: ContainerOptions;
  /** The preset that it is made from; absent without one. */
  preset?: PresetSpec;
}

/** How the edge passes ports of the servers on to a port of a service. */
export interface PublishedPorts {
  numbers: number[];
  /** Of udp: a client is forgotten after so many datagrams of the app; undefined is without limit. */
  responses?: number;
}

/** What users get while a service is in maintenance. */
export interface MaintenanceSpec {
  /** The file says that it is; else only the action switches it on. */
  isOn: boolean;
  /** Addresses and ranges of clients that pass all the same. */
  allow: string[];
  retryAfterMs: number;
  status: number;
  /** HTML in place of the page that there is. */
  page?: string;
}

/** What edge and sidecar serve. A change here needs a reload only. */
export interface RouteSpec {
  /** The addresses of the main port: domains, or paths below them as `example.com/api`. */
  domains: string[];
  /** Those of further ports, by their names; ports without any are left out. */
  extraDomains?: Record<string, string[]>;
  /** The app gets paths without what its address has of them; on the main port. */
  stripPrefix?: true;
  /** The further ports of which the same holds, by their names. */
  extraStripPrefix?: string[];
  /** What the edge answers by sending elsewhere. */
  redirects?: Redirect[];
  /** Ports of the servers that the edge passes on to ports of the service: to the main one, and to others by their names. */
  published?: PublishedPorts;
  extraPublished?: Record<string, PublishedPorts>;
  /** How long a connection may be silent, in either direction, before edge or sidecar end it. */
  idleTimeoutMs: number;
  /** The largest body of a request that edge and sidecar pass on; undefined is without limit. */
  maxBodyBytes?: number;
  /** Undefined is `auto`: large bodies, and those of unknown length, reach the app while they come. */
  requestBuffering?: RequestBuffering;
  /** What the edge does with requests and answers; undefined is all by default. */
  edge?: EdgeOptions;
  /** Undefined where the file says nothing of it: what there is by itself holds. */
  maintenance?: MaintenanceSpec;
  /** So long requests wait while the old copy has stopped and the new one does not serve yet; undefined is not at all. */
  queueRequestsMs?: number;
}

/** What an answer over HTTP has to be. */
export interface HealthExpectation {
  /** Statuses, from and to, both included; absent is 200 to 399 with a path, and all below 500 without one. */
  status?: [from: number, to: number][];
  /** Members that the JSON of the body has at least, with these values. */
  json?: Record<string, unknown>;
}

/** The times of a health check; durations in milliseconds. */
export interface HealthTimes {
  intervalMs: number;
  timeoutMs: number;
  retries: number;
  startPeriodMs: number;
}

/** How a new container proves that it is healthy. */
export interface Healthcheck extends HealthTimes {
  /**
   * `http`: GET `path`; `grpc`: its health protocol says `SERVING`; `tcp`: a connection to the container port; `command`: exit code 0 inside the container, and a
   * connection to its port where it has one; `running`: it runs for the start period without a restart; `default`: the
   * image's own HEALTHCHECK where it has one, else http, grpc or tcp by protocol, else `running`; gRPC without that protocol
   * has to answer.
   */
  kind: 'http' | 'grpc' | 'tcp' | 'command' | 'running' | 'default';
  /** For http; `/` without one. */
  path?: string;
  /** For grpc: the full name of the service that is asked for; absent is the whole server. */
  grpcService?: string;
  /** For command: `['CMD', …]` or `['CMD-SHELL', 'line', …]`, with what the line gets as `$0`, `$1` and so on. */
  test?: string[];
  /** Headers of the requests to the app's path, their names in lower case. */
  headers?: Record<string, string>;
  /** For http. */
  expect?: HealthExpectation;
  /** Times that nobody has said: those of the image's own HEALTHCHECK replace them, where it has one. For default. */
  unsaid?: (keyof HealthTimes)[];
}

/** A command that is run once per release, in a container of its own. */
export interface HookSpec {
  /** Its words; the entrypoint of the service, or of its image, stays in front of them. */
  command: string[];
  timeoutMs: number;
  /** It may be run a second time when it is not known how it ended. */
  idempotent: boolean;
}

/** How a service is rolled out. A change here touches neither container nor route. */
export interface PolicySpec {
  strategy: StrategyName;
  healthcheck: Healthcheck;
  /** How long the old side may drain; 0 is without limit. */
  drainTimeoutMs: number;
  /** Time between SIGTERM and SIGKILL. */
  stopGracePeriodMs: number;
  pullPolicy: PullPolicy;
  /** Runs before the first new container of a release starts: migrations. */
  preDeploy?: HookSpec;
  /** How the new containers are watched when they have the traffic; absent is not at all. */
  monitor?: MonitorSpec;
  /** Runs when the new containers of a release have the traffic. */
  postDeploy?: HookSpec;
}

/** A port that a container listens on, and what is spoken there. */
export interface ContainerPort {
  port: number;
  protocol: Protocol;
}

/** On what a container can be reached. A worker has neither port nor protocol: nobody connects to it. */
export interface PortsSpec {
  /** What is spoken on the main port. */
  protocol?: Protocol;
  /** The main port. */
  port?: number;
  /** Further ports, by their names. */
  extraPorts?: Record<string, ContainerPort>;
}

/** One service of one environment, with everything merged, checked and in plain units. */
export interface ServiceSpec extends PortsSpec {
  name: string;
  dependsOn: string[];
  /** On how many of the servers of `zones` it stands, and with how many copies on each; empty zones are all zones. */
  placement: { servers: number; zones: string[]; replicas: number };
  container: ContainerSpec;
  route: RouteSpec;
  policy: PolicySpec;
  adopt?: AdoptSpec;
  /** How those that depend on it connect; absent where nobody knows more than its address. */
  connection?: ConnectionSpec;
  /** Absent where nothing of it is backed up. */
  backup?: BackupSpec;
}

/** A jump host on the way to a server. */
export interface JumpSpec {
  host: string;
  port: number;
  user: string;
  hostKeys: string[];
}

/** A machine with a Docker engine. */
export interface ServerSpec {
  /** By which it is known everywhere: in the record, in routes and in all that people read. */
  name: string;
  /** The address that SSH connects to; `localhost` for the local provider. */
  host: string;
  port: number;
  user: string;
  /** The address other servers of the zone reach it by. */
  privateIp?: string;
  zone: string;
  /** `ssh-ed25519 AAAA…` lines; empty means that the run fails and prints what to add. */
  hostKeys: string[];
  jump?: JumpSpec;
}

/** A port of a server that the edge has, as Docker writes it: `80/tcp`. */
export type EdgePort = `${number}/${'tcp' | 'udp'}`;

/** How the edge gets the certificate of a domain; with `off` the domain has none, and is served over HTTP. */
export type CertificateMode = 'self-signed' | 'http-01' | 'dns-01' | 'files' | 'off';

/** How a domain is served over HTTPS. */
export interface DomainTls {
  mode: CertificateMode;
  /** Of `files`: the names of the secrets that have the certificate and its key. */
  files?: { certificate: string; key: string };
  /** Those that sign the certificates of clients, in PEM: whoever has none of these is refused. */
  clientCa?: string;
}

/** What clients need at least: Mozilla's names. */
export type TlsPolicy = 'modern' | 'intermediate';

/** Who issues certificates. */
export interface AcmeSpec {
  /** Address of the directory. */
  url: string;
  /** Certificate of a private one, in PEM. */
  ca?: string;
  email?: string;
  /** The account that one has there by other ways; its key is the name of a secret. */
  eab?: { keyId: string; hmacKey: string };
  /** The name of the secret with which records are put into DNS. */
  cloudflareToken?: string;
  profile?: string;
  /** What it issues is believed by nobody: it is for trying. */
  isStaging?: true;
}

/** HTTPS of an environment's domains. */
export interface TlsSpec extends DomainTls {
  /** Domains for which something else holds. */
  domains: Readonly<Record<string, DomainTls>>;
  policy: TlsPolicy;
  /** Requests over HTTP are sent to HTTPS. */
  redirect: boolean;
  /** For how long browsers come over HTTPS only, in seconds; 0 does not say so. */
  hstsSeconds: number;
  /** They are served over HTTP/3, too. */
  http3?: true;
  /** When people are told that a certificate ends; undefined is as `DEFAULT_EXPIRY` says. */
  expiry?: ExpiryLimits;
  acme: AcmeSpec;
}

/** What edge and sidecar are made of. */
export interface NginxSpec {
  image: string;
  /** The ports of the server that the edge needs for this environment, beside 80; undefined is none. */
  ports?: EdgePort[];
  keepaliveMinTimeoutMs: number;
  /** The edge writes no line for each request. */
  accessLog?: false;
  /** Addresses and ranges of proxies in front of the edge that are believed what they tell; undefined is none. */
  trustedProxies?: string[];
  /** Every connection to ports 80 and 443 begins with a header of the PROXY protocol, by which these tell of a client. */
  proxyProtocol?: true | undefined;
  /** HTTPS at the edge; undefined is none. */
  tls?: TlsSpec;
  /** What holds port 80 of the servers, and leaves when the edge serves its domains. */
  adopt?: AdoptSpec;
}

/** What becomes of the others when a switch fails on some of the servers. */
export type PartialFailure = 'revert' | 'keep';

/** An environment as it is wanted: what the file says, resolved. */
export interface EnvironmentSpec {
  project: string;
  environment: string;
  provider: 'static' | 'local';
  servers: ServerSpec[];
  /** How its servers are set up; undefined where they are somebody else's affair. */
  bootstrap?: BootstrapSpec;
  services: ServiceSpec[];
  /** How many releases of each service are kept. */
  retainReleases: number;
  nginx: NginxSpec;
  onPartialFailure: PartialFailure;
}

/** A port of a service; the main one has no name. */
export interface NamedPort extends ContainerPort {
  name?: string;
}

/** portsOf returns the ports of a service, the main one first and the others by their names; none of a worker. Pure. */
export function portsOf({ protocol, port, extraPorts = {} }: PortsSpec): NamedPort[] {
  if (port === undefined || protocol === undefined) return [];
  const others = Object.entries(extraPorts).map(([name, other]) => ({ name, ...other }));
  return [{ port, protocol }, ...others.sort((a, b) => (a.name < b.name ? -1 : 1))];
}

/** isWorker tells whether a service has no port: nobody connects to it, and it works all the same. */
export function isWorker(spec: PortsSpec): boolean {
  return portsOf(spec).length === 0;
}

/** What of a route says where the edge serves it. */
type ServedSpec = Pick<RouteSpec, 'domains' | 'extraDomains' | 'redirects'>;

/** domainsOf returns all domains of a service, each once, those of the main port first and those of redirects last. Pure. */
export function domainsOf({ redirects = [], ...ports }: ServedSpec): string[] {
  return hostsOf([...addressesOf(ports), ...redirects.map(({ from }) => from)]);
}

/** addressesOf returns all addresses that lead to a service, those of the main port first. Pure. */
export function addressesOf({
  domains,
  extraDomains = {},
}: Pick<RouteSpec, 'domains' | 'extraDomains'>): string[] {
  return [...domains, ...Object.values(extraDomains).flat()];
}

/** toldRoutes returns what the edge does for a service, for people: its addresses, and where its redirects lead. Pure. */
export function toldRoutes({ redirects = [], ...ports }: ServedSpec): string[] {
  return [...addressesOf(ports), ...redirects.map(({ from, to }) => `${from} → ${to}`)];
}

/** claimsOf returns all that a service has at the edge: the addresses that lead to it, and those of its redirects. Pure. */
export function claimsOf({ redirects = [], ...ports }: ServedSpec): string[] {
  return [...addressesOf(ports), ...redirects.map(({ from }) => from)];
}

/** publishedOf returns the ports of the servers that a service has at the edge, as Docker writes them. Pure. */
export function publishedOf(spec: PortsSpec & { route: RouteSpec }): EdgePort[] {
  const { published, extraPublished = {} } = spec.route;
  return portsOf(spec).flatMap(({ name, protocol }) => {
    const { numbers = [] } = (name === undefined ? published : extraPublished[name]) ?? {};
    return numbers.map((number): EdgePort => edgePort(number, protocol));
  });
}

/** isOverHttp tells whether what is spoken comes as requests of HTTP, as gRPC does: those have a domain, and move by flags. Pure. */
export function isOverHttp(protocol: Protocol | undefined): boolean {
  return protocol === 'http' || protocol === 'grpc';
}

/** edgePort returns a port of a server as Docker writes it: `53/udp`; all but udp is tcp. */
export function edgePort(number: number, protocol: Protocol): EdgePort {
  return `${number}/${protocol === 'udp' ? 'udp' : 'tcp'}`;
}

/** secretNamesOf returns the names of all secrets that a container needs a value of: for variables, and for files. */
export function secretNamesOf({ secrets, files = [] }: Pick<ContainerSpec, 'secrets' | 'files'>): string[] {
  const ofFiles = files.flatMap(({ content }) => ('secret' in content ? [content.secret] : []));
  return [...new Set([...secrets, ...ofFiles])];
}

/** specHash returns a short hash of any plain value; the order of object keys does not matter. */
export function specHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 16);
}

/** canonicalJson returns JSON with sorted keys and without undefined members. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    member !== null && typeof member === 'object' && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
