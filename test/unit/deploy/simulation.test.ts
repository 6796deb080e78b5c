import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describePlan } from '../../../src/deploy/planning/describe.ts';
import { isEmpty, type Plan } from '../../../src/deploy/planning/plan.ts';
import type { RollbackTarget } from '../../../src/deploy/restoring/choose-release.ts';
import { UserError } from '../../../src/model/errors.ts';
import type { Release } from '../../../src/model/release.ts';
import type { EnvironmentSpec, HookSpec } from '../../../src/model/spec.ts';
import { database, type ServiceChanges, servers, service, shop } from './specs.ts';
import { type Container, FAILING, type RunOptions, StepFailed, World } from './world.ts';

/** Images of this version never get healthy. */
const BROKEN = 4;
const ZONES = ['lon1', 'lon1', 'nyc1'];

/** Undefined is none. */
const hook = fc.option(fc.record({ fails: fc.boolean(), idempotent: fc.boolean() }), { nil: undefined });

/** What the file says in one run of a story. */
const desired = fc.record({
  /** Undefined is not in the file. */
  api: fc.option(
    fc.record({
      version: fc.integer({ min: 1, max: 4 }),
      port: fc.constantFrom(3000, 4000),
      domain: fc.constantFrom('api.example.com', 'www.example.com'),
      servers: fc.integer({ min: 1, max: 3 }),
      token: fc.constantFrom('one', 'two'),
      drainTimeoutMs: fc.constantFrom(1000, 2000),
      naming: fc.constantFrom(undefined, 'version' as const),
      preDeploy: hook,
      postDeploy: hook,
    }),
    { freq: 6, nil: undefined },
  ),
  web: fc.option(
    fc.record({
      version: fc.integer({ min: 1, max: 4 }),
      servers: fc.integer({ min: 1, max: 2 }),
      hasDomain: fc.boolean(),
      dependsOnApi: fc.boolean(),
    }),
    { freq: 3, nil: undefined },
  ),
  db: fc.option(fc.record({ version: fc.integer({ min: 1, max: 4 }) }), { freq: 3, nil: undefined }),
  servers: fc.constantFrom(1, 2, 2, 3, 3),
  keeps: fc.boolean(),
});
type Desired = typeof desired extends fc.Arbitrary<infer Value> ? Value : never;

/** What somebody does to the servers between two runs. */
const mischief = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'none' as const, pick: 0 }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'stop a container',
        'remove a container',
        'change a container',
        'stop a sidecar',
        'stop an edge',
        'change a file',
        'move an image',
        'prune the image of nginx',
        'stop what was made by hand',
        'lose the record',
        'copy a container',
        'leave things behind',
        'kill all hooks',
        'remove all hooks',
        'switch a server off',
        'switch all servers on',
      ),
      pick: fc.nat(100),
    }),
  },
);

const run = fc.record({
  desired,
  mischief,
  /** The moment after which the run is cut off; undefined lets it end. */
  cutAfter: fc.option(fc.nat(25), { nil: undefined }),
  narrowing: fc.oneof(
    { weight: 6, arbitrary: fc.constant<RunOptions>({}) },
    { weight: 1, arbitrary: fc.constant<RunOptions>({ services: ['api'] }) },
    { weight: 1, arbitrary: fc.constant<RunOptions>({ zones: ['lon1'] }) },
  ),
  /** The server whose nginx takes nothing during the run. */
  stubborn: fc.constantFrom(0, 1, 2, ...Array<undefined>(7).fill(undefined)),
  /** What somebody says when a run asks what became of a hook. */
  answer: fc.constantFrom('run' as const, 'done' as const),
});
type Run = typeof run extends fc.Arbitrary<infer Value> ? Value : never;

/** A run that goes back, or forward again; it may be disturbed and cut off like any other. */
const backAndForth = fc
  .tuple(
    run,
    fc.constantFrom(['api'], ['api', 'web'], undefined),
    fc.constantFrom<RollbackTarget>('previous', 'previous', 1, 2),
  )
  .map(([one, services, rollback]): Run => {
    const narrowing: RunOptions = services === undefined ? {} : { services: [...services], rollback };
    return { ...one, narrowing };
  });

