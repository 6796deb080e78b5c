import type { BuiltImage } from '../build/images.ts';
import type { Drift } from '../deploy/observation/drift.ts';
import type { Maintenance } from '../deploy/observation/maintenance.ts';
import type { StatusService } from '../deploy/observation/status.ts';
import type { Change, Effect, StaleChange } from '../deploy/planning/plan.ts';
import type { Finding } from '../deploy/preflight/findings.ts';
import type { PastRelease } from '../deploy/record/past-releases.ts';
import type { ListedSecret } from '../deploy/record/secret-list.ts';
import type { Slot } from '../model/copy.ts';
import type { ProbeReport } from '../model/release.ts';

/** One copy in the output `result`. */
export interface CopyResult {
  /** The server's name. */
  server: string;
  slot: Slot;
  container: string;
  /** The host port where one is published, else the container port; a worker has none. */
  port?: number;
  /** Milliseconds of each phase that happened here: start, healthy, drain, stop. */
  durations: Record<string, number>;
}

/** One service in the output `result`. */
export interface ServiceResult {
  release: number;
  effect: Effect;
  copies: CopyResult[];
  probe?: ProbeReport;
}

/** How a plan came out. */
export type PlanOutcome = 'no changes' | 'changes' | 'error';

/** The output `plan`. */
export type PlanOutput =
  | {
      outcome: PlanOutcome;
      changes: Change[];
      steps: string[];
      stale: StaleChange;
      drift: Drift[];
      preflight: Finding[];
    }
  | { outcome: 'error'; error: string };

/** One service in the output `built`. */
export type BuiltOutput = Pick<
  BuiltImage,
  'outcome' | 'why' | 'image' | 'digest' | 'ms' | 'sizeBytes' | 'previousSizeBytes' | 'steps'
>;

/** One backup in the output `backups`. */
export interface BackupOutput {
  service: string;
  server: string;
  /** Undefined where none was made. */
  id?: string;
  at?: string;
  /** It was restored, and all was there. */
  verified: boolean;
  size_bytes?: number;
  stored_bytes?: number;
  took_ms?: number;
  /** Where it lies. */
  target?: string;
  /** Where it was pulled to, and the digest of that file, in hex. */
  file?: string;
  sha256?: string;
  /** Names of the volumes that it was restored to, by those that the file has. */
  volumes?: Record<string, string>;
  /** How long a restore takes, where one was tried. */
  restore_ms?: number;
  /** The name of what a restore has replaced, and the time after which the next run removes it. */
  kept?: string;
  kept_until?: string;
  error?: string;
}

/** All outputs, with what their values are. */
export interface Outputs {
  changed: boolean;
  releases: Record<string, number>;
  result:
    | Record<string, ServiceResult>
    | Record<string, PastRelease[]>
    | Record<string, StatusService>
    | Record<string, Maintenance>
    | Record<string, ListedSecret>;
  plan: PlanOutput;
  images: string;
  digests: Record<string, string>;
  built: Record<string, BuiltOutput>;
  backups: BackupOutput[];
  evidence: string;
}

export type OutputName = keyof Outputs;

/** Every output of every command, as people are told of it. */
export const OUTPUTS: Record<OutputName, { description: string }> = {
  changed: { description: '`true` when anything was changed (or, in a dry run, would be), else `false`.' },
  releases: { description: 'JSON: the number of the release that runs, by service.' },
  result: {
    description:
      'JSON: by service its release, the `effect` of the run, its `copies` with `server`, `slot`, `container`, `port` and durations in ms, and the counts of the probe.',
  },
  plan: {
    description:
      'JSON: `outcome` (`no changes`, `changes` or `error`), `changes` by service with their reasons, `steps` as text, `drift`, and what the look at the servers has found (`preflight`).',
  },
  images: {
    description:
      'The images that a deploy takes as its input `images`: `service=repository@sha256:…`, one a line, also those that were there already.',
  },
  digests: { description: 'JSON: by service the digest of its image.' },
  built: {
    description:
      'JSON: by service its `outcome` (`built`, `present` before, or in a dry run `missing`), `why`, its `image` and `digest`, how long it took (`ms`), how many `steps` there were in all and from the cache, and the size of its layers, packed (`sizeBytes`), beside that of the image before (`previousSizeBytes`).',
  },
  evidence: {
    description:
      'A folder with what tells of versions that failed, for `actions/upload-artifact`: by server the logs and states of their containers, and the configuration and counts of edge and sidecar. Values of secrets are left out. Empty where nothing failed.',
  },
  backups: {
    description:
      'JSON: a list with an entry for each backup: `service`, `server`, `id`, `at`, whether it is `verified`, its size (`size_bytes`), what of it was new in the repository (`stored_bytes`), how long it took (`took_ms`), where it lies (`target`), the `file` that it was pulled to with its `sha256`, how long a restore takes (`restore_ms`), what a restore has replaced (`kept`, until `kept_until`), and the `error` where it failed.',
  },
};
