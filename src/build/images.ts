import { join } from 'node:path';
import { isFullDisk, ROOM_ON_RUNNER } from '../docker/full-disk.ts';
import { allOrErrors } from '../fleet/fleet.ts';
import type { Checkout } from '../git/checkout.ts';
import { type FetchedSource, withSources } from '../git/sources.ts';
import type { GitCredentials } from '../git/transport.ts';
import type { BuildSpec } from '../model/build.ts';
import { cacheFolder } from '../model/cache-folder.ts';
import type { Clock } from '../model/clock.ts';
import { failTogether, messageOf, UserError } from '../model/errors.ts';
import type { GitSource } from '../model/git-source.ts';
import { repositoryOf } from '../model/image-name.ts';
import type { Log } from '../model/log.ts';
import type { RegistryClient } from '../registry/client.ts';
import { platformOf, transferSize } from '../registry/layout.ts';
import type { LayoutStore } from '../registry/layout-store.ts';
import { type Builder, findBuilder } from './builder.ts';
import { type Cache, type CachePlan, cacheFor, hasGha } from './cache.ts';
import { renewFolder } from './cache-folder.ts';
import { CONTENT_LABEL, contentTag, LAST_TAG, whyBuilt } from './content-hash.ts';
import { freeSpace, spaceWarning } from './disk-space.ts';
import { type RegistryLogin, type ScratchPlace, withDockerConfig } from './docker-config.ts';
import { type Examined, examine } from './examine.ts';
import { buildFailure } from './failure.ts';
import { tellFindings } from './lint/tell-findings.ts';
import { orderOf } from './order.ts';
import { type BuildSteps, cacheFailure, cacheTroubles, stepsOf } from './progress.ts';
import { type DockerRun, runDocker } from './run-docker.ts';
import { keepFromEngine } from './saved-image.ts';

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
  /** A link to the run, for the provenance of images; undefined outside of GitHub Actions. */
  run: string | undefined;
  env: NodeJS.ProcessEnv;
  /** The folder for what is temporary. */
  temporary: string;
  /** Those of the runner hold where there is none. */
  login: RegistryLogin | undefined;
  registry: RegistryClient;
  /** Who the run is to other repositories. */
  gitCredentials: GitCredentials;
  /** Whether images go to the registry; else they stay with the engine of this machine. */
  isPushed: boolean;
  /** Where they are kept in place of either, where there is no registry. */
  layouts: LayoutStore | undefined;
  /** Where layers are kept for later builds; undefined is decided here. */
  cache: Cache | undefined;
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
  /** `built` in this run, `present` in the registry, or in this job, before, or `missing` in a dry run. */
  outcome: 'built' | 'present' | 'missing';
  /** What a deploy is handed: by its digest, or by the tag of its content where nothing was pushed. */
  image: string;
  /** That of the image, as the registry or its layout has it; of several platforms that of their list. Undefined for what is not there. */
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
  /** The same of the image that was built before this one. */
  previousSizeBytes?: number | undefined;
}

/** So many images are built side by side. */
const AT_ONCE = 4;

/**
 * buildImages makes sure of the images of services: it looks which ones the registry has, by their content, and builds and
 * pushes the others. It throws a UserError, or UserErrors for all that failed; what was pushed before that stays.
 */
export async function buildImages(request: BuildRequest): Promise<BuiltImage[]> {
  const { builds, gitCredentials: credentials, log } = request;
  const isFromHere = ({ git, contexts }: BuildSpec) =>
    git === undefined && Object.values(contexts).every((place) => typeof place === 'string');
  if (builds.every(isFromHere)) return await buildFrom(noSource, request);
  const surroundings = { ...request, credentials, warn: (message: string) => log.warning(message) };
  return await withSources(surroundings, (fetch) => buildFrom(fetch, request));
}

type Fetch = (source: GitSource) => Promise<FetchedSource>;

async function noSource({ url }: GitSource): Promise<FetchedSource> {
  throw new Error(`${url} was not to be read`);
}

