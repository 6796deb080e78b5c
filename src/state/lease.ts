import * as z from 'zod';
import { UserError } from '../model/errors.ts';
import type { Scope } from '../model/names.ts';
import { type FilePlace, parseJson } from './json-file.ts';

const lease = z.looseObject({
  schema: z.literal(1),
  /**
   * Random, new with every taking: two takers of one moment must never write the same commit, because git
   * calls a push of what is already there a success.
   */
  id: z.string(),
  /** Who: the GitHub actor, or `user@host`. */
  holder: z.string(),
  /** A link to the run, or `local`. */
  run: z.string(),
  run_id: z.int().optional(),
  run_attempt: z.int().optional(),
  /** `owner/name` of the run. */
  repository: z.string().optional(),
  /** The machine of the holder, and its process there. */
  host: z.string(),
  pid: z.int(),
  /** Which start of the machine, and which process id space: without it, `pid` could be anybody's. */
  boot: z.string().optional(),
  taken_at: z.string(),
  /** When it ends unless it is renewed before. */
  end: z.string(),
  /** Rises by one whenever the lease is taken; the higher number is the newer right. */
  fence: z.int().positive(),
  /** The holder gave it back. The record stays, so that `fence` never starts again. */
  released: z.boolean(),
  /**
   * The git id of the environment's state file as the push that wrote this lease left it. A reader that
   * finds another file has seen the two refs at different moments (a fetch is no snapshot).
   */
  state: z.string().optional(),
});

/** lease.json: the right to change one environment. */
export type Lease = z.infer<typeof lease>;

/** Durations of a lease, in milliseconds. */
export interface LeaseTimings {
  /** How long a lease lasts unless renewed. */
  ttlMs: number;
  /** A third of the time to live: two renewals may fail before it ends. */
  renewEveryMs: number;
  /** How soon a renewal that failed is tried again. */
  retryMs: number;
  /** How often one who waits looks again. */
  pollMs: number;
  /** How often one who waits asks whether the holder's run still goes on. */
  askEveryMs: number;
  /** How far the clocks of two machines are apart without anybody's fault. */
  skewMs: number;
  /**
   * A clock that nobody looks after is at most this far off: a lease that seems to have ended since is believed to be
   * over only when it was seen not to be renewed.
   */
  doubtMs: number;
  /** What confirm() guarantees. */
  leftMs: number;
}

export const LEASE_TIMINGS: LeaseTimings = {
  ttlMs: 120_000,
  renewEveryMs: 40_000,
  retryMs: 5_000,
  pollMs: 2_000,
  askEveryMs: 10_000,
  skewMs: 10_000,
  doubtMs: 30 * 60_000,
  leftMs: 30_000,
};

/** parseLease reads lease.json. It throws a UserError, see parseJson. */
export function parseLease(text: string, place: FilePlace): Lease {
  return parseJson(text, place, lease, 1);
}

/** describeLease says who holds a lease, in which run, since when and until when: one line without an end mark. */
export function describeLease(value: Lease): string {
  const run = value.run === 'local' ? `process ${value.pid} on ${value.host}` : value.run;
  return `${value.holder}, ${run}, since ${timeOfDay(value.taken_at)}, until ${timeOfDay(value.end)} unless renewed`;
}

/** holderOf says who holds a lease at `now`, in milliseconds since 1970 (see describeLease); undefined when nobody does. */
export function holderOf(lease: Lease | undefined, now: number): string | undefined {
  const isHeld = lease !== undefined && !lease.released && Date.parse(lease.end) > now;
  return isHeld ? describeLease(lease) : undefined;
}

/** LeaseLostError says that this run may no longer change the environment: stop, and undo nothing. */
export class LeaseLostError extends UserError {
  /** Who holds the lease now, where that is known. */
  readonly holder: Lease | undefined;

  constructor(scope: Scope, holder: Lease | undefined) {
    const who =
      holder === undefined ? 'it was not renewed in time' : `taken over by ${describeLease(holder)}`;
    super(`the lease of ${scope.project} ${scope.environment} was lost: ${who}`, {
      hint: 'This run stops here. Run it again: it continues from what the servers show.',
    });
    this.name = 'LeaseLostError';
    this.holder = holder;
  }
}

/** LeaseHeldError says that another run held the lease for longer than we would wait. */
export class LeaseHeldError extends UserError {
  readonly holder: Lease;

  constructor(scope: Scope, holder: Lease, waitedMs: number) {
    super(
      `${scope.project} ${scope.environment} is being changed by another run, still after ${Math.round(waitedMs / 1000)} s: ${describeLease(holder)}`,
      { hint: `Wait for that run or cancel it (${holder.run}); its lease then ends by itself.` },
    );
    this.name = 'LeaseHeldError';
    this.holder = holder;
  }
}

/** `2026-11-21T14:49:26.123Z` → `14:49:26 UTC`: leases live for minutes. */
function timeOfDay(time: string): string {
  return /T(\d\d:\d\d:\d\d)/.exec(time)?.[1]?.concat(' UTC') ?? time;
}
