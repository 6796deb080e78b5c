import type { Finding } from './findings.ts';
import type { PlannedTransfer } from './transfers.ts';

/** judgeTransfers says what travels from this machine to servers, and what it lacks for that. Pure. */
export function judgeTransfers(transfers: readonly PlannedTransfer[]): Finding[] {
  return transfers.map(({ server, image, size }): Finding => {
    const found = { server, check: 'image' as const };
    if (size === undefined) {
      const message = `the image ${image} is not there, and this run does not have it`;
      const hint =
        'With registry: none an image goes from the job that built it to the servers: run build-push in the same job, before this step, at the commit of that version.';
      return { ...found, level: 'error', message, hint };
    }
    const { missing, total } = size;
    return {
      ...found,
      level: 'ok',
      message: `transfer ${megabytes(missing)} of ${megabytes(total)}: ${image}`,
    };
  });
}

/** spaceNeeded returns what a server needs for the images that come to it, in bytes. Pure. */
export function spaceNeeded(transfers: readonly PlannedTransfer[], server: string): number {
  return transfers
    .filter((one) => one.server === server)
    .reduce((sum, { size }) => sum + (size?.space ?? 0), 0);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
