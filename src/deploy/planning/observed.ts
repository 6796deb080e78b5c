import type { Slot } from '../../model/copy.ts';
import type { HookName } from '../../model/names.ts';
import type { PortNumbers } from '../../model/ports.ts';
import type { EdgePort } from '../../model/spec.ts';
import type { FrontCertificate } from '../../nginx/front-certificates.ts';
import type { ServedName } from '../../nginx/served-names.ts';
import type { Folder, Tree } from '../../nginx/tree.ts';
import type { ContainerSettings, ImageDefaults } from './container-settings.ts';

/** A copy as it was found on a server. */
export interface ObservedCopy {
  id: string;
  name: string;
  service: string;
  slot: Slot;
  /** Number of the release that created it. */
  release: number;
  /** See blueprintHash. */
  hash: string;
  secretsVersion: number;
  /** The image as the file named it. */
  image: string;
  imageId: string;
  isRunning: boolean;
  /** How it does: absent where nobody looked. */
  condition?: ContainerCondition;
  /** How it is really made, whatever its labels say: absent where nobody looked. */
  settings?: ContainerSettings;
  /** The host port of the slot `base`. */
  hostPort: number;
  /** Its own host port, as the slot `base` would have it; undefined where ports do not carry the version. */
  versionPort: number | undefined;
  internalPort: number;
  /** The numbers of its further ports. */
  extraPorts?: Readonly<Record<string, PortNumbers>>;
  /** On the environment's network, while it runs. */
  address: string | undefined;
  /** Ids of the helpers that watch its connections: those of a run that drains it, or that was killed while it did. */
  helpers: string[];
  /** Switchyard did not make it: it has the traffic by other ways than the routes, until it is taken over. */
  isAdopted?: true;
}

/** The container of a hook as it was found on a server. */
export interface ObservedHook {
  id: string;
  name: string;
  service: string;
  hook: HookName;
  release: number;
  /** `created` was never started. */
  status: 'created' | 'running' | 'ended';
  exitCode: number;
}

/** An edge or sidecar as it was found. */
export interface ObservedNginx {
  id: string;
  name: string;
  isRunning: boolean;
  /** Its address on its home network, while it runs. */
  address: string | undefined;
  tree: Tree;
  /** The folder that the running nginx has read; of a stopped one, the one that it will read. */
  folder: Folder;
  /** What the running nginx says it serves of this environment. */
  generation: string | undefined;
  /** How long ago it was told to read something new; infinity is never. */
  reloadedMsAgo: number;
  /** Attached to the environment's network. */
  isInNetwork: boolean;
}

/** The container of an edge or sidecar: what it is made of, which it stays for as long as it is there. */
export interface MadeNginx {
  id: string;
  name: string;
  isRunning: boolean;
  /** The image as it was named. */
  image: string;
  /** The ports of the server that lead into it, in a fixed order. */
  ports: EdgePort[];
  networks: string[];
  /** Ids of the helpers of this environment that watch its connections. */
  helpers: string[];
}

/** Something that may be removed, by its id. */
export interface Leftover {
  id: string;
  /** For people. */
  name: string;
}

/** An image that carries the project's label. */
export interface LabelledImage {
  id: string;
  /** With tag, and by digest, as Docker shortens them; none where a newer image has taken its name. */
  names: string[];
  /** When it was built: seconds since 1970. */
  createdAt: number;
  /** A container uses it, whoever's. */
  isUsed: boolean;
}

/** What carries the environment's labels, and is no service, sidecar or edge. */
export interface Leftovers {
  /** Short-lived containers, locks included, that an earlier run left behind. */
  helpers: Leftover[];
  /** But for the environment's own network; nobody is in them. */
  networks: Leftover[];
  /** With a sidecar's configuration; nobody mounts them. */
  volumes: Leftover[];
  images: LabelledImage[];
  /** Names that images had while they were transferred by a run that was cut off then. */
  transfers: Leftover[];
}

/** A container that this environment did not make, as far as it can be taken over or is in the way. */
export interface ForeignContainer {
  id: string;
  name: string;
  isRunning: boolean;
  image: string;
  imageId: string;
  /** The environment that its labels name, where Switchyard made it for another one. */
  owner: string | undefined;
  /** The project of Compose that made it. */
  composeProject: string | undefined;
  networks: string[];
  /** Volumes and directories that it may write to. */
  writes: { source: string; target: string }[];
  /** Ports of the server that lead into it. */
  published: { port: number; containerPort: number }[];
  /** Ids of the helpers of this environment that watch its connections. */
  helpers: string[];
  /** What an nginx serves; undefined when it was not asked, is no nginx, or what it passes requests to is gone. */
  served?: ServedName[];
  /** What an nginx that was asked has said instead of what it serves. */
  complaint?: string;
  /** The certificates that it shows over HTTPS; absent where nobody looked. */
  certificates?: FrontCertificate[];
}

/** What was found on one server. */
export interface ObservedServer {
  /** The server's name. */
  name: string;
  /** The repository that the environment belongs to here; undefined where nothing of it stands, or nothing says so. */
  owner: string | undefined;
  copies: ObservedCopy[];
  /** Containers with the labels of a service under names that it never has: somebody made them, and nginx does not find them. */
  handMade: ObservedCopy[];
  hooks: ObservedHook[];
  sidecar: ObservedNginx | undefined;
  /** What the sidecar is made of. */
  madeSidecar?: MadeNginx;
  /** Those that it has replaced, or that were to replace it. */
  otherSidecars?: MadeNginx[];
  /** Where a front or an older edge still holds the edge's ports, the bridge that stands in for it. */
  edge: ObservedNginx | undefined;
  /** What the edge is made of that holds the ports, or held them before it stopped: never the bridge. */
  madeEdge?: MadeNginx;
  /** Id of the bridge while it runs. */
  bridge: string | undefined;
  /** Whether new connections go past the front, or past an older edge, to the bridge. */
  isDiverted: boolean;
  /** Containers that this environment did not make, and may take over or finds in its way. */
  foreign: ForeignContainer[];
  hasNetwork: boolean;
  /** Base host ports, those of versions too, that other environments' containers hold here. */
  foreignHostPorts: number[];
  leftovers: Leftovers;
  /** Local image ids of the images that services, edge and sidecar want here, by image name; missing ones are absent. */
  images: Map<string, ObservedImage>;
}

/** An image as it lies on a server. */
export interface ObservedImage {
  id: string;
  /** What its registry knows it by. */
  digest: string | undefined;
  /** `linux/arm64/v8`; undefined where nobody has asked. */
  platform?: string;
  defaults?: ImageDefaults;
}

/** How a container does. */
export interface ContainerCondition {
  /** Docker's word for it: `running`, `paused`, `restarting`, `exited`, … */
  state: string;
  /** How often the engine had to start it again. */
  restarts: number;
  /** What the image's own health check says, where it has one: `healthy`, `unhealthy`, `starting`. */
  health: string | undefined;
}
