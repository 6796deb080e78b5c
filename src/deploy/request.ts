import type { Provider } from '../fleet/server.ts';
import type { Log } from '../model/log.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import type { Store } from '../state/store.ts';
import type { Facts } from './planning/assemble.ts';
import type { Narrowing } from './planning/narrowing.ts';
import type { Plan } from './planning/plan.ts';
import type { UnfinishedHookAnswer, WantedService } from './planning/plan-input.ts';
import type { Author } from './recording/author.ts';
import type { RollbackTarget } from './restoring/choose-release.ts';
import type { ProbeReport } from './running/probe.ts';
import type { Timeline } from './running/timeline.ts';

/** What a deploy is asked to do. */
export interface DeployRequest {
  wanted: EnvironmentSpec;
  /** Secret values by service and name. */
  secrets: Facts['secrets'];
  narrowing: Narrowing;
  /** What to do with a hook of which nobody knows how it ended. */
  unfinishedHook?: UnfinishedHookAnswer | undefined;
  /** Brings the services that `narrowing` names back to earlier releases. */
  rollback?: {
    to: RollbackTarget;
    /** hide keeps a value that was read from a server out of the log. */
    hide(value: string): void;
  };
  /** The releases that the rollback has found: `wanted` and `secrets` are theirs by then. */
  restored?: Facts['restored'];
  /** `routes` leaves all containers as they are and makes edge and sidecar serve them. */
  scope: 'services' | 'routes';
  dryRun: boolean;
  /** How long to wait while another run changes the environment, in milliseconds. */
  leaseWaitMs: number;
  provider: Provider;
  openStore(): Promise<Store>;
  author: Author;
  log: Log;
  /** Aborted when the run is cancelled. */
  signal: AbortSignal;
}

/** What a deploy did. */
export interface DeployReport {
  plan: Plan;
  services: readonly WantedService[];
  timeline: Timeline;
  probes: Map<string, ProbeReport>;
  /** Connections that were cut when a drain timeout was over. */
  cut: number;
  /** Engine API requests sent. */
  engineCalls: number;
  /** Why the run failed, when it did after it had begun to change things. */
  failure: unknown;
  /** Services that were to change and run as before, because the run failed. */
  undone: readonly string[];
  /** Where each service stands now. */
  standing: Plan['standing'];
  changed: boolean;
}
