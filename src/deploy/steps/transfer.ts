import type { PullProgress } from '../../docker/engine.ts';
import { EngineError } from '../../docker/http.ts';
import { explainRefusal } from '../../fleet/engine-failure.ts';
import { loadImage, type Transfer, transferImage } from '../../fleet/transfer.ts';
import { isTunnelBroken, UserError } from '../../model/errors.ts';
import { transferredDigest } from '../../model/transferred-image.ts';
import type { LayoutImage } from '../../registry/layout.ts';
import { ForwardingRefused } from '../../ssh/connection.ts';
import type { RunContext } from './context.ts';
import type { PullStep } from './pull.ts';

/** Words of an engine that does not reach what the server itself would: it has a network of its own. */
const UNREACHED = /connection refused|no route to host|network is unreachable/i;

/**
 * transfer brings an image that was built for no registry from this machine to a server, and returns how many bytes of it
 * were sent. It throws a UserError where this run does not have the image, and where the server does not take it.
 */
export async function transfer(
  { server: name, image: named, platform }: PullStep,
  { fleet, log, layouts, guard: { signal }, moment }: RunContext,
  onProgress: (progress: PullProgress) => void,
): Promise<number> {
  const image = await findLayout(layouts, named);
  if (image === undefined) throw missingLayout(name, named);
  const server = fleet.server(name);
  const order: Transfer = {
    ...{ image, name: named, platform, onProgress, signal },
    onPulled: () => moment('image is there'),
  };
  try {
    return await transferImage(server, order).catch((error: unknown) => {
      const why = whyNotPulled(error);
      if (why === undefined) throw error;
      log.warning(
        `${name}: ${why}: ${named} is sent as a whole, with all layers that the server has already`,
      );
      return loadImage(server, order);
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (isTunnelBroken(error) || error instanceof UserError) throw error;
    throw explainRefusal(`${name}: transferring ${named}`, error);
  }
}

/** Why an engine does not get an image by way of its own 127.0.0.1, and what to change; undefined for any other failure. */
function whyNotPulled(error: unknown): string | undefined {
  if (error instanceof ForwardingRefused) {
    return 'sshd does not forward a port to this run (set "AllowTcpForwarding yes" for this user in sshd_config, and no "PermitListen none", and reload sshd)';
  }
  const isUnreached = error instanceof EngineError && UNREACHED.test(error.message);
  return isUnreached ? 'the engine does not reach 127.0.0.1 of its server' : undefined;
}

/** findLayout returns an image that was built for no registry, by the name that servers have for it. */
export async function findLayout(
  layouts: RunContext['layouts'],
  name: string,
): Promise<LayoutImage | undefined> {
  const digest = transferredDigest(name)?.split('@')[1];
  return digest === undefined ? undefined : await layouts.find(digest);
}

/** missingLayout is the error for an image that was there, or here, when the run began. */
function missingLayout(server: string, image: string): UserError {
  return new UserError(`${server}: the image ${image} is not there, and this run does not have it`, {
    hint: 'With registry: none an image goes from the job that built it to the servers: run build-push in the same job, before this step.',
  });
}
