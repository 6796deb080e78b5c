import type { DeployReport } from '../../../src/deploy/request.ts';
import { UserError } from '../../../src/model/errors.ts';
import { LABEL } from '../../../src/model/labels.ts';
import { containerName } from '../../../src/model/names.ts';
import type { RecordedCopy, Release } from '../../../src/model/release.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import type { Ended } from '../world/simulation.ts';
import { type Begun, type RunOptions, SHOP, World } from '../world/world.ts';
import { makeMischief, switchAllOn } from './mischief.ts';
import {
  allServers,
  BROKEN,
  type Chapter,
  type Desired,
  DOMAINS,
  describeDesired,
  FRONT,
  fileOf,
  OLD_DATABASE,
  type RandomStory,
  SERVICES,
} from './random-story.ts';
import { service, shop } from './specs.ts';
import { complaintOf, failureOf, rest } from './story.ts';

/** A story that has gone wrong, told line by line. */
class StoryFailed extends Error {
  constructor(lines: readonly string[], what: string) {
    super(`${lines.join('\n')}\n=> ${what}`);
    this.name = 'StoryFailed';
  }
}

/** tell lets a story happen to its end, and everything settle; it throws a StoryFailed where something is wrong. */
export async function tell(story: RandomStory): Promise<void> {
  await new Teller(story).tell();
}

/** What is wrong in the world, as a sentence. */
class Wrong extends Error {}

/** Until all that runs began is over, a lease that nobody gave back among it. */
const SETTLING_MS = 200_000;

const CALM = { mischief: undefined, misfortune: {}, narrowed: {}, beside: undefined, pauseMs: 0 } as const;

/** What a run may leave to the next one. */
const LEFT_TO_THE_NEXT: ReadonlySet<string> = new Set(['sweep', 'forget secrets', 'teardown']);

class Teller {
  readonly #story: RandomStory;
  readonly #world: World;
  readonly #lines: string[] = [];
  /** Values of secrets by their numbers: what nobody else remembers. */
  #tokens = new Map<number, string>();
  #neighbourVersion = 1;

  constructor(story: RandomStory) {
    this.#story = story;
    this.#world = new World({ images: story.setting.images });
    this.#world.users.streamMs = story.setting.streamMs;
  }

