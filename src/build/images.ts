import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { allOrErrors } from '../fleet/fleet.ts';
import type { Checkout } from '../git/checkout.ts';
import type { BuildSpec } from '../model/build.ts';
import type { Clock } from '../model/clock.ts';
import { failTogether, messageOf, UserError } from '../model/errors.ts';
import { repositoryOf } from '../model/image-name.ts';
import type { Log } from '../model/log.ts';
import type { RegistryClient } from '../registry/client.ts';
import type { BuildOrder } from './arguments.ts';
import { type Builder, findBuilder } from './builder.ts';
import { CONTENT_LABEL, contentTag, LAST_TAG, whyBuilt } from './content-hash.ts';
import { type RegistryLogin, type ScratchPlace, withDockerConfig } from './docker-config.ts';
import { type Examined, examine } from './examine.ts';
import { buildFailure } from './failure.ts';
import { imageLabels } from './labels.ts';
import { type BuildSteps, stepsOf } from './progress.ts';
import { runDocker } from './run-docker.ts';

/** What is to be built, and where. */
export interface BuildRequest {
  builds: readonly BuildSpec[];
  /** The folder of the configuration. */
  folder: string;
  workspace: string;
  checkout: Checkout | undefined;
  /** By whose images those of other projects are told apart on a server. */
  project: string;
  /** The address of the repository for people, on the label of the source. */
  source: string | undefined;
  env: NodeJS.ProcessEnv;
  /** The folder for what is temporary. */
  temporary: string;
  /** Those of the runner hold where there is none. */
  login: RegistryLogin | undefined;
  registry: RegistryClient;
  /** Whether images go to the registry; else they stay with the engine of this machine. */
  isPushed: boolean;
  /** Whether it may be built from what is not as the commit has it. */
  mayBeDirty: boolean;
  /** Nothing is built. */
  isDryRun: boolean;
  log: Log;
  clock: Clock;
  signal: AbortSignal;
}

/** The image of one service. */
export interface BuiltImage {
  service: string;
  repository: string;
  /** `built` in this run, `present` in the registry before, or `missing` in a dry run. */
  outcome: 'built' | 'present' | 'missing';
  /** What a deploy is handed: by its digest, or by the tag of its content where nothing was pushed. */
  image: string;
  /** As the registry tells it; undefined for what is not there. */
  digest?: string;
  hash: string;
  /** Why it was, or was not, built, as the rest of a sentence. */
  why: string;
  /** What the builder had to do. */
  steps?: BuildSteps;
  /** How long building and pushing took, in milliseconds. */
  ms?: number;
  /** What its layers weigh in the registry, in bytes; of several platforms, those of the first. */
  sizeBytes?: number | undefined;
}

/** So many images are built side by side. */
const AT_ONCE = 4;

/**
 * buildImages makes sure of the images of services: it looks which ones the registry has, by their content, and builds and
 * pushes the others. It throws a UserError, or UserErrors for all that failed; what was pushed before that stays.
 */
export async function buildImages(request: BuildRequest): Promise<BuiltImage[]> {
  const { builds, env, temporary: parent, login, isDryRun } = request;
  const where = placeOf(request);
  const examined = await allOrErrors(builds.map((spec) => examine(spec, where)));
  refuseChanged(examined, request);
  for (const { spec, template } of examined) {
    if (template !== undefined)
      request.log.info(`${spec.service}: made a Dockerfile for ${template.found.join(', ')}`);
  }
  return await withDockerConfig({ env, parent, login }, async (place) => {
    const present = await allOrErrors(examined.map((one) => look(request, () => find(one, request, place))));
    const missing = examined.filter((_one, index) => present[index] === undefined);
    const reasons = new Map(
      await allOrErrors(
        missing.map(
          async (one) =>
            [
              one,
              (await look(request, () => reasonFor(one, request))) ?? 'nobody could look for it',
            ] as const,
        ),
      ),
    );
    if (isDryRun) {
      return examined.map((one, index) => present[index] ?? missingImage(one, reasons.get(one)!));
    }
    const build = missing.length === 0 ? undefined : await builderFor(missing, request, place);
    return await inTurns(examined, async (one, index) => {
      const found = present[index];
      if (found === undefined) return await build!(one, reasons.get(one)!);
      await nameAgain(found, one, request);
      return found;
    });
  });
}

/** A dry run goes on without what a registry does not tell it: on a pull request it may have no login. */
async function look<T>({ isDryRun, log }: BuildRequest, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!isDryRun || !(error instanceof UserError)) throw error;
    log.warning(`whether an image is there already is not known: ${messageOf(error)}`);
    return undefined;
  }
}

