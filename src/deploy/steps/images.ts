import { findRegistryAuth } from '../../docker/credentials.ts';
import type { PullProgress } from '../../docker/engine.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { Server } from '../../fleet/server.ts';
import { failTogether, messageOf, UserError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import type { PullPolicy } from '../../model/spec.ts';
import { errorsOf } from '../looking/findings.ts';
import { forbiddenPull } from '../looking/judge-images.ts';
import { findImage } from '../looking/observe.ts';
import type { PlanInput, WantedService } from '../planning/plan-input.ts';
import { keptDigests } from '../recording/outcome.ts';

const FEEDBACK_EVERY_MS = 3_000;

/**
 * pull brings an image to a server with the runner's credentials, which are sent along and not kept there. It
 * throws a UserError that names the registry's answer, or that the policy forbids to ask for the image.
 */
export async function pull(server: Server, image: string, policy: PullPolicy, log: Log, signal: AbortSignal) {
  if (policy === 'never') failTogether(errorsOf([forbiddenPull(server.host, image)]));
  const auth = await findRegistryAuth(image);
  const progress = new PullMeter();
  const timer = setInterval(() => {
    log.info(`${server.host}: pulling ${image}: ${progress.summary()}`);
  }, FEEDBACK_EVERY_MS);
  try {
    await server.engine.pullImage(taggedName(image), {
      ...(auth && { auth }),
      onProgress: (line) => progress.add(line),
      signal,
    });
  } catch (error) {
    if (signal.reason instanceof UserError) throw signal.reason;
    throw new UserError(`${server.host}: pulling ${image} failed: ${messageOf(error)}`, {
      hint: auth
        ? 'The credentials are those of the runner (docker login): may they read this image?'
        : 'If the image is private, log in before this step: docker/login-action, or "docker login".',
      cause: error,
    });
  } finally {
    clearInterval(timer);
  }
}

/** taggedName returns an image's name with the tag that it stands for: the engine would take a bare name for all tags. */
export function taggedName(image: string): string {
  return /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
}

/**
 * findDigests returns the digest of each service's image. All servers must run one image: a tag may have moved
 * between two pulls, and then a UserError names the servers.
 */
export async function findDigests(
  fleet: Fleet,
  input: PlanInput,
  services: readonly WantedService[],
): Promise<Map<string, string>> {
  const digests = keptDigests(input, services);
  await Promise.all(
    services.map(async ({ name, spec: { container } }) => {
      const found = await Promise.all(
        input.observed.map(async ({ host, images }) => {
          const seen = images.get(container.image) ?? (await findImage(fleet.server(host), container.image));
          return [host, seen] as const;
        }),
      );
      const known = found.flatMap(([host, image]) => (image?.digest ? [{ host, digest: image.digest }] : []));
      const [first] = known;
      const other = known.find(({ digest }) => digest !== first?.digest);
      if (first !== undefined && other !== undefined) {
        throw new UserError(`${container.image} is another image on ${other.host} than on ${first.host}`, {
          hint: 'Set "pull_policy: always", or name the image by digest.',
        });
      }
      if (first !== undefined) digests.set(name, first.digest);
    }),
  );
  return digests;
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