async function buildFrom(fetch: Fetch, request: BuildRequest): Promise<BuiltImage[]> {
  const { builds, env, temporary: parent, login, isDryRun } = request;
  const where = { ...placeOf(request), fetch };
  const examined = await allOrErrors(builds.map((spec) => examine(spec, where)));
  tellSources(examined, request);
  refuseChanged(examined, request);
  tellFindings(examined, request.log);
  for (const { spec, template } of examined) {
    if (template !== undefined)
      request.log.info(`${spec.service}: made a Dockerfile for ${template.found.join(', ')}`);
  }
  return await withDockerConfig({ env, parent, login }, async (place) => {
    const present = await allOrErrors(examined.map((one) => look(request, () => find(one, request, place))));
    const missing = examined.filter((_one, index) => present[index] === undefined);
    const histories = new Map(
      await allOrErrors(
        missing.map(
          async (one) => [one, (await look(request, () => historyOf(one, request))) ?? UNKNOWN] as const,
        ),
      ),
    );
    if (isDryRun) {
      return examined.map((one, index) => present[index] ?? missingImage(one, histories.get(one)!.why));
    }
    const build = missing.length === 0 ? undefined : await builderFor(missing, request, place);
    return await inTurns(examined, async (one, index) => {
      const found = present[index];
      if (found === undefined) return await withRoom(one, () => build!(one, histories.get(one)!));
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

function tellSources(examined: readonly Examined[], { log }: BuildRequest): void {
  const tell = (service: string, how: string, { url, version, commit, isCached }: FetchedSource) =>
    log.info(`${service} ${how} ${url}, ${version}: ${commit}${isCached ? ', from the cache' : ''}`);
  for (const { spec, source, copiedFrom } of examined) {
    if (source !== undefined) tell(spec.service, 'is built from', source);
    for (const other of copiedFrom) tell(spec.service, 'copies from', other);
  }
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
  { registry, isPushed, layouts, signal }: BuildRequest,
  { env }: ScratchPlace,
): Promise<BuiltImage | undefined> {
  const { service, repository } = spec;
  const named = `${repository}:${contentTag(hash)}`;
  const common = { service, repository, outcome: 'present', hash } as const;
  if (layouts !== undefined) {
    const kept = await layouts.named(named);
    const sizeBytes = kept === undefined ? undefined : await sizeIn(layouts, kept);
    if (kept === undefined || sizeBytes === undefined) return undefined;
    const image = `${repository}@${kept}`;
    return { ...common, image, digest: kept, sizeBytes, why: 'this job has this content' };
  }
  if (!isPushed) {
    const { code } = await runDocker(['image', 'inspect', '--format', '{{.Id}}', named], { env, signal });
    return code === 0 ? { ...common, image: named, why: 'the engine has this content' } : undefined;
  }
  const digest = await registry.imageDigestOf(named);
  if (digest === undefined) return undefined;
  const image = `${repository}@${digest}`;
  const sizeBytes = await registry.sizeOf(image);
  return { ...common, image, digest, sizeBytes, why: 'the registry has this content' };
}

/** keep puts what was built into a store, from the layout that the builder has written or from the engine. */
async function keep(
  name: string,
  { store, layout, folder }: { store: LayoutStore; layout: string | undefined; folder: string },
  run: DockerRun,
): Promise<string> {
  if (layout !== undefined) return await store.take(layout, name);
  return await keepFromEngine(name, { store, folder: join(folder, 'saved') }, run);
}

/** What the layers of an image in a store weigh, of several platforms those of the first; undefined where it is not whole. */
async function sizeIn(layouts: LayoutStore, digest: string): Promise<number | undefined> {
  const image = await layouts.find(digest);
  return image && transferSize(platformOf(image).layers);
}

function missingImage({ spec: { service, repository }, hash }: Examined, why: string): BuiltImage {
  return { service, repository, outcome: 'missing', image: `${repository}:${contentTag(hash)}`, hash, why };
}

/** What is known of the image that was built last. */
interface History {
  /** What has changed since. */
  why: string;
  sizeBytes: number | undefined;
}

const UNKNOWN: History = { why: 'nobody could look for it', sizeBytes: undefined };

async function historyOf(
  { spec: { repository }, parts }: Examined,
  { registry, isPushed, layouts }: BuildRequest,
): Promise<History> {
  if (layouts !== undefined) {
    return { why: 'this job does not have this content yet', sizeBytes: undefined };
  }
  if (!isPushed) return { why: 'the engine does not have this content', sizeBytes: undefined };
  const last = `${repository}:${LAST_TAG}`;
  const [labels, sizeBytes] = await Promise.all([registry.labelsOf(last), registry.sizeOf(last)]);
  return { why: whyBuilt(parts, labels?.[CONTENT_LABEL]), sizeBytes };
}

/** What an image is made from: another repository, or this one. */
function originOf(
  { source: other, changed }: Examined,
  { checkout, source }: BuildRequest,
): { source: string | undefined; tag: string | undefined; committedAt: number | undefined } {
  // One that is not what was built says so.
  const mark = changed.length > 0 ? '-dirty' : '';
  const { commit, committedAt } = other ?? checkout ?? {};
  const tag = commit && `${commit}${mark}`;
  return { source: other?.url ?? source, tag, committedAt };
}

/** nameAgain gives an image that is there already the names that it would have been pushed under, as far as it lies there. */
async function nameAgain(
  { repository, digest, hash }: BuiltImage,
  one: Examined,
  request: BuildRequest,
): Promise<void> {
  if (digest === undefined || !request.isPushed) return;
  const { registry } = request;
  // With all that lies beside the image.
  const named = `${repository}:${contentTag(hash)}`;
  const whole = await registry.digestOf(named);
  const own = one.spec.tags.filter((name) => repositoryOf(name) === repository);
  const tags = own.map((name) => name.slice(repository.length + 1)).filter((tag) => tag !== '');
  const { tag: ofCommit } = originOf(one, request);
  for (const tag of [...(ofCommit === undefined ? [] : [ofCommit]), ...tags]) {
    if ((await registry.digestOf(`${repository}:${tag}`)) !== whole) await registry.tag(named, tag);
  }
}

async function builderFor(
  missing: readonly Examined[],
  request: BuildRequest,
  place: ScratchPlace,
): Promise<(one: Examined, history: History) => Promise<BuiltImage>> {
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
  const space = spaceWarning(await freeSpace({ env: place.env, signal }));
  if (space !== undefined) log.warning(space);
  log.info(`Building ${missing.map(({ spec }) => spec.service).join(', ')} with ${builder.name}`);
  const caches = new Map(missing.map((one) => [one, cacheOf(one, builder, request)]));
  tellOnce(caches.values(), log);
  if (!builder.abilities.rewritesTimestamps) {
    log.info(
      'This builder does not date files by their commit: building the same again would give another digest',
    );
  }
  return (one, history) => build(one, history, caches.get(one)!, builder, request, place);
}

/** withRoom has it said for whom, and what to do, when what is built does not go onto the disk of this machine. */
async function withRoom<T>({ spec }: Examined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError || !isFullDisk(messageOf(error))) throw error;
    const message = `${spec.service}: the image could not be kept here: ${messageOf(error)}`;
    throw new UserError(message, { hint: ROOM_ON_RUNNER, cause: error });
  }
}

function cacheOf({ spec }: Examined, { abilities, isEngine }: Builder, request: BuildRequest): CachePlan {
  const { env, cache: asked, isPushed } = request;
  return cacheFor(spec, {
    asked,
    abilities,
    isEngine,
    isThrownAway: env.RUNNER_ENVIRONMENT === 'github-hosted',
    hasGha: hasGha(env),
    isPushed,
    folder: cacheFolder(env, 'layers'),
  });
}

/** What was asked for and cannot be had is a warning, and what was chosen is said; each once for all builds. */
function tellOnce(caches: Iterable<CachePlan>, log: Log): void {
  const told = new Map([...caches].map(({ words, isMissed }) => [words, isMissed]));
  for (const [words, isMissed] of told) isMissed ? log.warning(words) : log.info(words);
}

async function build(
  one: Examined,
  { why, sizeBytes: previousSizeBytes }: History,
  cache: CachePlan,
  builder: Builder,
  request: BuildRequest,
  place: ScratchPlace,
): Promise<BuiltImage> {
  const { spec, hash, file, lineOf } = one;
  const { service, repository } = spec;
  const { log, clock, signal, registry, isPushed, layouts } = request;
  const { source, tag, committedAt } = originOf(one, request);
  const begun = clock.now();
  const { template } = one;
  const folder = join(place.folder, service);
  const order = await orderOf(one, {
    before: template?.before && (await imageBefore(spec, request)),
    ...{ project: request.project, source, revision: tag, committedAt },
    folder,
    abilities: builder.abilities,
    cache,
    isPushed,
    run: request.run,
    writesLayout: layouts !== undefined && builder.abilities.writesOci,
  });
  const env = {
    ...place.env,
    // BuildKit dates the image by it, where it can.
    ...(committedAt !== undefined && { SOURCE_DATE_EPOCH: String(committedAt) }),
  };
  const onLine = (line: string) => {
    if (line.trim() !== '') log.info(`${service} | ${line}`);
  };
  const run = { env, signal, onLine };
  const first = await builder.build(order, run);
  const cacheReason = first.code === 0 ? undefined : cacheFailure(first.lines);
  if (cacheReason !== undefined)
    log.warning(`${service}: ${cacheReason}; it is built without layers of earlier builds`);
  const without = { ...order, cache: { from: [], to: [] } };
  const { code, lines } = cacheReason === undefined ? first : await builder.build(without, run);
  if (code !== 0) throw buildFailure({ spec, lines, file, lineOf });
  for (const trouble of cacheTroubles(lines))
    log.warning(`${service}: ${trouble}; it was built all the same`);
  if (cache.folders !== undefined) await renewFolder(cache.folders);
  const named = `${repository}:${contentTag(hash)}`;
  const kept =
    layouts && (await keep(named, { store: layouts, layout: order.layout, folder }, { env, signal }));
  const digest = isPushed ? await registry.imageDigestOf(named) : kept;
  if (isPushed && digest === undefined) {
    throw new UserError(`${service}: the registry does not have ${named}, which was pushed to it`, {
      hint: 'Does it keep what it is given? Run again.',
    });
  }
  const image = digest === undefined ? named : `${repository}@${digest}`;
  const sizeBytes = isPushed
    ? await registry.sizeOf(image)
    : layouts && kept !== undefined
      ? await sizeIn(layouts, kept)
      : undefined;
  return {
    service,
    repository,
    outcome: 'built',
    image,
    ...(digest !== undefined && { digest }),
    ...(sizeBytes !== undefined && { sizeBytes }),
    ...(previousSizeBytes !== undefined && { previousSizeBytes }),
    hash,
    why,
    steps: stepsOf(lines),
    ms: Math.round(clock.now() - begun),
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
