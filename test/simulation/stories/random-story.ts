import fc from 'fast-check';
import type { RollbackTarget } from '../../../src/deploy/record/choose-release.ts';
import type { EnvironmentSpec, HookSpec } from '../../../src/model/spec.ts';
import type { Strike } from '../world/faults.ts';
import { MISCHIEF, type Mischief } from './mischief.ts';
import { database, MONITOR, type ServiceChanges, servers, service, shop, worker } from './specs.ts';

/** Images of this version never get healthy. */
export const BROKEN = 4;
export const SERVICES = ['api', 'web', 'db', 'mailer'] as const;
/** The domains that an older front serves. */
export const DOMAINS = ['api.example.com', 'www.example.com'];
/** The container that is a database already, before Switchyard comes. */
export const OLD_DATABASE = 'old-db';
export const FRONT = 'front';
const ZONES = ['lon1', 'lon1', 'nyc1'];

/** Undefined is none. */
const hook = fc.option(fc.record({ fails: fc.boolean(), idempotent: fc.boolean() }), { nil: undefined });
type Hook = NonNullable<typeof hook extends fc.Arbitrary<infer Value> ? Value : never>;

/** What the file says in one run of a story; a service that is undefined is not in it. */
const desired = fc.record({
  api: fc.option(
    fc.record({
      version: fc.integer({ min: 1, max: BROKEN }),
      port: fc.constantFrom(3000, 4000),
      hasMetrics: fc.boolean(),
      domain: fc.constantFrom(...DOMAINS),
      servers: fc.integer({ min: 1, max: 3 }),
      replicas: fc.constantFrom(1, 1, 2, 3),
      token: fc.constantFrom('one', 'two'),
      drainTimeoutMs: fc.constantFrom(1_000, 2_000, 120_000),
      isWatched: fc.boolean(),
      naming: fc.constantFrom(undefined, 'version' as const),
      preDeploy: hook,
      postDeploy: hook,
    }),
    { freq: 6, nil: undefined },
  ),
  web: fc.option(
    fc.record({
      version: fc.integer({ min: 1, max: BROKEN }),
      servers: fc.integer({ min: 1, max: 2 }),
      hasDomain: fc.boolean(),
      isKeptInFirstZone: fc.boolean(),
      dependsOnApi: fc.boolean(),
    }),
    { freq: 3, nil: undefined },
  ),
  db: fc.option(fc.record({ version: fc.integer({ min: 1, max: BROKEN }) }), { freq: 3, nil: undefined }),
  /** A worker. */
  mailer: fc.option(
    fc.record({
      version: fc.integer({ min: 1, max: BROKEN }),
      servers: fc.integer({ min: 1, max: 2 }),
      replicas: fc.constantFrom(1, 1, 2),
      overlaps: fc.boolean(),
      dependsOnApi: fc.boolean(),
    }),
    { freq: 2, nil: undefined },
  ),
  servers: fc.constantFrom(1, 2, 2, 3, 3),
  keeps: fc.boolean(),
});
/** What the file says in one run of a story. */
export type Desired = typeof desired extends fc.Arbitrary<infer Value> ? Value : never;

/** Which part of the file a run is about. */
export interface Narrowed {
  services?: string[];
  zones?: string[];
  rollback?: RollbackTarget;
}

/** What happens to a run: at one call of it, or all the time. */
const misfortune = fc.oneof(
  { weight: 5, arbitrary: fc.constant({}) },
  {
    weight: 4,
    arbitrary: fc.record({
      strike: fc.record({
        at: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 350 })),
        when: fc.constantFrom('before' as const, 'after' as const),
        way: fc.constantFrom<Pick<Strike, 'how' | 'forMs'>>(
          { how: 'killed' },
          { how: 'killed' },
          { how: 'cancelled' },
          { how: 'cut off', forMs: 5_000 },
          { how: 'cut off' },
          { how: 'switched off', forMs: 60_000 },
          { how: 'switched off' },
        ),
      }),
    }),
  },
  /** The server whose nginx takes nothing new. */
  { weight: 2, arbitrary: fc.record({ stubborn: fc.nat(2) }) },
);

