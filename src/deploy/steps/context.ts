import type { FindRegistryAuth } from '../../docker/credentials.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { Clock } from '../../model/clock.ts';
import type { EvidenceFile } from '../../model/evidence.ts';
import type { GeneratedSecret } from '../../model/generated-secret.ts';
import type { Log } from '../../model/log.ts';
import type { Scope } from '../../model/names.ts';
import type { HookProgress, ProbeReport } from '../../model/release.ts';
import type { NginxSpec, ServerSpec } from '../../model/spec.ts';
import type { NginxInstance } from '../../nginx/instance.ts';
import type { NginxKind } from '../../nginx/routes.ts';
import { keepaliveMsOf, type Tree } from '../../nginx/tree.ts';
import type { LayoutImage } from '../../registry/layout.ts';
import type { SealedSecrets } from '../../state/sealed-secrets.ts';
import type { Authority } from './authority.ts';
import type { InstalledPair } from './certify.ts';
import type { RecordGeneratedStep } from './generated-secrets.ts';
import type { HookStep } from './hook.ts';
import type { Prober } from './prober.ts';
import type { RecordIntentStep } from './record-intent.ts';
import type { Staging } from './stage.ts';
import type { StartedCopy } from './start.ts';

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

/** The images that were built on this machine for no registry. */
export interface Layouts {
  /** find returns an image by its digest; undefined where it is not here. */
  find(digest: string): Promise<LayoutImage | undefined>;
}

/** What a run has learned of the servers since it began: what one step found out, later ones need not ask for. */
export class Knowledge {
  /** Addresses of copies on the environment's network, by `copyKey`. */
  readonly addresses = new Map<string, string>();
  /** The copies that this run has started, or found running and has to prove, by `copyKey`. */
  readonly started = new Map<string, StartedCopy>();
  /** Ids of the containers that this run has created for services. */
  readonly created = new Set<string>();
  /** Those of them that no switch has given traffic. */
  readonly unused = new Set<string>();
  /** The running edges and sidecars, by `nginxKey`. */
  readonly instances = new Map<string, NginxInstance>();
  /** Configurations that are staged and not live yet, or not proven, by the move of traffic that they are for. */
  readonly stagings = new Map<string, Promise<Staging>>();
  /** Probers that run, by service. */
  readonly probers = new Map<string, Prober[]>();
  /** What those that have ended saw, by service. */
  readonly probed = new Map<string, ProbeReport>();
  /** The digest of each service's image, where there is one. */
  readonly digests = new Map<string, string>();
  /** The key of the environment's account with CAs, once the servers answer for it. */
  account: string | undefined;
  /** Keys of certificates that this run replaces to have them revoked, by serial. */
  readonly replacedKeys = new Map<string, string>();
  /** Certificates that this run has obtained, by domain. */
  readonly certificates = new Map<string, InstalledPair>();
  /** What tells of versions that failed, by its path. */
  readonly evidence = new Map<string, EvidenceFile>();
  /** Connections that were cut since a drain was not over in time. */
  cut = 0;
  /** When an edge or sidecar was last told to read something new, by `Clock.now`; a run that was cut off may have done it. */
  reloadedAt = Number.NEGATIVE_INFINITY;
  /**
   * For how long old workers of edges and sidecars may bring one more request of an idle connection, in milliseconds: an edge has
   * the longest time of all who share it.
   */
  keepaliveMs = 0;

  /** noteReload says that one was told so at a time. */
  noteReload(at: number): void {
    this.reloadedAt = Math.max(this.reloadedAt, at);
  }

  /** noteKeepalive says for how long those of an nginx may, by what was read of it. */
  noteKeepalive(tree: Tree): void {
    this.keepaliveMs = Math.max(this.keepaliveMs, keepaliveMsOf(tree));
  }
}

/** What running a step needs. */
export interface RunContext {
  fleet: Fleet;
  scope: Scope;
  /** The repository that the environment belongs to. */
  repository: string;
  /** All servers of the environment, also those that the run does not touch. */
  servers: readonly ServerSpec[];
  nginx: NginxSpec;
  /** Secret values by service and name. */
  secrets: Readonly<Record<string, Record<string, string>>>;
  generated: {
    /** secretOf returns a generated secret by its name. */
    secretOf(name: string): GeneratedSecret;
    /** seal encrypts a value for those who may open encrypted copies. */
    seal(value: string): Promise<string>;
  };
  /** Secret values of HTTPS, and lists of users, by name. */
  tlsSecrets: Readonly<Record<string, string>>;
  authority: Authority;
  registryAuth: FindRegistryAuth;
  /** Images that this machine has for servers. */
  layouts: Layouts;
  log: Log;
  /** Its sleeps end when the run is cancelled or has lost the lease. */
  clock: Clock;
  guard: Guard;
  known: Knowledge;
  record: {
    /** intend notes which releases are about to start. */
    intend(step: RecordIntentStep, digests: ReadonlyMap<string, string>): Promise<void>;
    /** noteGenerated notes which generated secrets there are, and keeps encrypted copies of some. */
    noteGenerated(step: RecordGeneratedStep, sealed: SealedSecrets): Promise<void>;
    /** noteHook notes how far a hook came. */
    noteHook(step: HookStep, progress: HookProgress): Promise<void>;
  };
  /** moment announces that a step has come to one of the moments that its kind names. */
  moment(name: string): void;
}

/** What looking at copies, and keeping requests from them, needs of it. */
export type LookContext = Pick<
  RunContext,
  'fleet' | 'scope' | 'servers' | 'nginx' | 'log' | 'clock' | 'guard' | 'known'
>;

/** nginxKey names the edge or sidecar of a server. */
export function nginxKey(server: string, kind: NginxKind): string {
  return `${server} ${kind}`;
}

/** instanceAt returns a running edge or sidecar; it throws where there is none. */
export function instanceAt({ known }: RunContext, server: string, kind: NginxKind): NginxInstance {
  const found = known.instances.get(nginxKey(server, kind));
  if (found === undefined) throw new Error(`${server}: there is no running ${kind}`);
  return found;
}
