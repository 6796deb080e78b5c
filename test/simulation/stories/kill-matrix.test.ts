import { describe, expect, jest, test } from '@jest/globals';
import type { EnvironmentSpec, TlsSpec } from '../../../src/model/spec.ts';
import type { Strike } from '../world/faults.ts';
import { signedCertificate } from '../world/signed.ts';
import { comeOverHttps, type Visitors } from '../world/visitors.ts';
import { type RunOptions, World } from '../world/world.ts';
import { withPassword } from './generated.ts';
import { broker, other, publishing } from './published.ts';
import { database, MONITOR, scheduler, servers, service, shop, worker } from './specs.ts';
import { complaintOf, convergence, failureOf, rest } from './story.ts';

const isFull = process.env.SWITCHYARD_FULL === '1';
jest.setTimeout(isFull ? 60 * 60_000 : 5 * 60_000);

/** Other seeds find other samples: SWITCHYARD_SEED=7 npm run … */
const SEED = Number(process.env.SWITCHYARD_SEED ?? 1);
/** Of all strikes at calls of one kind so many are tried in the sample. */
const OF_EACH_KIND = 4;
/** Multiples of it without what is before the point lie as far from each other as they can, however many there are. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;
/** Until a lease has run out that nobody gives back, and a server that was switched off is on again. */
const AFTERWARDS_MS = 200_000;

const MIGRATION = { command: ['migrate'], timeoutMs: 60_000, idempotent: true };
const HEALTH = {
  kind: 'http',
  path: '/',
  intervalMs: 1_000,
  timeoutMs: 5_000,
  retries: 3,
  startPeriodMs: 0,
} as const;

/** A change that a run makes, and how the servers come to stand before it. */
interface Story {
  name: string;
  /** Configurations that are deployed first. */
  past: EnvironmentSpec[];
  /** Makes what somebody has made by hand before that; returns who comes there over HTTPS. */
  byHand?(world: World): Promise<Visitors>;
  wanted: EnvironmentSpec;
  options?: RunOptions;
}

/** Two web services, one of which has hooks, secrets and what it depends on, and a database, on two servers. */
function version(number: number, changes: Partial<EnvironmentSpec> = {}): EnvironmentSpec {
  return {
    ...shop(
      [
        service('web', {
          image: `web:${number}`,
          servers: 2,
          dependsOn: ['api'],
          policy: { healthcheck: HEALTH },
        }),
        service('api', {
          image: `api:${number}`,
          servers: 2,
          dependsOn: ['db'],
          secrets: ['TOKEN'],
          files: [{ target: '/etc/api.yml', mode: 0o444, content: { text: `of version ${number}` } }],
          policy: { healthcheck: HEALTH, preDeploy: MIGRATION, postDeploy: MIGRATION },
        }),
        database('db', { image: `db:${number}` }),
      ],
      servers(2),
    ),
    ...changes,
  };
}

const watched = (number: number) => {
  const policy = { healthcheck: HEALTH, monitor: MONITOR };
  return shop([service('api', { image: `api:${number}`, servers: 2, policy })], servers(2));
};
const two = (number: number) =>
  shop([service('api', { image: `api:${number}`, servers: 2, policy: { healthcheck: HEALTH } })], servers(2));
const several = (number: number, replicas: number) => {
  const changes = { replicas, servers: 2, policy: { healthcheck: HEALTH } };
  return shop(
    [
      service('api', { image: `api:${number}`, ...changes }),
      worker('mailer', { image: `mailer:${number}`, replicas, dependsOn: ['api'] }),
    ],
    servers(2),
  );
};
/** A worker that toggles after a service with several ports, and one of which two must not work at once. */
const workers = (number: number) =>
  shop(
    [
      service('api', {
        image: `api:${number}`,
        servers: 2,
        policy: { healthcheck: HEALTH },
        extraPorts: { metrics: { port: 9100, protocol: 'http' }, feed: { port: 9200, protocol: 'tcp' } },
      }),
      worker('mailer', { image: `mailer:${number}`, servers: 2, dependsOn: ['api'] }),
      scheduler('clock', { image: `clock:${number}` }),
    ],
    servers(2),
  );
const moving = (zone: string, number: number) =>
  shop([scheduler('clock', { image: `clock:${number}`, zones: [zone] })], servers(2, ['lon1', 'nyc1']));
