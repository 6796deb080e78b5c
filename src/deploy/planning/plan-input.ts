import type { Scope } from '../../model/names.ts';
import type { ServicePorts } from '../../model/ports.ts';
import type { EnvironmentState, Release } from '../../model/release.ts';
import type { NginxSpec, ServerSpec } from '../../model/spec.ts';
import type { KnownReleases, Numbered, ReleaseSpec } from './desired.ts';
import type { ObservedServer } from './observed.ts';

/** What to do with a hook of which nobody knows how it ended: run it again, or take it for done. */
export type UnfinishedHookAnswer = 'run' | 'done';

/** A service that shall stand in the environment after the run. */
export interface WantedService {
  name: string;
  spec: ReleaseSpec;
  dependsOn: string[];
  placement: { servers: number; zones: string[] };
  ports: ServicePorts;
  /** The host port of its next container, as the base side would have it, where ports carry the version. */
  versionPort?: number | undefined;
  release: Numbered;
  known: KnownReleases;
  /** The engine's id of its image, where servers have it and agree. */
  imageId?: string;
  /** The release that a rollback brings back in it. */
  restored?: Release;
  /** False keeps it as it is: the run was narrowed to other services. */
  isSelected: boolean;
}

/** Everything the planner looks at. */
export interface PlanInput {
  scope: Scope;
  servers: readonly ServerSpec[];
  nginx: NginxSpec;
  services: readonly WantedService[];
  observed: readonly ObservedServer[];
  state: EnvironmentState;
  /** Services that stand or are recorded, and shall go. */
  removes: readonly string[];
  /** The environment is given up: what it needs on the servers goes too. */
  isLeaving: boolean;
  /** Whatever has the traffic is right as it is: a failed run is undone. */
  keepsActive: boolean;
  /** Ids of containers that this run has started and that never had traffic: all others are drained before they go. */
  unused: ReadonlySet<string>;
  /** What is known of services that are deployed and not in the file any more. */
  leaving: ReadonlyMap<string, ReleaseSpec>;
  /** Servers that the run may change: all, but for those that `zones` or `exclude-servers` leave out. */
  hosts: readonly string[];
  /** Servers that cannot be reached: nothing stands there as far as routes and record are concerned. */
  excluded: ReadonlySet<string>;
  /** What somebody said about hooks of which nobody knows how they ended. */
  unfinishedHook: UnfinishedHookAnswer | undefined;
  /** Containers that a living run is draining; they are left to it unless their place is needed. */
  drainedElsewhere: ReadonlySet<string>;
  /** For names that have a time. */
  now: Date;
  /** What is left over is removed: the run is for all services. */
  isSweeping: boolean;
  /** Names of the images of all releases on record; undefined when the record does not tell. */
  retainedImages: ReadonlySet<string> | undefined;
}