/** A deploy that comes to its end. */
const whole = run
  .filter(({ desired: { api } }) => api !== undefined && api.version !== BROKEN)
  .map((one): Run => ({ ...one, mischief: { kind: 'none', pick: 0 }, cutAfter: undefined, narrowing: {} }));

const LIMITS = {
  numRuns: Number(process.env.SIMULATIONS ?? 200),
  seed: Number(process.env.SEED ?? 3),
  endOnFailure: false,
};

test('whatever is deployed, cut off and deployed again: no side is touched before the switch, and it converges', () => {
  const runs = fc.array(run, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(runs.map(withOnePort), fc.boolean(), (story, isMade) => live(new World(), story, isMade)),
    LIMITS,
  );
}, 60_000);

test('whatever is rolled back, cut off and rolled back again: the same holds, and what runs is the old release', () => {
  const before = fc.array(whole, { minLength: 2, maxLength: 3 });
  const after = fc.array(backAndForth, { minLength: 1, maxLength: 4 });
  const story = fc.tuple(before, after).map(([deploys, rollbacks]) => {
    const versions = deploys.map((one, index) => withApi(one, { version: index + 1 }));
    const { web, db } = deploys[0]!.desired;
    // What the rollbacks need stays in the file.
    return withOnePort(
      [...versions, ...rollbacks].map((one) => {
        const kept = { web: web && (one.desired.web ?? web), db: db && (one.desired.db ?? db) };
        return { ...one, desired: { ...one.desired, ...kept } };
      }),
    );
  });
  fc.assert(
    fc.property(fc.constantFrom('digests', 'by hand'), story, (images, runs) =>
      live(new World(images), runs),
    ),
    LIMITS,
  );
}, 60_000);

/** Tells a story to its end, and then lets everything settle. With `isMade` something runs there before it begins. */
function live(world: World, runs: readonly Run[], isMade = false): void {
  for (const name of ['api', 'web', 'db']) world.broken.add(`${name}:${BROKEN}`);
  const story: string[] = [];
  if (isMade) makeByHand(world, runs[0]!, story);
  try {
    for (const one of runs) {
      disturb(world, one, story);
      const stubborn = [...world.machines.keys()].filter((_host, index) => index === one.stubborn);
      for (const host of stubborn) {
        story.push(`!! the nginx of ${host} takes nothing`);
        world.stubborn.add(host);
      }
      tell(world, one, story);
      world.stubborn.clear();
    }
    settleDown(world, runs.at(-1)!, story);
  } catch (error) {
    throw new Error(`${story.join('\n')}\n=> ${(error as Error).message}`, { cause: error });
  }
}

const DOMAINS = ['api.example.com', 'www.example.com'];

/** Before the first run, somebody has made an app with a front, and a database, on every server. */
function makeByHand(world: World, { desired: { servers: count } }: Run, story: string[]): void {
  const specs = servers(count, ZONES);
  world.join(specs);
  for (const { host } of specs) {
    world.makeByHand(host, { name: 'shop_production_api' });
    world.makeByHand(host, { name: 'old-db' });
    world.makeByHand(host, {
      name: 'front',
      published: [{ port: 80, containerPort: 80 }],
      served: DOMAINS.map((name) => ({ port: 80, name, isTls: false })),
      passesTo: ['shop_production_api'],
    });
  }
  story.push('!! made by hand');
}

/** A server that comes back with an old copy on another port cannot be routed to together with the new ones. */
function withOnePort(runs: Run[]): Run[] {
  const isAnyAway = runs.some(({ mischief }) => mischief.kind === 'switch a server off');
  if (new Set(runs.map((one) => one.desired.servers)).size === 1 && !isAnyAway) return runs;
  return runs.map((one) => withApi(one, { port: 3000 }));
}

function withApi(one: Run, changes: Partial<NonNullable<Desired['api']>>): Run {
  return { ...one, desired: { ...one.desired, api: one.desired.api && { ...one.desired.api, ...changes } } };
}

