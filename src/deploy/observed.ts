import type { Side } from '../model/side.ts';
import type { ServedName } from '../nginx/served-names.ts';
import type { Slot, Tree } from '../nginx/tree.ts';

/** A service container as it was found on a server. */
export interface ObservedContainer {
  id: string;
  name: string;
  service: string;
  side: Side;
  /** Number of the release that created it. */
  release: number;
  /** See blueprintHash. */
  hash: string;
  secretsVersion: number;
  /** The image as the file named it. */
  image: string;
  imageId: string;
  isRunning: boolean;
  /** The base side's host port. */
  hostPort: number;
  internalPort: number;
  /** On the environment's network, while it runs. */
  address: string | undefined;
  /** Ids of the helpers that watch its connections: those of a run that drains it, or that was killed while it did. */
  helpers: string[];
  /** Its environment variables; read only where secrets have to be compared. */
  environment?: Record<string, string>;
  /** Switchyard did not make it: it has the traffic by other ways than the routes, until it is taken over. */
  isAdopted?: true;
}

/** An edge or sidecar as it was found. */
export interface ObservedNginx {
  id: string;
  name: string;
  isRunning: boolean;
  /** Its address on its home network, while it runs. */
  address: string | undefined;
  tree: Tree;
  /** The slot that the running nginx has read; of a stopped one, the one that it will read. */
  slot: Slot;
  /** What the running nginx says it serves of this environment. */
  generation: string | undefined;
  /** Attached to the environment's network. */
  isInNetwork: boolean;
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
  /** What an nginx serves; undefined when it was not asked, or is no nginx. */
  served?: ServedName[];
}

/** What was found on one server. */
export interface ObservedServer {
  host: string;
  containers: ObservedContainer[];
  sidecar: ObservedNginx | undefined;
  /** Where a front still holds the edge's ports, the bridge that stands in for it. */
  edge: ObservedNginx | undefined;
  /** Id of the bridge while it runs. */
  bridge: string | undefined;
  /** Containers that this environment did not make, and may take over or finds in its way. */
  foreign: ForeignContainer[];
  hasNetwork: boolean;
  /** Base host ports that other environments' containers hold here. */
  foreignHostPorts: number[];
  /** Ids of short-lived containers, locks included, that an earlier run of this environment left behind. */
  leftHelpers: string[];
  /** Local image ids of the images that services want here, by image name; missing ones are absent. */
  images: Map<string, { id: string; digest: string | undefined }>;
}