/** A web app that is the only one to write its volume: its users wait while it is away. */
const wiki = (number: number) => {
  const spec = service('wiki', {
    image: `wiki:${number}`,
    volumes: ['pages'],
    policy: { healthcheck: HEALTH, strategy: 'recreate' },
  });
  return shop([{ ...spec, route: { ...spec.route, queueRequestsMs: 30_000 } }]);
};
/** A service whose image is built for no registry: those of all versions are there from the start. */
const CARRIED = 'shop-production-api';
const carried = (number: number) => {
  const { registry } = new World({ images: 'digests' });
  const images = Array.from({ length: number }, () => registry.build(CARRIED, {}));
  const changes = { image: images.at(-1)!, servers: 2, policy: { healthcheck: HEALTH } };
  return shop([service('api', changes)], servers(2));
};
const withSecret = shop([service('api', { servers: 2, secrets: ['PASSWORD'] })], servers(2));
const secretsOf = (number: number) => ({ api: { TOKEN: `token ${number}` } });

const STORIES: Story[] = [
  { name: 'while it toggles one service', past: [two(1)], wanted: two(2) },
  { name: 'while it toggles two copies on each server', past: [several(1, 2)], wanted: several(2, 2) },
  { name: 'while copies come', past: [several(1, 1)], wanted: several(1, 3) },
  { name: 'while copies go, and the others toggle', past: [several(1, 3)], wanted: several(2, 2) },
  { name: 'while copies go', past: [several(1, 3)], wanted: several(1, 1) },
  { name: 'while it watches a new version', past: [watched(1)], wanted: watched(2) },
  {
    name: 'while it deploys new versions of everything',
    past: [version(1)],
    wanted: version(2),
    options: { secrets: secretsOf(2) },
  },
  {
    name: 'while it deploys for the first time',
    past: [],
    wanted: version(1),
    options: { secrets: secretsOf(1) },
  },
  {
    name: 'while it makes a secret',
    past: [],
    wanted: withSecret,
    options: withPassword({ recipients: ['ann'] }),
  },
  {
    name: 'while it toggles workers and a service with several ports',
    past: [workers(1)],
    wanted: workers(2),
  },
  { name: 'while workers come for the first time', past: [two(1)], wanted: workers(1) },
  {
    name: 'while a worker moves that must be alone',
    past: [moving('lon1', 1)],
    wanted: moving('nyc1', 2),
  },
  {
    name: 'while it upgrades the edge',
    past: [two(1)],
    wanted: { ...two(1), nginx: { ...two(1).nginx, image: 'nginx:1.31', ports: ['443/tcp'] } },
  },
  {
    name: 'while a published port goes from one service to another',
    past: [publishing([broker(1, { servers: 2 })], 2)],
    wanted: publishing([broker(2, { servers: 2, numbers: [] }), other(1883)], 2),
  },
  {
    name: 'while it takes over a front that serves HTTPS',
    past: [],
    byHand: secureFront,
    wanted: takingOver(),
  },
  { name: 'while its images come from the runner', past: [carried(1)], wanted: carried(2) },
  { name: 'while everything leaves', past: [two(1)], wanted: shop([], servers(2)) },
  {
    name: 'while it keeps what is proven',
    past: [two(1)],
    wanted: { ...two(2), onPartialFailure: 'keep' },
  },
  { name: 'while requests wait for a single writer', past: [wiki(1)], wanted: wiki(2) },
  {
    name: 'while it rolls back',
    past: [two(1), two(2)],
    wanted: two(2),
    options: { services: ['api'], rollback: 1 },
  },
];

const WAYS: { how: Strike['how']; forMs?: number }[] = [
  { how: 'killed' },
  { how: 'cancelled' },
  { how: 'cut off', forMs: 5_000 },
  { how: 'cut off' },
  { how: 'switched off', forMs: 60_000 },
];

/** A front that serves HTTPS with a certificate of its own, on the first of two servers. */
async function secureFront(world: World): Promise<Visitors> {
  const domain = 'api.example.com';
  world.addServers(servers(2));
  world.makeByHand('a', { name: 'old-api' });
  world.makeByHand('a', {
    name: 'front',
    published: { 80: 80, 443: 443 },
    passes: { [domain]: 'old-api:3000' },
    shows: { [domain]: await signedCertificate([domain], { now: world.clock.now() }) },
  });
  await rest(world);
  return comeOverHttps(world, 'a', domain);
}

/** The shop with HTTPS, as it takes the front over. */
function takingOver(): EnvironmentSpec {
  const wanted = two(1);
  const tls: TlsSpec = {
    mode: 'http-01',
    domains: {},
    policy: 'intermediate',
    redirect: true,
    hstsSeconds: 60,
    acme: { url: 'https://ca.example.com/directory' },
  };
  const services = wanted.services.map((one) => ({ ...one, adopt: { container: 'old-api', drop: [] } }));
  const adopt = { container: 'front', drop: [] };
  return { ...wanted, services, nginx: { ...wanted.nginx, tls, ports: ['443/tcp'], adopt } };
}