/** Runs once, cut off or not, and looks at the world after every moment; false says that the run failed. */
function tell(world: World, one: Run, story: string[]): boolean {
  const file = fileOf(one.desired);
  const given = optionsOf(world, one, file);
  if (given === undefined) return true;
  story.push(`-- ${summaryOf(one)}`);
  const asked = unlessRefused(given, () => world.ask(file, given));
  let plan = asked && unlessRefused(given, () => world.plan(asked.wanted, asked.options));
  if (asked === undefined || plan === undefined) return true;
  const { options } = asked;
  const wanted = withOthersRecorded(world, asked.wanted, options);
  if (plan.unfinished.length > 0) {
    options.unfinishedHook = one.answer;
    story.push(`   said: ${one.answer}`);
    plan = world.plan(wanted, options);
  }
  story.push(...describePlan(plan));
  let before = look(world);
  const promised = new Set(before.routes.keys());
  const borrowed = world.stubborn.size > 0 ? unanswered(before) : () => false;
  let moments = 0;
  try {
    for (const moment of world.run(asked.wanted, options)) {
      story.push(`   ${moment}`);
      const now = look(world);
      compare(before, now, { wanted, plan: world.underway ?? plan, promised, borrowed });
      before = now;
      // One misfortune at a time: a run whose switch fails is not killed as well.
      if (moments++ === one.cutAfter && world.stubborn.size === 0) {
        story.push('   CUT');
        return true;
      }
    }
  } catch (error) {
    // An image that was loaded by hand may be another one by now: then a rollback is refused.
    if (options.rollback !== undefined && error instanceof UserError) return true;
    if (!(error instanceof StepFailed)) throw error;
    story.push(`   failed: ${error.message}`);
    compare(before, look(world), { wanted, plan: world.underway ?? plan, promised, borrowed });
    return false;
  }
  for (const release of options.restored?.values() ?? []) expectRestored(world, release);
  return true;
}

/** A narrowed run takes the others for what the record says, also where a run was cut off that meant to change them. */
function withOthersRecorded(
  world: World,
  wanted: EnvironmentSpec,
  { services: selected }: RunOptions,
): EnvironmentSpec {
  const services = wanted.services.map((spec) => {
    if (selected === undefined || selected.includes(spec.name)) return spec;
    const recorded = world.releases.get(`${spec.name}/${world.state.services[spec.name]?.release}`);
    return { ...spec, route: recorded?.route ?? spec.route };
  });
  return { ...wanted, services };
}

/** What runs is the release to the letter: image, variables, and the values that its secrets had. */
function expectRestored(world: World, release: Release): void {
  const { service: name, number, container, secrets_version } = release;
  const recorded = world.state.services[name]!;
  const current = world.releases.get(`${name}/${recorded.release}`)!;
  const image = expect.stringMatching(new RegExp(`^${container.image}(@|$)`));
  expect(current).toMatchObject({ route: release.route, container: { ...container, image } });
  expect(current.secrets_version).toBe(secrets_version);
  for (const server of recorded.servers) {
    if (world.machines.get(server.host)!.isDead) continue;
    const { environment, imageId } = world.container(server.container, server.host);
    expect(environment).toEqual({ ...container.environment, ...world.truth.get(`${name}/${number}`) });
    const id = release.image_digest?.split('@')[1] ?? release.image_id;
    if (server.release === recorded.release) expect(imageId).toBe(id);
  }
}

/** A narrowed run may depend on what is not deployed, a rollback may find nothing: then it is refused before anything. */
function unlessRefused<T>({ services, zones }: RunOptions, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    const isNarrowed = services !== undefined || zones !== undefined;
    if (isNarrowed && error instanceof UserError) return undefined;
    throw error;
  }
}

