import type { Scope } from '../../model/names.ts';
import type { EnvironmentState } from '../../model/release.ts';
import type { NginxSpec, ServerSpec } from '../../model/spec.ts';
import type { CertificateFactsOfRun } from './certificate-facts.ts';
import type { SettledSecrets } from './generated-secrets.ts';
import type { ObservedServer } from './observed.ts';
import type { Comparison } from './plan.ts';
import type { ReleaseSpec, UnfinishedHookAnswer, WantedService } from './wanted.ts';

/** Everything the planner looks at. */
export interface PlanInput {
  scope: Scope;
  /** The repository that the environment belongs to from now on. */
  repository: string;
  /** All servers of the environment. */
  servers: readonly ServerSpec[];
  nginx: NginxSpec;
  /** What this is made of. */
  compared: Comparison;
  services: readonly WantedService[];
  observed: readonly ObservedServer[];
  state: EnvironmentState;
  /** Services that stand or are recorded, and shall go. */
  removes: readonly string[];
  /** The environment is given up: what it needs on the servers goes too. */
  removesAll: boolean;
  /** What is known of services that are deployed and not in the file any more. */
  lastReleases: ReadonlyMap<string, ReleaseSpec>;
  /** Names of the servers that the run may change: all, but for those that `zones` or `exclude-servers` leave out. */
  reached: readonly string[];
  /** Names of servers that cannot be reached: nothing stands there as far as routes and record are concerned. */
  excluded: ReadonlySet<string>;
  /** What somebody said about hooks of which nobody knows how they ended. */
  unfinishedHook: UnfinishedHookAnswer | undefined;
  /** Ids of containers that a living run is draining; they are left to it unless their slot is needed. */
  drainedElsewhere: ReadonlySet<string>;
  /** For names that have a time. */
  now: Date;
  certificates: CertificateFactsOfRun;
  /** Those that the run uses. */
  generated: SettledSecrets;
  /** What is left over is removed: the run is for all services. */
  isSweeping: boolean;
  /** Names of the images of all releases on record; undefined when the record does not tell. */
  retainedImages: ReadonlySet<string> | undefined;
}
