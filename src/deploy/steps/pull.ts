import type { PullProgress } from '../../docker/engine.ts';
import { explainRegistry } from '../../docker/registry-failure.ts';
import { messageOf, UserError } from '../../model/errors.ts';
import { taggedName } from '../../model/image-name.ts';
import type { PullPolicy } from '../../model/spec.ts';
import type { RunContext } from './context.ts';
import type { StepKind } from './kind.ts';

/** An image that has to come from a registry, or has to be looked for there. */
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
 * Brings an image to a server with the runner's credentials, which are sent along and not kept there. It throws a
 * UserError that names the registry's answer, or that the policy forbids to ask for the image.
 */
export const pull: StepKind<PullStep> = {
  describe: ({ image, server }) => `pull ${image} on ${server}`,
  async run({ server, image, policy, platform }, { fleet, registryAuth, log, clock, guard: { signal } }) {
    if (policy === 'never') throw forbiddenPull(server, image);
    const auth = await registryAuth(image);
    const meter = new PullMeter();
    const over = new AbortController();
    const telling = tellProgress(clock.endingWith(over.signal), () =>
      log.info(`${server}: pulling ${image}: ${meter.summary()}`),
    );
    try {
      await fleet.server(server).engine.pullImage(taggedName(image), {
        ...(auth && { auth }),
        ...(platform !== undefined && { platform }),
        onProgress: (line) => meter.add(line),
        signal,
      });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const said = messageOf(error);
      const { what, hint } = explainRegistry(said, auth !== undefined);
      throw new UserError(`${server}: pulling ${image} failed: ${what} (${said})`, { hint, cause: error });
    } finally {
      over.abort();
      await telling;
    }
  },
};

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