/** After one more whole run everything is as the file says, and the run after that has nothing to do. */
function settleDown(world: World, last: Run, story: string[]): void {
  const desired = structuredClone(last.desired);
  for (const one of [desired.api, desired.web, desired.db]) if (one?.version === BROKEN) one.version = 1;
  for (const one of [desired.api?.preDeploy, desired.api?.postDeploy]) if (one) one.fails = false;
  const whole = { ...last, desired, cutAfter: undefined, narrowing: {} };
  // Somebody finds out while a server is off, and it comes back.
  expect(tell(world, whole, story)).toBe(true);
  switchAllOn(world, story);
  expect(tell(world, whole, story)).toBe(true);
  const wanted = fileOf(whole.desired);
  expect(world.state).not.toHaveProperty('stale_servers');
  const plan = world.plan(wanted, optionsOf(world, whole, wanted));
  for (const [host, { containers, litter }] of world.machines) {
    // Where the record was lost, nobody knows which images are needed.
    const left = litter.filter(({ isOurs, kind }) => isOurs && kind !== 'images').length;
    const copies = containers.filter(({ alias }) => alias === undefined).length;
    expect({ host, left, copies }).toEqual({ host, left: 0, copies: 0 });
  }
  if (!isEmpty(plan)) throw new Error(`not the empty plan:\n${describePlan(plan).join('\n')}`);
  expect(Object.keys(world.state.services).sort()).toEqual(wanted.services.map(({ name }) => name).sort());
  for (const { hooks } of world.machines.values()) expect(hooks).toEqual([]);
  for (const { name, placement } of wanted.services) {
    const recorded = world.state.services[name]!;
    expect(recorded.pending).toBeUndefined();
    expect(recorded.servers).toHaveLength(Math.min(placement.servers, wanted.servers.length));
    for (const { host, container } of recorded.servers) {
      expect(world.isHealthy(world.container(container, host))).toBe(true);
    }
  }
}

/** What users of the services would see, and what stands where. */
interface Sight {
  /** By nginx and service: does each primary backend answer? */
  routes: Map<string, Map<string, boolean>>;
  containers: Map<string, Container & { host: string }>;
  /** Hosts of the servers that are switched on. */
  living: Set<string>;
}

function look(world: World): Sight {
  const living = [...world.machines].filter(([, { isDead }]) => !isDead).map(([host]) => host);
  const sight: Sight = { routes: new Map(), containers: new Map(), living: new Set(living) };
  for (const { host, kind, route, placement } of world.primaries()) {
    const key = `${host} ${kind} ${route.service}`;
    const backends = sight.routes.get(key) ?? new Map<string, boolean>();
    backends.set(
      placeOf(placement.host, route.service, placement.side),
      world.answers(host, route, placement),
    );
    sight.routes.set(key, backends);
  }
  for (const [host, { containers }] of world.machines) {
    for (const container of containers)
      sight.containers.set(container.id, { ...structuredClone(container), host });
  }
  return sight;
}

function placeOf(host: string, name: string, side: string): string {
  return `${host} ${name} ${side}`;
}

/** A run as compare has to know it. */
interface Told {
  wanted: EnvironmentSpec;
  plan: Plan;
  /** The routes there were at its beginning: one that a failed run has added goes again. */
  promised: ReadonlySet<string>;
  /** Whether nobody answered there at its beginning: a switch that fails takes back what it had given. */
  borrowed: (key: string) => boolean;
}

function unanswered({ routes }: Sight): (key: string) => boolean {
  return (key) => ![...(routes.get(key)?.values() ?? [])].includes(true);
}

