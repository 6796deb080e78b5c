import type { Fleet } from '../../fleet/fleet.ts';
import type { Log } from '../../model/log.ts';
import type { Scope } from '../../model/names.ts';
import type { HookProgress } from '../../model/release.ts';
import type { NginxSpec, PartialFailure, ServerSpec } from '../../model/spec.ts';
import type { NginxInstance } from '../../nginx/instance.ts';
import type { NginxKind } from '../../nginx/render.ts';
import type { HookStep } from '../planning/plan.ts';
import type { Timeline } from './timeline.ts';

/** The right to change an environment, as far as a run needs to know it. */
export interface Guard {
  /** Names the run in locks. */
  run: string;
  fence: number;
  /** Aborted when the right is lost or the run is cancelled. */
  signal: AbortSignal;
  /** confirm throws when the right was lost, and makes sure that it lasts for another half minute. */
  confirm(): Promise<void>;
}

/** What running a plan needs. */
export interface RunContext {
  fleet: Fleet;
  scope: Scope;
  servers: readonly ServerSpec[];
  nginx: NginxSpec;
  /** Whether a switch that fails on some servers is kept by the others. */
  onPartialFailure: PartialFailure;
  /** Secret values by service and name. */
  secrets: Readonly<Record<string, Record<string, string>>>;
  log: Log;
  timeline: Timeline;
  guard: Guard;
  /** Notes in the record how far a hook came. */
  noteHook(step: HookStep, progress: HookProgress): Promise<void>;
  /** Addresses of service containers on the environment's network, by `placeKey`. */
  addresses: Map<string, string>;
  /** Ids of the containers that this run has started and that no switch has given traffic, by service. */
  unused: Map<string, Set<string>>;
  /** The running edges and sidecars, by `nginxKey`. */
  instances: Map<string, NginxInstance>;
}

/** nginxKey names the edge or sidecar of a server. */
export function nginxKey(host: string, kind: NginxKind): string {
  return `${host} ${kind}`;
}

/** placeKey names one side of a service on a server. */
export function placeKey(host: string, service: string, side: string): string {
  return `${host} ${service} ${side}`;
}
