import type { PullProgress } from '../../docker/engine.ts';
import { explainRegistry } from '../../docker/registry-failure.ts';
import { messageOf, UserError } from '../../model/errors.ts';
import { taggedName } from '../../model/image-name.ts';
import type { PullPolicy } from '../../model/spec.ts';
import { isTransferred } from '../../model/transferred-image.ts';
import type { RunContext } from './context.ts';
import type { StepKind } from './kind.ts';
import { transfer } from './transfer.ts';

/** An image that has to come from a registry, or has to be looked for there; or that comes from the runner. */
export interface PullStep {
  kind: 'pull';
  server: string;
  image: string;
  policy: PullPolicy;
  /** That of the server unless given. */
  platform?: string;
}

const FEEDBACK_EVERY_MS = 3_000;

/**
 * Brings an image to a server: with the runner's credentials, which are sent along and not kept there, or from the runner
 * itself. It throws a UserError that names the registry's answer, or that the policy forbids to ask for the image.
 */
export const pull: StepKind<PullStep> = {
  moments: ['image is there'],
  describe: ({ image, server }) =>
    isTransferred(image) ? `transfer ${image} to ${server}` : `pull ${image} on ${server}`,
  async run(step, context) {
    const { server, image, policy } = step;
    const { log, clock } = context;
    if (policy === 'never') throw forbiddenPull(server, image);
    const isFromHere = isTransferred(image);
    const meter = new PullMeter();
    const over = new AbortController();
    const telling = tellProgress(clock.endingWith(over.signal), () =>
      log.info(`${server}: ${isFromHere ? 'transferring' : 'pulling'} ${image}: ${meter.summary()}`),
    );
    try {
      const onProgress = (line: PullProgress) => meter.add(line);
      if (isFromHere) {
        const sent = await transfer(step, context, onProgress);
        log.info(`${server}: ${image} is there, ${(sent / 1e6).toFixed(1)} MB of it were sent`);
      } else await pullFromRegistry(step, context, onProgress);
    } finally {
      over.abort();
      await telling;
    }
  },
};

async function pullFromRegistry(
  { server, image, platform }: PullStep,
  { fleet, registryAuth, guard: { signal }, moment }: RunContext,
  onProgress: (progress: PullProgress) => void,
): Promise<void> {
  const auth = await registryAuth(image);
  try {
    await fleet.server(server).engine.pullImage(taggedName(image), {
      ...(auth && { auth }),
      ...(platform !== undefined && { platform }),
      onProgress,
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const said = messageOf(error);
    const { what, hint } = explainRegistry(said, auth !== undefined);
    throw new UserError(`${server}: pulling ${image} failed: ${what} (${said})`, { hint, cause: error });
  }
  moment('image is there');
}

/** forbiddenPull is the error for an image that is missing on a server and must not be pulled. */
function forbiddenPull(server: string, image: string): UserError {
  return new UserError(`${server}: the image ${image} is not there, and pull_policy is "never"`, {
    hint: 'Load it on the server, or let it be pulled: "pull_policy: missing".',
  });
}

/** Ends with the clock, without a word. */
async function tellProgress(clock: RunContext['clock'], tell: () => void): Promise<void> {
  const isGoingOn = () =>
    clock.sleep(FEEDBACK_EVERY_MS).then(
      () => true,
      () => false,
    );
  while (await isGoingOn()) tell();
}

/** PullMeter adds up the engine's progress lines. */
export class PullMeter {
  readonly #layers = new Map<string, { current: number; total: number; isDone: boolean }>();

  add({ id, status = '', progressDetail }: PullProgress): void {
    // The first line has the tag where the others have the layer.
    if (id === undefined || status.startsWith('Pulling from')) return;
    const layer = this.#layers.get(id) ?? { current: 0, total: 0, isDone: false };
    if (status === 'Downloading') {
      layer.current = progressDetail?.current ?? layer.current;
      layer.total = progressDetail?.total ?? layer.total;
    }
    layer.isDone ||= /^(Pull complete|Already exists)$/.test(status);
    this.#layers.set(id, layer);
  }

  /** summary returns `3 of 5 layers, 12.3 of 40.0 MB`. */
  summary(): string {
    const layers = [...this.#layers.values()];
    const done = layers.filter(({ isDone }) => isDone).length;
    const sum = (pick: 'current' | 'total') =>
      (
        layers.reduce(
          (bytes, layer) => bytes + (pick === 'current' && layer.isDone ? layer.total : layer[pick]),
          0,
        ) / 1e6
      ).toFixed(1);
    return `${done} of ${layers.length} layers, ${sum('current')} of ${sum('total')} MB`;
  }
}