/** arranged returns a world in which a story may begin, and who comes there over HTTPS. */
async function arranged({ past, byHand }: Story): Promise<{ world: World; visitors?: Visitors | undefined }> {
  const world = new World({ images: 'digests' });
  for (const _version of [1, 2]) world.registry.build(CARRIED, {});
  const visitors = await byHand?.(world);
  for (const [index, wanted] of past.entries()) {
    await world.deploy(wanted, { secrets: secretsOf(index + 1) });
    await rest(world);
  }
  return { world, visitors };
}

/** A strike, and what it hits. */
interface Hit {
  story: Story;
  strike: Strike;
  call: string;
}

/** strikesOf returns every strike that there is: each call of the run, before and after it arrives, and each way. */
async function strikesOf(story: Story): Promise<Hit[]> {
  const { world, visitors } = await arranged(story);
  const ended = await world.tryDeploy(story.wanted, story.options);
  visitors?.leave();
  if (failureOf(ended) !== undefined) throw failureOf(ended);
  expect(complaintOf(world)).toBeUndefined();
  const { calls } = world.runs.at(-1)!;
  const moments = calls.flatMap((call, index) =>
    (['before', 'after'] as const).map((when) => ({ call, at: index + 1, when })),
  );
  return WAYS.flatMap((way) =>
    moments.map(({ call, ...moment }) => ({ story, call, strike: { ...moment, ...way } })),
  );
}

async function everyStrike(): Promise<Hit[]> {
  const all: Hit[] = [];
  for (const story of STORIES) all.push(...(await strikesOf(story)));
  return all;
}

/** kindOf returns what a call does, without the names of what it is done to: `POST containers start`. */
function kindOf(call: string): string {
  const [verb = '', path = ''] = call.replace(/^[a-z] /, '').split(' ');
  if (!/^[A-Z]+$/.test(verb)) return verb === 'git' ? call : verb;
  // What nginx and apps are asked, and the Docker engine: `containers/json`, `containers/<name>/start`.
  if (path.startsWith('http:')) return `${verb} ${path.includes('/flags/') ? 'a flag' : 'over HTTP'}`;
  const [what, , deed = ''] = path.split('/');
  return `${verb} ${what} ${deed}`;
}

/** sampleOf returns some strikes at each kind of call, in as many stories and ways as there are. */
function sampleOf(all: readonly Hit[]): Hit[] {
  const kinds = [...Map.groupBy(all, ({ call }) => kindOf(call)).values()];
  return kinds.flatMap((ofKind, index) => {
    const stories = [...Map.groupBy(ofKind, ({ story }) => story).values()];
    return Array.from({ length: OF_EACH_KIND }, (_, time) => {
      const turn = SEED + index * OF_EACH_KIND + time;
      const hits = stories[turn % stories.length]!;
      return hits[Math.floor(((turn * GOLDEN) % 1) * hits.length)]!;
    });
  });
}

/** What is wrong after a strike and the run that follows it; undefined when all is well. */
async function aftermath({ story, strike }: Hit): Promise<string | undefined> {
  const { world, visitors } = await arranged(story);
  const { wanted, options = {} } = story;
  await world.tryDeploy(wanted, { ...options, strikes: [strike] });
  await world.clock.pass(AFTERWARDS_MS);
  for (const machine of world.machines.values()) if (machine.isOff) world.switchOn(machine.name);
  await rest(world);
  const seen = complaintOf(world) ?? (await convergence(world, wanted, options));
  visitors?.leave();
  // A server that has no power shows nothing.
  const [complaint] = strike.how === 'switched off' ? [] : [...(visitors?.complaints ?? [])];
  return seen ?? complaint;
}

describe('A run that is hit', () => {
  let sample: Promise<Hit[]> | undefined;

  async function sampleFor(story: Story): Promise<Hit[]> {
    sample ??= everyStrike().then(sampleOf);
    return (await sample).filter((hit) => hit.story === story);
  }

  test.each(STORIES.map((story) => [story.name, story] as const))(
    '%s: nobody loses anything, and the next run finishes the work',
    async (_name, story) => {
      const hits = isFull ? await strikesOf(story) : await sampleFor(story);
      expect(hits.length).toBeGreaterThan(0);
      const wrong: string[] = [];
      for (const hit of hits) {
        const complaint = await aftermath(hit).catch((error: Error) => error.stack ?? error.message);
        if (complaint !== undefined) wrong.push(`${JSON.stringify(hit.strike)} at ${hit.call}: ${complaint}`);
      }
      console.log(`${story.name}: ${hits.length} strikes, ${wrong.length} with a complaint`);
      expect(wrong.slice(0, 3)).toEqual([]);
    },
  );
});
