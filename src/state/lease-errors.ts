import { UserError } from '../model/errors.ts';
import type { Scope } from '../model/names.ts';
import { describeLease, type Lease } from './lease.ts';

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
