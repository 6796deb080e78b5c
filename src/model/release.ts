import type { CopyState, Slot } from './copy.ts';
import type { RecordedSecret } from './generated-secret.ts';
import type { ContainerSpec, PolicySpec, PortsSpec, RouteSpec, StrategyName } from './spec.ts';

/** Everything needed to run one version of a service again. Written once, never changed. */
export interface Release extends PortsSpec {
  schema: 1;
  project: string;
  environment: string;
  service: string;
  /** Counts from 1, per service. */
  number: number;
  container: ContainerSpec;
  route: RouteSpec;
  policy: PolicySpec;
  /** `name@sha256:…` where the registry gave one. */
  image_digest?: string;
  /** Where there is no digest, the engine's id of the image: an image that was loaded by hand is known by nothing else. */
  image_id?: string;
  /** Number of the secret set: another one where any value or name differs. The values are on the servers only. */
  secrets_version: number;
  /** The release whose content this one brought back: a rollback is a release of its own. */
  restores?: number;
  created_at: string;
  commit?: string;
  run?: string;
  actor?: string;
}

/** Who deploys, for the record. */
export interface Author {
  /** A link to the run, or `local`. */
  run: string;
  actor: string;
  commit: string | undefined;
}

/** The values of one service's secrets under the number that its releases name. */
export interface SecretSet {
  service: string;
  version: number;
}

/** What a probe saw during a switch. */
export interface ProbeReport {
  sent: number;
  /** No answer, or one that says no copy was there. */
  lost: number;
  /** The tunnel to the server broke: nobody knows what a user would have seen. */
  unknown: number;
  p50_ms: number;
  p99_ms: number;
  /** The longest time without a good answer. */
  longest_gap_ms: number;
  /** What the first lost requests saw. */
  losses: string[];
}

/** What became of one release of a service, for people and for going back. */
export interface HistoryEntry {
  release: number;
  /** `deployed` had the traffic; `failed` had none, or lost it again in the same run. */
  outcome: 'deployed' | 'failed';
  at: string;
  run: string;
  actor: string;
  commit?: string;
  /** What was different: names only, never values. */
  why: string[];
  /** From the start of the run to its record, in milliseconds. */
  took_ms: number;
  /** Requests of the probe. */
  sent?: number;
  lost?: number;
  restores?: number;
}

/** A copy as the state branch records it. */
export interface RecordedCopy {
  /** The server's name. */
  server: string;
  slot: Slot;
  /** The container's name. */
  container: string;
  /** The port to look at: the host port where one is published, else the container port; none of a worker. */
  port?: number;
  state: CopyState;
  healthy: boolean;
  release: number;
  /** Left out where all copies have the same share of the traffic. */
  weight?: number;
  /** Of one that drains without the lease: its run says again before this time that it lives. */
  until?: string;
}

/** A rollout that has begun and is not finished: what it is stands here, and is never guessed from release numbers. */
export interface RecordedRollout {
  release: number;
  strategy: StrategyName;
  /** How far it is. Nothing of a `starting` one has traffic by the will of a run that ended well. */
  step: 'starting';
  run: string;
  since: string;
}

/**
 * How far a hook came. `due`: its release is begun; `begun`: it was started, or is about to be, and no run has seen
 * how it ended.
 */
export type HookProgress = 'due' | 'begun' | 'done' | 'failed';

/** How far the hooks of a release came. */
export interface RecordedHooks {
  release: number;
  /** The server that they run on. */
  server: string;
  pre_deploy?: HookProgress;
  post_deploy?: HookProgress;
}

/** The numbers of a further port. */
export interface RecordedPort {
  internal_port: number;
  host_port: number;
}

/** What runs of one service, on the state branch. */
export interface RecordedService {
  release: number;
  /** With digest where there is one. */
  image: string;
  /** Left out of a worker, as is the next one. */
  internal_port?: number;
  host_port?: number;
  /** Of further ports, by their names. */
  extra_ports?: Record<string, RecordedPort>;
  /** Those that serve, and those that a run still drains without the lease. */
  copies: RecordedCopy[];
  deployed_at: string;
  /** When traffic last moved to other copies. */
  switched_at?: string;
  /** The release before this one, 0 when there was none. */
  previous: number;
  run: string;
  rollout?: RecordedRollout;
  /** The hooks of the last release that had any. */
  hooks?: RecordedHooks;
  /** The last releases, the newest first. */
  history?: HistoryEntry[];
  /** What the probe saw during the last switch. */
  probe?: Omit<ProbeReport, 'losses'>;
}

/** The place of a copy. */
export interface CopyPlace {
  service: string;
  server: string;
  slot: Slot;
}

/** A server that a run had to leave out. */
export interface StaleServer {
  since: string;
  run: string;
  reason?: string;
  /** Where its nginx may send requests on other servers since then; undefined where nobody knows. */
  sends_to?: CopyPlace[];
}

/** `state/<project>/<environment>.json`: what runs where now. Fields that are unknown here are kept. */
export interface EnvironmentState {
  schema: 1;
  project: string;
  environment: string;
  services: Record<string, RecordedService>;
  /** Servers that runs had to leave out, by name: they get no traffic, and stand as they were then. */
  stale_servers?: Record<string, StaleServer>;
  /** The highest number that was ever given, by service: also to releases that failed, and to services that left. */
  release_numbers?: Record<string, number>;
  /** The same for the numbers of secret sets. */
  secrets_versions?: Record<string, number>;
  /** Secrets that were made once and are kept, by name. */
  generated_secrets?: Record<string, RecordedSecret>;
}
