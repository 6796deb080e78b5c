import type { FindRegistryAuth } from '../docker/credentials.ts';
import type { Provider } from '../fleet/server.ts';
import type { Clock } from '../model/clock.ts';
import type { Copy } from '../model/copy.ts';
import type { EvidenceFile } from '../model/evidence.ts';
import type { Log } from '../model/log.ts';
import type { Author, ProbeReport } from '../model/release.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import type { Store } from '../state/store.ts';
import type { Drift } from './observation/drift.ts';
import type { GeneratedRequest } from './observation/generated-secrets.ts';
import type { CertificateFactsOfRun } from './planning/certificate-facts.ts';
import type { Narrowing } from './planning/narrowing.ts';
import type { Plan } from './planning/plan.ts';
import type { UnfinishedHookAnswer, WantedService } from './planning/wanted.ts';
import type { Finding } from './preflight/findings.ts';
import type { RollbackTarget } from './record/choose-release.ts';
import type { Authority } from './steps/authority.ts';
import type { Layouts } from './steps/context.ts';
import type { Timeline } from './timeline.ts';

/** How the servers and the record of an environment are reached. */
export interface Reach {
  provider: Provider;
  openStore(): Promise<Store>;
  /** Who the run is at registries, from which the servers pull. */
  registryAuth: FindRegistryAuth;
  /** findRepository returns the repository that the run is of, to which what it deploys belongs. */
  findRepository(): Promise<string>;
  log: Log;
  clock: Clock;
}

/** What shall change, of which environment. */
export interface ChangeRequest extends Reach {
  /** What the file says. Its servers are those that the provider names. */
  wanted: EnvironmentSpec;
  /** What of them is made from generated secrets is known only when the servers were asked; none unless given. */
  generated?: GeneratedRequest | undefined;
  /** Secret values by service and name; without those that are made from generated ones. */
  secrets: Readonly<Record<string, Record<string, string>>>;
  /** Images that this machine has for servers. */
  layouts: Layouts;
  /** Gives certificates. */
  authority: Authority;
  /** Secret values of HTTPS, and lists of users, by name; undefined where the run has none, and leaves alone what would need them. */
  tlsSecrets?: Readonly<Record<string, string>> | undefined;
  /** Domains that get a new certificate whatever they have. */
  forcedCertificates?: readonly string[];
  /** Domains whose certificates are revoked once others serve in their place, and why. */
  revokedCertificates?: CertificateFactsOfRun['revoke'];
  narrowing: Narrowing;
  /** Services whose image stays the one that serves, whatever `wanted` says; none unless given. */
  keptImages?: readonly string[];
  /** Images that are not built yet, so that no registry can have them, in a dry run; none unless given. */
  unbuiltImages?: readonly string[];
  /** `routes` leaves all containers as they are and makes edge and sidecar serve them. */
  scope: 'services' | 'routes';
  /** What to do with a hook of which nobody knows how it ended. */
  unfinishedHook?: UnfinishedHookAnswer | undefined;
  /** Brings the services that `narrowing` names back to earlier releases. */
  rollback?: { to: RollbackTarget } | undefined;
  /** The repository that hands the environment over to the one of this run. */
  takeOverFrom?: string | undefined;
  /** hide keeps a value that was read from a server out of the log. */
  hide(value: string): void;
}

/** What a deploy is asked to do. */
export interface DeployRequest extends ChangeRequest {
  /** How long to wait while another run changes the environment, in milliseconds. */
  leaseWaitMs: number;
  author: Author;
  /** Aborted when the run is cancelled. */
  signal: AbortSignal;
  /** Told of every plan before it is run: a run that finds the work of a cut-off one plans more than once. */
  onPlan(plan: Plan): void;
}

/** What a deploy did. */
export interface DeployReport {
  plan: Plan;
  services: readonly WantedService[];
  timeline: Timeline;
  /** What the probes saw, by service. */
  probes: ReadonlyMap<string, ProbeReport>;
  /** Connections that were cut when a drain timeout was over. */
  cut: number;
  /** Engine API requests sent. */
  engineCalls: number;
  /** Why the run failed, when it did after it had begun to change things. */
  failure: unknown;
  /** Services that were to change and run as before, because the run failed. */
  undone: readonly string[];
  /** What serves after a failure, by name, as sentences; none where nobody knows. */
  standing: readonly string[];
  /** What people should know beside what changed, as sentences. */
  notes: readonly string[];
  /** Images by digest that releases had which the record keeps no longer, and no other one has. */
  expiredImages: readonly string[];
  /** What tells of versions that failed; none where none did. */
  evidence: readonly EvidenceFile[];
  /** The copies that serve now, by service. */
  copies: Readonly<Record<string, readonly Copy[]>>;
  changed: boolean;
}

/** What a deploy would do now, and what it would meet. */
export interface DryRunReport {
  plan: Plan;
  services: readonly WantedService[];
  /** A deploy would change something. */
  changed: boolean;
  /** Where servers and record differ. */
  drift: Drift[];
  /** What people should know beside what changes, as sentences. */
  notes: readonly string[];
  /** What the look at the servers before a deploy has found; with an error among it, a deploy would fail. */
  findings: Finding[];
}