/** compare throws when a step has taken from users what they had. */
function compare(before: Sight, now: Sight, { wanted, plan, promised, borrowed }: Told): void {
  const isDead = (key: string) => !now.living.has(key.split(' ')[0]!);
  const spec = (name: string) => wanted.services.find((candidate) => candidate.name === name);
  const wasRunning = new Set(
    [...before.containers.values()]
      .filter(({ isRunning }) => isRunning)
      .map(({ host, service: name, side }) => placeOf(host, name, side)),
  );
  for (const [key, was] of before.routes) {
    const name = key.split(' ')[2]!;
    if (isDead(key) || borrowed(key)) continue;
    const is = now.routes.get(key);
    if (spec(name)?.policy.strategy === 'recreate' || ![...was.values()].includes(true)) continue;
    if (is === undefined) {
      const isEdgeless = spec(name)?.route.domains.length === 0 && key.includes(' edge ');
      const isOwed = promised.has(key) && spec(name) !== undefined && !isEdgeless;
      if (isOwed && !leavesZone(key, wanted, plan)) throw new Error(`${key} lost its route`);
      continue;
    }
    if (![...is.values()].includes(true)) throw new Error(`${key}: no backend answers any more`);
    for (const [place, isAnswering] of is) {
      // A copy that was dead already does no harm, nor does one whose host port is not open yet: nginx asks the next.
      const isLocal = place.split(' ')[0] === key.split(' ')[0];
      if (isAnswering || !isLocal || was.get(place) === false || !wasRunning.has(place)) continue;
      throw new Error(`${key}: ${place} has traffic and does not answer`);
    }
  }
  const routed = new Set([...now.routes.values()].flatMap((backends) => [...backends.keys()]));
  for (const [id, container] of before.containers) {
    if (now.containers.has(id)) continue;
    const { host, service: name, side } = container;
    const isFound = container.alias !== undefined;
    if (container.isRunning && isFound && routed.has(placeOf(host, name, side)))
      throw new Error(`${container.name} on ${host} was removed while it had the traffic`);
  }
  const running = [...now.containers.values()].filter(({ isRunning }) => isRunning);
  for (const one of running) {
    const rival = running.find(
      (other) =>
        other.id !== one.id &&
        other.host === one.host &&
        other.volumes.some((volume) => one.volumes.includes(volume)),
    );
    if (rival !== undefined) throw new Error(`${one.name} and ${rival.name} write one volume on ${one.host}`);
  }
}

/** A zone where no copy shall stand any more loses the route, rightly. */
function leavesZone(key: string, wanted: EnvironmentSpec, plan: Plan): boolean {
  const [host, , name = ''] = key.split(' ');
  const zoneOf = (one: string | undefined) => wanted.servers.find((server) => server.host === one)?.zone;
  const standing = plan.standing[name];
  return standing?.every((copy) => zoneOf(copy.host) !== zoneOf(host)) ?? false;
}

function fileOf({ api, web, db, servers: count, keeps }: Desired): EnvironmentSpec {
  const dependsOnDb = db === undefined ? [] : ['db'];
  const apiChanges = (it: NonNullable<typeof api>): ServiceChanges => ({
    image: `api:${it.version}`,
    naming: it.naming,
    port: it.port,
    domains: [it.domain],
    servers: it.servers,
    secrets: ['TOKEN'],
    dependsOn: dependsOnDb,
    policy: {
      drainTimeoutMs: it.drainTimeoutMs,
      ...(it.preDeploy && { preDeploy: hookOf(it.preDeploy) }),
      ...(it.postDeploy && { postDeploy: hookOf(it.postDeploy) }),
    },
  });
  const environment = shop(
    [
      ...(web === undefined
        ? []
        : [
            service('web', {
              image: `web:${web.version}`,
              servers: web.servers,
              domains: web.hasDomain ? ['web.example.com'] : [],
              dependsOn: web.dependsOnApi && api !== undefined ? ['api'] : [],
            }),
          ]),
      ...(api === undefined ? [] : [service('api', apiChanges(api))]),
      ...(db === undefined
        ? []
        : [database('db', { image: `db:${db.version}`, adopt: { container: 'old-db', drop: [] } })]),
    ],
    servers(count, ZONES),
  );
  const drop = DOMAINS.filter((domain) => domain !== api?.domain);
  const nginx = { ...environment.nginx, adopt: { container: 'front', drop } };
  return { ...environment, nginx, onPartialFailure: keeps ? 'keep' : 'revert' };
}

function hookOf({ fails, idempotent }: { fails: boolean; idempotent: boolean }): HookSpec {
  return { command: fails ? FAILING : ['migrate'], timeoutMs: 600_000, idempotent };
}