const chapter = fc.record({
  mischief: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Mischief | undefined>(undefined) },
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constantFrom(...MISCHIEF), pick: fc.nat(100) }),
    },
  ),
  desired,
  narrowed: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Narrowed>({}) },
    { weight: 1, arbitrary: fc.constant<Narrowed>({ services: ['api'] }) },
    { weight: 1, arbitrary: fc.constant<Narrowed>({ zones: ['lon1'] }) },
  ),
  misfortune: misfortune as fc.Arbitrary<{
    strike?: { at: number; when: 'before' | 'after'; way: Pick<Strike, 'how' | 'forMs'> };
    stubborn?: number;
  }>,
  /** Another run that begins while this one runs. */
  beside: fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    {
      weight: 2,
      arbitrary: fc.record({
        who: fc.constantFrom('the same file' as const, 'another version' as const, 'the neighbour' as const),
        afterMs: fc.constantFrom(0, 300, 1_000, 3_000, 6_000),
      }),
    },
  ),
  /** What somebody says when a run asks what became of a hook. */
  answer: fc.constantFrom('run' as const, 'done' as const),
  /** Until the next run begins. */
  pauseMs: fc.constantFrom(0, 2_000, 10_000, 10_000),
});
/** What is done and what happens, from the end of one run to the end of the next. */
export type Chapter = typeof chapter extends fc.Arbitrary<infer Value> ? Value : never;

/** A run that goes back, or forward again; it may be disturbed and struck like any other. */
const backAndForth = fc
  .tuple(
    chapter,
    fc.constantFrom(['api'], ['api', 'web'], undefined),
    fc.constantFrom<RollbackTarget>('previous', 'previous', 1, 2),
  )
  .map(([one, services, rollback]): Chapter => {
    const narrowed = services === undefined ? {} : { services: [...services], rollback };
    return { ...one, narrowed };
  });

/** A deploy that comes to its end. */
const whole = chapter
  .filter(({ desired: { api } }) => api !== undefined && api.version !== BROKEN)
  .map((one): Chapter => ({ ...one, mischief: undefined, misfortune: {}, narrowed: {}, beside: undefined }));

const setting = fc.record({
  images: fc.constantFrom('plain' as const, 'digests' as const, 'by hand' as const),
  /** How long streams of users stay open; 0 is no streams. */
  streamMs: fc.constantFrom(0, 0, 500, 30_000),
  /** What is on the servers before: nothing, another project, or what somebody has made by hand. */
  before: fc.constantFrom(undefined, undefined, 'neighbour' as const, 'made by hand' as const),
});

/** A story: how things stand at its beginning, and all that happens. */
export interface RandomStory {
  setting: typeof setting extends fc.Arbitrary<infer Value> ? Value : never;
  chapters: Chapter[];
}

/** Stories in which whatever is deployed is cut off, disturbed and deployed again. */
export const deployStories: fc.Arbitrary<RandomStory> = fc.record({
  setting,
  chapters: fc.array(chapter, { minLength: 1, maxLength: 6 }).map(withOnePort),
});

/** Stories in which releases come and go back. */
export const rollbackStories: fc.Arbitrary<RandomStory> = fc
  .tuple(
    setting,
    fc.array(whole, { minLength: 2, maxLength: 3 }),
    fc.array(backAndForth, { minLength: 1, maxLength: 4 }),
  )
  .map(([before, deploys, rollbacks]) => {
    const versions = deploys.map((one, index) => withApi(one, { version: index + 1 }));
    const { web, db, mailer } = deploys[0]!.desired;
    // What the rollbacks need stays in the file.
    const chapters = [...versions, ...rollbacks].map((one): Chapter => {
      const kept = {
        web: web && (one.desired.web ?? web),
        db: db && (one.desired.db ?? db),
        mailer: mailer && (one.desired.mailer ?? mailer),
      };
      return { ...one, desired: { ...one.desired, ...kept } };
    });
    return { setting: before, chapters: withOnePort(chapters) };
  });

/** Copies that listen on different ports cannot be served together, as they would be when a server comes back. */
function withOnePort(chapters: Chapter[]): Chapter[] {
  const isAnyAway = chapters.some(
    ({ mischief, misfortune: { strike } }) =>
      mischief?.kind === 'switch a server off' || (strike !== undefined && strike.way.how !== 'killed'),
  );
  if (new Set(chapters.map((one) => one.desired.servers)).size === 1 && !isAnyAway) return chapters;
  return chapters.map((one) => withApi(one, { port: 3000, hasMetrics: false }));
}

/** withApi returns a chapter that wants something else of api, where it wants api. */
function withApi(one: Chapter, changes: Partial<NonNullable<Desired['api']>>): Chapter {
  return { ...one, desired: { ...one.desired, api: one.desired.api && { ...one.desired.api, ...changes } } };
}

