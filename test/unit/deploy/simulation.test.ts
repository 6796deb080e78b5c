import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describePlan } from '../../../src/deploy/describe.ts';
import { isEmpty, type Plan } from '../../../src/deploy/plan.ts';
import { UserError } from '../../../src/model/errors.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { database, type ServiceChanges, servers, service, shop } from './specs.ts';
import { type Container, type RunOptions, StepFailed, World } from './world.ts';

/** Images of this version never get healthy. */
const BROKEN = 4;
const ZONES = ['lon1', 'lon1', 'nyc1'];

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
        'stop a sidecar',
        'stop an edge',
        'change a file',
        'move an image',
        'stop what was made by hand',
        'lose the record',
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
});
type Run = typeof run extends fc.Arbitrary<infer Value> ? Value : never;

test('whatever is deployed, cut off and deployed again: no side is touched before the switch, and it converges', () => {
  fc.assert(
    fc.property(
      fc.array(run, { minLength: 1, maxLength: 6 }).map(withOnePort),
      fc.boolean(),
      (runs, isMade) => {
        const world = new World();
        for (const name of ['api', 'web', 'db']) world.broken.add(`${name}:${BROKEN}`);
        const story: string[] = [];
        if (isMade) makeByHand(world, runs[0]!, story);
        try {
          for (const one of runs) {
            disturb(world, one, story);
            tell(world, one, story);
          }
          settleDown(world, runs.at(-1)!, story);
        } catch (error) {
          throw new Error(`${story.join('\n')}\n=> ${(error as Error).message}`, { cause: error });
        }
      },
    ),
    {
      numRuns: Number(process.env.SIMULATIONS ?? 200),
      seed: Number(process.env.SEED ?? 3),
      endOnFailure: false,
    },
  );
}, 60_000);

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
  if (new Set(runs.map((one) => one.desired.servers)).size === 1) return runs;
  return runs.map((one) => ({
    ...one,
    desired: { ...one.desired, api: one.desired.api && { ...one.desired.api, port: 3000 } },
  }));
}

/** Runs once, cut off or not, and looks at the world after every moment; false says that the run failed. */
function tell(world: World, one: Run, story: string[]): boolean {
  const wanted = fileOf(one.desired);
  const options = optionsOf(world, one, wanted);
  if (options === undefined) return true;
  story.push(`-- ${summaryOf(one)}`);
  const plan = planUnlessRefused(world, wanted, options);
  if (plan === undefined) return true;
  story.push(...describePlan(plan));
  let before = look(world);
  const promised = new Set(before.routes.keys());
  let moments = 0;
  try {
    for (const moment of world.run(wanted, options)) {
      story.push(`   ${moment}`);
      const now = look(world);
      compare(before, now, { wanted, plan: world.underway ?? plan, promised });
      before = now;
      if (moments++ === one.cutAfter) {
        story.push('   CUT');
        return true;
      }
    }
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    story.push(`   failed: ${error.message}`);
    compare(before, look(world), { wanted, plan: world.underway ?? plan, promised });
    return false;
  }
  return true;
}

/** A narrowed run may depend on what is not deployed: then it is refused before anything. */
function planUnlessRefused(world: World, wanted: EnvironmentSpec, options: RunOptions): Plan | undefined {
  try {
    return world.plan(wanted, options);
  } catch (error) {
    const isNarrowed = options.services !== undefined || options.zones !== undefined;
    if (isNarrowed && error instanceof UserError) return undefined;
    throw error;
  }
}

/** After one more whole run everything is as the file says, and the run after that has nothing to do. */
function settleDown(world: World, last: Run, story: string[]): void {
  const desired = structuredClone(last.desired);
  for (const one of [desired.api, desired.web, desired.db]) if (one?.version === BROKEN) one.version = 1;
  const whole = { ...last, desired, cutAfter: undefined, narrowing: {} };
  // Somebody finds out while a server is off, and it comes back.
  expect(tell(world, whole, story)).toBe(true);
  switchAllOn(world, story);
  expect(tell(world, whole, story)).toBe(true);
  const wanted = fileOf(whole.desired);
  expect(world.state).not.toHaveProperty('stale_servers');
  const plan = world.plan(wanted, optionsOf(world, whole, wanted));
  if (!isEmpty(plan)) throw new Error(`not the empty plan:\n${describePlan(plan).join('\n')}`);
  expect(Object.keys(world.state.services).sort()).toEqual(wanted.services.map(({ name }) => name).sort());
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
}

/** compare throws when a step has taken from users what they had. */
function compare(before: Sight, now: Sight, { wanted, plan, promised }: Told): void {
  const isDead = (key: string) => !now.living.has(key.split(' ')[0]!);
  const spec = (name: string) => wanted.services.find((candidate) => candidate.name === name);
  const wasRunning = new Set(
    [...before.containers.values()]
      .filter(({ isRunning }) => isRunning)
      .map(({ host, service: name, side }) => placeOf(host, name, side)),
  );
  for (const [key, was] of before.routes) {
    const name = key.split(' ')[2]!;
    if (isDead(key)) continue;
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
    if (container.isRunning && routed.has(placeOf(host, name, side)))
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

function fileOf({ api, web, db, servers: count }: Desired): EnvironmentSpec {
  const dependsOnDb = db === undefined ? [] : ['db'];
  const apiChanges = (it: NonNullable<typeof api>): ServiceChanges => ({
    image: `api:${it.version}`,
    port: it.port,
    domains: [it.domain],
    servers: it.servers,
    secrets: ['TOKEN'],
    dependsOn: dependsOnDb,
    policy: { drainTimeoutMs: it.drainTimeoutMs },
  });
  const file = shop(
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
  return { ...file, nginx: { ...file.nginx, adopt: { container: 'front', drop } } };
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
  if (options.services !== undefined && wanted.services.every(({ name }) => name !== 'api')) return undefined;
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
      const made = machine.foreign[pick % Math.max(1, machine.foreign.length)];
      if (made !== undefined) made.isRunning = false;
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
    case 'lose the record':
      world.loseRecord();
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