function optionsOf(world: World, one: Run, wanted: EnvironmentSpec): RunOptions | undefined {
  const { narrowing, desired: it } = one;
  const isOff = (host: string) => world.machines.get(host)?.isDead === true;
  const excludedServers = wanted.servers.map(({ host }) => host).filter(isOff);
  const isLeft = ({ host, zone }: EnvironmentSpec['servers'][number]) =>
    !excludedServers.includes(host) && (narrowing.zones?.includes(zone) ?? true);
  if (!wanted.servers.some(isLeft)) return undefined;
  const options: RunOptions = {
    ...narrowing,
    excludedServers,
    secrets: { api: { TOKEN: it.api?.token ?? '' } },
  };
  if (options.services?.some((name) => wanted.services.every((one) => one.name !== name))) return undefined;
  return options;
}

function summaryOf({ desired: it, narrowing, cutAfter }: Run): string {
  return JSON.stringify({ ...it, ...narrowing, cutAfter });
}

function disturb(world: World, { mischief: { kind, pick } }: Run, story: string[]): void {
  if (kind === 'none') return;
  story.push(`!! ${kind}`);
  const machines = [...world.machines.values()];
  const machine = machines[pick % Math.max(1, machines.length)];
  if (machine === undefined) return;
  const container = machine.containers[pick % Math.max(1, machine.containers.length)];
  switch (kind) {
    case 'stop a container':
      if (container !== undefined) container.isRunning = false;
      break;
    case 'remove a container':
      machine.containers = machine.containers.filter((one) => one !== container);
      break;
    case 'change a container':
      if (container !== undefined) container.settings = { ...container.settings, restart: 'no' };
      break;
    case 'stop a sidecar':
      if (machine.sidecar !== undefined) machine.sidecar.isRunning = false;
      break;
    case 'stop an edge':
      if (machine.isBridge) {
        // It removes itself, and what diverted connections to it ends with it.
        Object.assign(machine, { edge: undefined, isBridge: false, isDiverted: false });
      } else if (machine.edge !== undefined) machine.edge.isRunning = false;
      break;
    case 'stop what was made by hand': {
      const made = machine.foreign[pick % Math.max(1, machine.foreign.length)]?.name ?? '';
      // Also who passes requests to it: an nginx that finds no such name does not say what it serves, and is refused.
      const stopped = machine.foreign.filter(({ name, passesTo }) => [name, ...passesTo].includes(made));
      for (const one of stopped) one.isRunning = false;
      break;
    }
    case 'change a file': {
      const files = machine.sidecar?.files;
      const path = [...(files?.keys() ?? [])].filter((name) => name.endsWith('.conf') && name.includes('/'))[
        pick % 4
      ];
      if (path !== undefined) files?.set(path, '# changed by hand');
      break;
    }
    case 'move an image':
      world.moveImage(`api:${(pick % 4) + 1}`);
      break;
    case 'prune the image of nginx':
      machine.images.delete('nginx:1.30');
      break;
    case 'copy a container': {
      const host = machine.spec.host;
      if (container !== undefined) world.copy(host, container);
      break;
    }
    case 'leave things behind':
      world.litter(machine.spec.host);
      break;
    case 'lose the record':
      world.loseRecord();
      break;
    case 'kill all hooks':
      world.killHooks();
      break;
    case 'remove all hooks':
      world.removeHooks();
      break;
    case 'switch a server off':
      switchOff(world, pick, story);
      break;
    case 'switch all servers on':
      switchAllOn(world, story);
      break;
  }
}

function switchOff(world: World, pick: number, story: string[]): void {
  const living = [...world.machines].filter(([, { isDead }]) => !isDead);
  if (living.length < 2) return;
  const [host, machine] = living[pick % living.length]!;
  machine.isDead = true;
  story.push(`!! ${host} is switched off`);
}

function switchAllOn(world: World, story: string[]): void {
  for (const [host, machine] of world.machines) {
    if (!machine.isDead) continue;
    machine.isDead = false;
    story.push(`!! ${host} is switched on`);
  }
}