/** fileOf returns what the file says; with `isAdopting` it names what was made by hand. */
export function fileOf({ api, web, db, mailer, servers: count, keeps }: Desired): EnvironmentSpec {
  const dependsOnDb = db === undefined ? [] : ['db'];
  const apiChanges = (it: NonNullable<typeof api>): ServiceChanges => ({
    image: `api:${it.version}`,
    naming: it.naming,
    port: it.port,
    ...(it.hasMetrics && { extraPorts: { metrics: { port: 9100, protocol: 'http' } } }),
    domains: [it.domain],
    servers: it.servers,
    // Names of several with a version would differ by a time alone.
    replicas: it.naming === undefined ? it.replicas : 1,
    secrets: ['TOKEN'],
    environment: { VERSION: `${it.version}` },
    dependsOn: dependsOnDb,
    policy: {
      drainTimeoutMs: it.drainTimeoutMs,
      ...(it.isWatched && { monitor: MONITOR }),
      ...(it.preDeploy && { preDeploy: hookOf(it.preDeploy) }),
      ...(it.postDeploy && { postDeploy: hookOf(it.postDeploy) }),
    },
  });
  const services = [
    web &&
      service('web', {
        image: `web:${web.version}`,
        servers: web.servers,
        zones: web.isKeptInFirstZone ? [ZONES[0]!] : [],
        domains: web.hasDomain ? ['web.example.com'] : [],
        dependsOn: web.dependsOnApi && api !== undefined ? ['api'] : [],
      }),
    api && service('api', apiChanges(api)),
    mailer &&
      worker('mailer', {
        image: `mailer:${mailer.version}`,
        servers: mailer.overlaps ? mailer.servers : 1,
        replicas: mailer.overlaps ? mailer.replicas : 1,
        dependsOn: mailer.dependsOnApi && api !== undefined ? ['api'] : [],
        policy: { strategy: mailer.overlaps ? 'toggle' : 'recreate' },
      }),
    db && database('db', { image: `db:${db.version}`, adopt: { container: OLD_DATABASE, drop: [] } }),
  ];
  const environment = shop(
    services.filter((one) => one !== undefined),
    servers(count, ZONES),
  );
  const drop = DOMAINS.filter((domain) => domain !== api?.domain);
  const nginx = { ...environment.nginx, adopt: { container: FRONT, drop } };
  return { ...environment, nginx, onPartialFailure: keeps ? 'keep' : 'revert' };
}

function hookOf({ fails, idempotent }: Hook): HookSpec {
  return { command: [fails ? 'fail' : 'migrate'], timeoutMs: 600_000, idempotent };
}

/** allServers returns the servers that a file may name. */
export function allServers() {
  return servers(ZONES.length, ZONES);
}

/** describeDesired returns what the file says as a line that a person reads. */
export function describeDesired({ api, web, db, mailer, servers: count, keeps }: Desired): string {
  const hookText = (name: string, one: Hook | undefined) =>
    one && `${name} that ${one.fails ? 'fails' : 'works'}${one.idempotent ? ' (idempotent)' : ''}`;
  const words = (...parts: (string | undefined | false)[]) => parts.filter(Boolean).join(', ');
  return words(
    api &&
      words(
        `api:${api.version} on ${api.servers}${api.naming === undefined && api.replicas > 1 ? `, ${api.replicas} on each` : ''}`,
        `port ${api.port}${api.hasMetrics ? ' and metrics' : ''}`,
        api.domain,
        `token ${api.token}`,
        `drain ${api.drainTimeoutMs} ms`,
        api.isWatched && 'watched',
        api.naming && 'named by version',
        hookText('pre_deploy', api.preDeploy),
        hookText('post_deploy', api.postDeploy),
      ),
    web &&
      `web:${web.version} on ${web.servers}${web.isKeptInFirstZone ? ` in ${ZONES[0]}` : ''}${web.hasDomain ? ' with a domain' : ''}${web.dependsOnApi ? ' after api' : ''}`,
    db && `db:${db.version}`,
    mailer &&
      `mailer:${mailer.version} on ${mailer.servers}${mailer.overlaps ? `, ${mailer.replicas} on each` : ' alone'}${mailer.dependsOnApi ? ' after api' : ''}`,
    `servers ${servers(count)
      .map(({ name }) => name)
      .join(' ')}`,
    keeps && 'keeps what switched',
  );
}