function placeOf(request: BuildRequest) {
  const { registry, log } = request;
  const known = new Map<string, Promise<string | undefined>>();
  const look = async (image: string): Promise<string | undefined> => {
    if (image.includes('@')) return image.split('@')[1];
    try {
      return await registry.digestOf(image);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      log.warning(
        `the digest of ${image} is not known, so a new image under that name is no reason to build again: ${messageOf(error)}`,
      );
      return undefined;
    }
  };
  const digestOf = (image: string) => {
    const found = known.get(image) ?? look(image);
    known.set(image, found);
    return found;
  };
  return { ...request, platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`, digestOf };
}

/** So many paths are shown of what is not committed. */
const SHOWN_PATHS = 5;

function refuseChanged(examined: readonly Examined[], { mayBeDirty, log }: BuildRequest): void {
  failTogether(
    examined.flatMap(({ spec: { service }, changed }) => {
      if (changed.length === 0) return [];
      const shown = changed.slice(0, SHOWN_PATHS).join(', ');
      const more = changed.length > SHOWN_PATHS ? ` and ${changed.length - SHOWN_PATHS} more` : '';
      const message = `${service} would be built from what is not committed: ${shown}${more}`;
      if (mayBeDirty) {
        log.warning(message);
        return [];
      }
      return [
        new UserError(message, {
          hint: 'Commit it, have git or .dockerignore leave it out, or give the input allow-dirty: true.',
        }),
      ];
    }),
  );
}

/** find returns the image of a build where the registry, or the engine, has it already. */
async function find(
  { spec, hash }: Examined,
  { registry, isPushed, signal }: BuildRequest,
  { env }: ScratchPlace,
): Promise<BuiltImage | undefined> {
  const { service, repository } = spec;
  const named = `${repository}:${contentTag(hash)}`;
  const common = { service, repository, outcome: 'present', hash } as const;
  if (!isPushed) {
    const { code } = await runDocker(['image', 'inspect', '--format', '{{.Id}}', named], { env, signal });
    return code === 0 ? { ...common, image: named, why: 'the engine has this content' } : undefined;
  }
  const digest = await registry.digestOf(named);
  if (digest === undefined) return undefined;
  const image = `${repository}@${digest}`;
  const sizeBytes = await registry.sizeOf(image);
  return { ...common, image, digest, sizeBytes, why: 'the registry has this content' };
}

function missingImage({ spec: { service, repository }, hash }: Examined, why: string): BuiltImage {
  return { service, repository, outcome: 'missing', image: `${repository}:${contentTag(hash)}`, hash, why };
}

/** What has changed since the image that was built last. */
async function reasonFor(
  { spec: { repository }, parts }: Examined,
  { registry, isPushed }: BuildRequest,
): Promise<string> {
  if (!isPushed) return 'the engine does not have this content';
  const labels = await registry.labelsOf(`${repository}:${LAST_TAG}`);
  return whyBuilt(parts, labels?.[CONTENT_LABEL]);
}

/** The tag of a commit; one that is not what was built says so. */
function commitTag({ checkout }: BuildRequest, isChanged: boolean): string | undefined {
  return checkout?.commit && `${checkout.commit}${isChanged ? '-dirty' : ''}`;
}

/** nameAgain gives an image that is there already the names that it would have been pushed under, as far as it lies there. */
async function nameAgain(
  { repository, digest, image }: BuiltImage,
  { spec, changed }: Examined,
  request: BuildRequest,
): Promise<void> {
  if (digest === undefined) return;
  const own = spec.tags.filter((name) => repositoryOf(name) === repository);
  const tags = own.map((name) => name.slice(repository.length + 1)).filter((tag) => tag !== '');
  const ofCommit = commitTag(request, changed.length > 0);
  for (const tag of [...(ofCommit === undefined ? [] : [ofCommit]), ...tags]) {
    if ((await request.registry.digestOf(`${repository}:${tag}`)) !== digest) {
      await request.registry.tag(image, tag);
    }
  }
}

async function builderFor(
  missing: readonly Examined[],
  request: BuildRequest,
  place: ScratchPlace,
): Promise<(one: Examined, why: string) => Promise<BuiltImage>> {
  const { signal, log } = request;
  const builder = await findBuilder({ env: place.env, signal });
  failTogether(
    missing.flatMap(({ spec }) => {
      const refusal = builder.refuse(spec);
      return refusal === undefined
        ? []
        : [
            new UserError(`${spec.service}: ${refusal}`, {
              hint: 'Use docker/setup-buildx-action before this step.',
            }),
          ];
    }),
  );
  log.info(`Building ${missing.map(({ spec }) => spec.service).join(', ')} with ${builder.name}`);
  return (one, why) => build(one, why, builder, request, place);
}

async function build(
  one: Examined,
  why: string,
  builder: Builder,
  request: BuildRequest,
  place: ScratchPlace,
): Promise<BuiltImage> {
  const { spec, hash, file, lineOf } = one;
  const { service, repository } = spec;
  const { log, clock, signal, registry, isPushed, checkout } = request;
  const begun = clock.now();
  const order = await orderOf(one, request, join(place.folder, service));
  const env = {
    ...place.env,
    // BuildKit dates the image by it, where it can.
    ...(checkout?.committedAt !== undefined && { SOURCE_DATE_EPOCH: String(checkout.committedAt) }),
  };
  const onLine = (line: string) => {
    if (line.trim() !== '') log.info(`${service} | ${line}`);
  };
  const { code, lines } = await builder.build(order, { env, signal, onLine });
  if (code !== 0) throw buildFailure({ spec, lines, file, lineOf });
  const named = `${repository}:${contentTag(hash)}`;
  const digest = isPushed ? await registry.digestOf(named) : undefined;
  if (isPushed && digest === undefined) {
    throw new UserError(`${service}: the registry does not have ${named}, which was pushed to it`, {
      hint: 'Does it keep what it is given? Run again.',
    });
  }
  const image = digest === undefined ? named : `${repository}@${digest}`;
  const sizeBytes = isPushed ? await registry.sizeOf(image) : undefined;
  return {
    service,
    repository,
    outcome: 'built',
    image,
    ...(digest !== undefined && { digest }),
    ...(sizeBytes !== undefined && { sizeBytes }),
    hash,
    why,
    steps: stepsOf(lines),
    ms: Math.round(clock.now() - begun),
  };
}

/** Writes what the builder reads as files: an inline Dockerfile, and values of secrets. */
async function orderOf(one: Examined, request: BuildRequest, folder: string): Promise<BuildOrder> {
  const { spec, context, contexts, dockerfile, template, hash, parts, changed } = one;
  await mkdir(folder, { mode: 0o700 });
  const inline = join(folder, 'Dockerfile');
  if ('text' in dockerfile) await writeFile(inline, dockerfile.text);
  // BuildKit looks there first.
  if (template?.ignore !== undefined) await writeFile(`${inline}.dockerignore`, template.ignore);
  const secretFiles = Object.entries(spec.secrets).map(
    ([id], index) => [id, join(folder, `secret-${index}`)] as const,
  );
  for (const [id, path] of secretFiles) await writeFile(path, spec.secrets[id]!, { mode: 0o600 });
  const before = template?.before && (await imageBefore(spec, request));
  const tag = commitTag(request, changed.length > 0);
  const tags = [
    contentTag(hash),
    ...(request.isPushed ? [LAST_TAG] : []),
    ...(tag === undefined ? [] : [tag]),
  ];
  return {
    spec: before ? { ...spec, args: { ...spec.args, [template.before!]: before } } : spec,
    context,
    contexts,
    dockerfile: 'path' in dockerfile ? dockerfile.path : inline,
    secretFiles: Object.fromEntries(secretFiles),
    names: [...tags.map((one) => `${spec.repository}:${one}`), ...spec.tags],
    labels: imageLabels(spec, {
      project: request.project,
      parts,
      source: request.source,
      revision: tag,
      committedAt: request.checkout?.committedAt,
    }),
    isPushed: request.isPushed,
  };
}

/** The image of a service that was built last, by its digest. */
async function imageBefore(
  { repository }: BuildSpec,
  { registry, isPushed }: BuildRequest,
): Promise<string | undefined> {
  const digest = isPushed ? await registry.digestOf(`${repository}:${LAST_TAG}`) : undefined;
  return digest && `${repository}@${digest}`;
}

/** inTurns runs work for each member, a few at once, and throws what failed when all has ended. */
async function inTurns<T, R>(
  members: readonly T[],
  work: (member: T, index: number) => Promise<R>,
): Promise<R[]> {
  const queue = members.map((member, index) => ({ member, index }));
  const results = new Map<number, Promise<R>>();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const running = work(next.member, next.index);
        results.set(next.index, running);
        await running.catch(() => undefined);
      }
    }),
  );
  return await allOrErrors(members.map((_member, index) => results.get(index)!));
}