  async tell(): Promise<void> {
    try {
      await this.#begin();
      for (const chapter of this.#story.chapters) await this.#tellChapter(chapter);
      await this.#settle(this.#story.chapters.at(-1)!);
    } catch (error) {
      const { message, stack } = error as Error;
      throw new StoryFailed(this.#lines, error instanceof Wrong ? message : (stack ?? message));
    }
  }

  #note(line: string): void {
    this.#lines.push(line);
  }

  async #begin(): Promise<void> {
    const { images, streamMs, before } = this.#story.setting;
    this.#note(`images: ${images}; streams of ${streamMs} ms`);
    const { registry } = this.#world;
    // It listens where nobody asks.
    for (const name of SERVICES) {
      const isWorker = name === 'mailer';
      registry.define(`${name}:${BROKEN}`, isWorker ? { crashesAfterMs: 700 } : { status: 503, port: 9 });
    }
    if (before === 'neighbour') {
      this.#note('a neighbour is deployed on a and b');
      await this.#world.deploy(neighbour(1));
      await rest(this.#world);
    }
    if (before === 'made by hand') this.#makeByHand();
  }

  /** Somebody has made an app with a front, and a database, on every server. */
  #makeByHand(): void {
    const { desired } = this.#story.chapters[0]!;
    const { servers } = fileOf(desired);
    this.#world.addServers(servers);
    const app = containerName(SHOP, 'api', 'base');
    for (const { name: server } of servers) {
      this.#world.makeByHand(server, { name: app });
      this.#world.makeByHand(server, { name: OLD_DATABASE, port: 5432 });
      const passes = Object.fromEntries(DOMAINS.map((domain) => [domain, `${app}:3000`]));
      this.#world.makeByHand(server, { name: FRONT, published: { 80: 80 }, passes });
    }
    this.#note(
      `made by hand on ${servers.map(({ name }) => name).join(' ')}: ${FRONT}, ${app}, ${OLD_DATABASE}`,
    );
  }

  async #tellChapter(chapter: Chapter): Promise<void> {
    const done = chapter.mischief && (await makeMischief(this.#world, chapter.mischief));
    if (done !== undefined) this.#note(`!! ${done}`);
    if (chapter.mischief?.kind === 'lose the record') this.#tokens = new Map();
    await this.#tellRun(chapter);
    await this.#world.clock.pass(chapter.pauseMs);
  }

  /** One run, with all that happens meanwhile; false says that it failed, undefined that it was refused. */
  async #tellRun(chapter: Chapter): Promise<boolean> {
    const wanted = fileOf(chapter.desired);
    const options = this.#optionsOf(chapter, wanted);
    if (options === undefined) return true;
    this.#note(`-- ${describeDesired(chapter.desired)}${describeOptions(options)}`);
    const stubborn = this.#makeStubborn(chapter, wanted);
    let { begun, ended } = await this.#run(chapter, wanted, options);
    if (isAsking(begun, ended)) {
      this.#note(`   said: ${chapter.answer}`);
      const told = { ...options, unfinishedHook: chapter.answer };
      ({ begun, ended } = await this.#run({ ...chapter, beside: undefined }, wanted, told));
    }
    if (stubborn !== undefined) this.#world.machine(stubborn).isStubborn = false;
    this.#judge(chapter, options, ended);
    const failure = failureOf(ended);
    if (failure === undefined && options.rollback !== undefined) this.#checkRestored(begun, options);
    return failure === undefined;
  }

  #makeStubborn({ misfortune }: Chapter, { servers }: EnvironmentSpec): string | undefined {
    const name = misfortune.stubborn === undefined ? undefined : servers[misfortune.stubborn]?.name;
    if (name === undefined) return undefined;
    this.#note(`!! the nginx of ${name} takes nothing new`);
    this.#world.addServers(servers);
    this.#world.machine(name).isStubborn = true;
    return name;
  }

  async #run(chapter: Chapter, wanted: EnvironmentSpec, options: RunOptions) {
    const world = this.#world;
    const begun = world.start(wanted, options);
    const beside = chapter.beside && (await this.#startBeside(chapter, options, chapter.beside));
    const [ended] = await world.finish(begun);
    if (beside !== undefined) {
      const [other] = await world.finish(beside);
      this.#note(`   beside it: ${outcomeText(beside, other!)}`);
      this.#refuseCrash(other!);
    }
    this.#note(`   ${outcomeText(begun, ended!)}`);
    for (const line of begun.run.lines) if (line.startsWith('plan: ')) this.#note(`     ${line.slice(6)}`);
    this.#learnTokens(chapter.desired);
    const complaint = complaintOf(world);
    if (complaint !== undefined) throw new Wrong(complaint);
    return { begun, ended: ended! };
  }

  async #startBeside(
    { desired }: Chapter,
    { excludedServers, secrets = {} }: RunOptions,
    { who, afterMs }: NonNullable<Chapter['beside']>,
  ): Promise<Begun> {
    await this.#world.clock.pass(afterMs);
    this.#note(`   ${afterMs} ms later a run of ${who} begins beside it`);
    const means = { ...(excludedServers && { excludedServers }), secrets };
    if (who !== 'the neighbour') {
      const file = who === 'the same file' ? desired : otherVersion(desired);
      return this.#world.start(fileOf(file), means);
    }
    this.#neighbourVersion += 1;
    const { servers } = neighbour(1);
    const away = excludedServers?.filter((name) => servers.some((server) => server.name === name)) ?? [];
    return this.#world.start(neighbour(this.#neighbourVersion), { excludedServers: away });
  }

  /** The first run that a number of secrets appears in has given it its value. */
  #learnTokens({ api }: Desired): void {
    for (const { secrets_version: version, container } of this.#releases('api'))
      if (container.secrets.length > 0 && !this.#tokens.has(version))
        this.#tokens.set(version, api?.token ?? '');
  }

  #releases(name: string): Release[] {
    const last = this.#world.state.release_numbers?.[name] ?? 0;
    return Array.from({ length: last }, (_, index) => this.#world.release(name, index + 1)).filter(
      (release) => release !== undefined,
    );
  }

  #optionsOf({ narrowed, desired, misfortune }: Chapter, wanted: EnvironmentSpec): RunOptions | undefined {
    const isOff = (name: string) => this.#world.machines.get(name)?.isOff === true;
    const excludedServers = wanted.servers.map(({ name }) => name).filter(isOff);
    const isLeft = ({ name, zone }: EnvironmentSpec['servers'][number]) =>
      !excludedServers.includes(name) && (narrowed.zones?.includes(zone) ?? true);
    if (!wanted.servers.some(isLeft)) return undefined;
    if (narrowed.services?.some((name) => wanted.services.every((one) => one.name !== name)))
      return undefined;
    const { at, when, way } = misfortune.strike ?? {};
    return {
      ...narrowed,
      excludedServers,
      secrets: { api: { TOKEN: desired.api?.token ?? '' } },
      ...(at !== undefined && way !== undefined && { strikes: [{ at, ...(when && { when }), ...way }] }),
    };
  }

  /** A run may fail for a reason that a person understands; a whole one that nothing disturbs does not fail. */
  #judge({ desired, misfortune, beside }: Chapter, options: RunOptions, ended: Ended<DeployReport>): void {
    this.#refuseCrash(ended);
    const failure = failureOf(ended);
    // What is on the record is of the run that ended last.
    const isLast = beside === undefined || beside.who === 'the neighbour';
    if (isLast && String(failure).includes('was left out, the others have the new version'))
      this.#checkKept(desired, options);
    const isNarrowed = options.services !== undefined || options.zones !== undefined;
    const isHurt = misfortune.strike !== undefined || misfortune.stubborn !== undefined;
    if (failure === undefined || isNarrowed || isHurt || beside !== undefined) return;
    if (this.#story.setting.images === 'by hand' || isToFail(desired)) return;
    throw new Wrong(`nothing was in its way, and it fails: ${String(failure)}`);
  }

  #refuseCrash(ended: Ended<DeployReport>): void {
    const failure = failureOf(ended);
    if (ended.how === 'killed' || failure === undefined || failure instanceof UserError) return;
    if ((failure as { isTunnelBroken?: boolean }).isTunnelBroken) return;
    throw new Wrong(
      `it fails with what is no sentence for a person: ${(failure as Error).stack ?? String(failure)}`,
    );
  }

  /** What the others have is on the record; what left the file stays for the next run. */
  #checkKept(desired: Desired, options: RunOptions): void {
    const { state } = this.#world;
    const { services = fileOf(desired).services.map(({ name }) => name) } = options;
    for (const [name, { copies, rollout }] of Object.entries(state.services)) {
      if (!services.includes(name)) continue;
      if (rollout !== undefined) throw new Wrong(`a rollout of ${name} is recorded still`);
      // A copy that stands as it is wanted keeps the release that created it.
      for (const { server, container, release } of copies) {
        if (state.stale_servers?.[server] !== undefined)
          throw new Wrong(`a copy of ${name} is recorded on ${server}, which was left out`);
        const found = this.#world.machine(server).find(container)?.labels[LABEL.release];
        if (found !== `${release}`)
          throw new Wrong(`${name} ${release} is recorded on ${server}, where ${container} is ${found}`);
      }
    }
  }

  /** What runs is the release to the letter: image, variables, and the values that its secrets had. */
  #checkRestored({ run }: Begun, { services = [] }: RunOptions): void {
    for (const name of services) {
      const recorded = this.#world.state.services[name]!;
      const current = this.#world.release(name, recorded.release)!;
      if (current.run !== run.name || current.restores === undefined) continue;
      const old = this.#world.release(name, current.restores)!;
      const facts = (release: Release) =>
        JSON.stringify([release.route, release.secrets_version, release.port]);
      if (facts(old) !== facts(current))
        throw new Wrong(
          `${name} ${current.number} is not what ${old.number} was: ${facts(current)}, ${facts(old)}`,
        );
      for (const copy of recorded.copies) this.#checkRestoredCopy(name, current, old, copy);
    }
  }

  #checkRestoredCopy(name: string, current: Release, old: Release, copy: RecordedCopy): void {
    const machine = this.#world.machine(copy.server);
    if (machine.isOff || copy.release !== current.number) return;
    const { image, environment } = machine.need(copy.container);
    const token = name === 'api' ? { TOKEN: this.#tokens.get(old.secrets_version) } : {};
    for (const [variable, value] of Object.entries({ ...old.container.environment, ...token })) {
      if (value !== undefined && environment[variable] !== value)
        throw new Wrong(
          `${variable} of ${copy.container} is ${environment[variable]}, and was ${value} in ${old.number}`,
        );
    }
    const isSame =
      old.image_digest === undefined
        ? old.image_id === undefined || image.id === old.image_id
        : image.digest === old.image_digest.split('@')[1];
    if (!isSame)
      throw new Wrong(`${copy.container} runs another image than release ${old.number} of ${name} had`);
  }

  /** After one more whole run everything is as the file says, and the run after that has nothing to do. */
  async #settle(last: Chapter): Promise<void> {
    const world = this.#world;
    this.#note('and then everything settles');
    await world.clock.pass(SETTLING_MS);
    const chapter: Chapter = { ...last, ...CALM, desired: mended(last.desired) };
    await this.#mustSucceed(chapter);
    const on = switchAllOn(world);
    if (on !== undefined) {
      this.#note(`!! ${on}`);
      await rest(world);
      await this.#mustSucceed(chapter);
    }
    // What leaves by itself goes with its last connection.
    await world.clock.pass(SETTLING_MS);
    const wanted = fileOf(chapter.desired);
    const options = this.#optionsOf(chapter, wanted);
    let { changed, plan } = await world.plan(wanted, options);
    if (changed && plan.steps.every(({ step }) => LEFT_TO_THE_NEXT.has(step.kind))) {
      // A run that has given its lease back for a drain leaves them.
      await this.#mustSucceed(chapter);
      ({ changed, plan } = await world.plan(wanted, options));
    }
    if (changed)
      throw new Wrong(
        `not the empty plan: ${JSON.stringify([plan.changes, plan.steps.map(({ id }) => id)])}`,
      );
    this.#checkRecord(wanted);
    for (const { name } of wanted.servers) this.#checkServer(name);
    await this.#checkNeighbour();
  }

  async #mustSucceed(chapter: Chapter): Promise<void> {
    if (!(await this.#tellRun(chapter))) throw new Wrong('the next run fails');
  }

  #checkRecord(wanted: EnvironmentSpec): void {
    const { state } = this.#world;
    if (state.stale_servers !== undefined)
      throw new Wrong(`servers are left out still: ${Object.keys(state.stale_servers)}`);
    const recorded = Object.keys(state.services).sort();
    const names = wanted.services.map(({ name }) => name).sort();
    if (recorded.join() !== names.join()) throw new Wrong(`recorded are ${recorded}, wanted ${names}`);
    for (const { name, placement } of wanted.services) {
      const { copies, rollout } = state.services[name]!;
      if (rollout !== undefined) throw new Wrong(`a rollout of ${name} is recorded still`);
      const eligible = wanted.servers.filter(
        ({ zone }) => placement.zones.length === 0 || placement.zones.includes(zone),
      );
      const count = Math.min(placement.servers, eligible.length) * placement.replicas;
      if (copies.length !== count)
        throw new Wrong(`${copies.length} copies of ${name} are recorded, not ${count}`);
      for (const copy of copies) this.#checkCopy(name, copy);
    }
  }

  /** A copy that is recorded serves, at the sidecar of its own server. */
  #checkCopy(name: string, { server, container, release }: RecordedCopy): void {
    const found = this.#world.machine(server).find(container);
    if (!found?.isRunning) throw new Wrong(`${container} is recorded, and does not run on ${server}`);
    if (found.labels[LABEL.release] !== `${release}`)
      throw new Wrong(`${container} on ${server} is release ${found.labels[LABEL.release]}, not ${release}`);
    const isReached = this.#world.state.services[name]!.internal_port !== undefined;
    const working = this.#world.working(name, server)?.split(', ') ?? [];
    if (!isReached && !working.includes(container))
      throw new Wrong(`${working} works as ${name} on ${server}, not ${container}`);
    if (!isReached) return;
    const serving = this.#world.serving(name, server)?.split(', ') ?? [];
    const recorded = this.#world.state.services[name]!.copies.map((copy) => copy.container);
    const isServing = serving.includes(container) && serving.every((one) => recorded.includes(one));
    if (!isServing) throw new Wrong(`${serving} serves ${name} on ${server}, not ${container}`);
  }

  /** Of ours only that is on a server which is recorded, or serves it. */
  #checkServer(server: string): void {
    const left = this.#world.litterOn(server).filter(({ isOurs }) => isOurs);
    if (left.length > 0) throw new Wrong(`left on ${server}: ${left.map(({ name }) => name)}`);
    const lost = this.#world.litterOn(server).filter(({ isOurs }) => !isOurs);
    if (lost.length % 3 !== 0) throw new Wrong(`what is not ours went from ${server}`);
    const recorded = new Set(
      Object.values(this.#world.state.services).flatMap(({ copies }) =>
        copies.filter((copy) => copy.server === server).map(({ container }) => container),
      ),
    );
    for (const { name, labels } of this.#world.machine(server).containers.values()) {
      const role = labels[LABEL.role];
      // A front that serves what nobody serves here stays, and the bridge beside it.
      const isBeside = role === 'edge-bridge' && this.#world.machine(server).find(FRONT) !== undefined;
      const isKept = role === undefined || role === 'sidecar' || role === 'edge' || isBeside;
      const isNeighbour = labels[LABEL.project] === neighbour(1).project;
      if (!isKept && !isNeighbour && !recorded.has(name))
        throw new Wrong(`${name} is left on ${server} (${role})`);
    }
  }

  async #checkNeighbour(): Promise<void> {
    if (this.#story.setting.before !== 'neighbour' && this.#neighbourVersion === 1) return;
    const wanted = neighbour(this.#neighbourVersion);
    // Where nothing of the shop took it over, a front holds what the neighbour's edge needs.
    if (wanted.servers.some(({ name }) => this.#world.machines.get(name)?.find(FRONT) !== undefined)) return;
    const ended = await this.#world.tryDeploy(wanted);
    if (failureOf(ended) !== undefined)
      throw new Wrong(`the neighbour cannot deploy: ${String(failureOf(ended))}`);
    await rest(this.#world);
    if ((await this.#world.plan(wanted)).changed) throw new Wrong('the neighbour finds something to do');
  }
}

/** Another project on the first two servers, that shares their edges. */
function neighbour(version: number): EnvironmentSpec {
  const news = service('news', { image: `news:${version}`, servers: 2, policy: { drainTimeoutMs: 2_000 } });
  return { ...shop([news], allServers().slice(0, 2)), project: 'paper' };
}

function otherVersion(desired: Desired): Desired {
  const next = <T extends { version: number }>(one: T | undefined) =>
    one && { ...one, version: (one.version % (BROKEN - 1)) + 1 };
  return { ...desired, api: next(desired.api), db: next(desired.db), mailer: next(desired.mailer) };
}

/** What somebody makes of a file that cannot work. */
function mended(desired: Desired): Desired {
  const { api, web, db, mailer } = structuredClone(desired);
  for (const one of [api, web, db, mailer]) if (one?.version === BROKEN) one.version = 1;
  for (const one of [api?.preDeploy, api?.postDeploy]) if (one) one.fails = false;
  return { ...desired, api, web, db, mailer };
}

/** It wants a version that never gets healthy, or hooks that fail. */
function isToFail({ api, web, db, mailer }: Desired): boolean {
  const isBroken = [api, web, db, mailer].some((one) => one?.version === BROKEN);
  return isBroken || api?.preDeploy?.fails === true || api?.postDeploy?.fails === true;
}

/** It has asked what became of a hook. */
function isAsking({ plans }: Begun, ended: Ended<DeployReport>): boolean {
  return ended.how === 'failed' && (plans.at(-1)?.unfinished.length ?? 0) > 0;
}

function describeOptions({
  services,
  zones,
  rollback,
  excludedServers = [],
  strikes = [],
}: RunOptions): string {
  const words = [
    services && `only ${services}`,
    zones && `only in ${zones}`,
    rollback && `rolled back to ${rollback}`,
    excludedServers.length > 0 && `without ${excludedServers}`,
    ...strikes.map(
      ({ at, how, when = 'before', forMs }) =>
        `${how}${forMs === undefined ? '' : ` for ${forMs} ms`} ${when} call ${at}`,
    ),
  ].filter(Boolean);
  return words.length > 0 ? `; ${words.join(', ')}` : '';
}

function outcomeText({ run }: Begun, ended: Ended<DeployReport>): string {
  const where = run.isStruck ? '' : ', before anything happened to it';
  if (ended.how === 'killed') return `${run.name} was killed, the last call was ${run.calls.at(-1)}`;
  const failure = failureOf(ended);
  const what = failure === undefined ? 'ended well' : `failed: ${String(failure)}`;
  return `${run.name} ${what}${where} (${run.calls.length} calls)`;
}
