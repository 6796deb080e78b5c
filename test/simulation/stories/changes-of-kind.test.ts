import { expect, test } from '@jest/globals';
import type { FileSpec } from '../../../src/model/spec.ts';
import { type RunOptions, World } from '../world/world.ts';
import { scheduler, service, shop, worker } from './specs.ts';
import { complaintOf, convergence, rest } from './story.ts';

const file = (text: string): FileSpec => ({ target: '/etc/app.yml', mode: 0o444, content: { text } });
const SECRET_FILE: FileSpec = {
  target: '/run/secrets/key',
  mode: 0o400,
  content: { secret: 'secret key' },
};
const METRICS = { port: 9100, protocol: 'tcp' } as const;
/** What one service may be, and become from one deploy to the next. */
const KINDS = {
  'a service': service('api'),
  'a worker with a file and a secret': worker('api', { files: [file('one')], secrets: ['KEY'] }),
  'a worker of which two must not run at once': scheduler('api'),
  'a service with a further port': service('api', { extraPorts: { metrics: METRICS } }),
  'one whose further port has another name': service('api', { extraPorts: { console: METRICS } }),
  'one whose ports have changed places': service('api', {
    port: 9100,
    extraPorts: { metrics: { port: 3000, protocol: 'http' } },
  }),
  'one whose main port was the further one': service('api', { port: 9100 }),
  'one with a file': service('api', { files: [file('two')] }),
  'one with a secret variable': service('api', { secrets: ['KEY'] }),
  'one with that secret as a file': service('api', { files: [SECRET_FILE] }),
  'one with that variable for everybody': service('api', { environment: { KEY: 'plain' } }),
  'one that has its version in its name': service('api', {
    naming: 'version',
    extraPorts: { metrics: METRICS },
  }),
};

type Kind = keyof typeof KINDS;
const names = Object.keys(KINDS) as Kind[];
/** What a kind becomes: another one with each number of steps through the list. */
const after = (kind: Kind, steps: number) => names[(names.indexOf(kind) + steps) % names.length]!;
const wantedAs = (kind: Kind) => shop([KINDS[kind]]);

/** The values that a kind needs, which are all that a run is given. */
function withSecrets(kind: Kind): RunOptions {
  const { secrets, files = [] } = KINDS[kind].container;
  const ofFiles = files.flatMap(({ content }) => ('secret' in content ? [content.secret] : []));
  const values = [...secrets, ...ofFiles].map((name) => [name, `the value of ${name}`]);
  return { secrets: { api: Object.fromEntries(values) } };
}

async function having(kind: Kind): Promise<World> {
  const world = new World({ images: 'digests' });
  await world.deploy(wantedAs(kind), withSecrets(kind));
  await rest(world);
  return world;
}

test.each(names)('%s becomes another kind, and nobody loses anything', async (kind) => {
  const other = after(kind, 1);
  const world = await having(kind);
  expect([other, await convergence(world, wantedAs(other), withSecrets(other))]).toEqual([other, undefined]);
});

test.each(names)('%s becomes another in a run that is killed, and then that or what it was', async (kind) => {
  const other = after(kind, 4);
  const world = await having(kind);
  // Each of them at another moment.
  const at = 12 + 7 * names.indexOf(kind);
  await world.tryDeploy(wantedAs(other), {
    ...withSecrets(other),
    strikes: [{ at, when: 'after', how: 'killed' }],
  });
  await world.clock.pass(200_000);
  // People go on, or change their minds.
  const next = names.indexOf(kind) % 2 === 0 ? other : kind;
  const what = `${other}, killed after call ${at}, then ${next}`;
  expect([what, await convergence(world, wantedAs(next), withSecrets(next))]).toEqual([what, undefined]);
});

test('a worker of which two must not run at once may be another kind of worker, and back', async () => {
  const world = new World({ images: 'digests' });
  for (const wanted of [worker('api'), scheduler('api'), worker('api'), scheduler('api')]) {
    expect(await convergence(world, shop([wanted]))).toBeUndefined();
  }
});

test('two services change ports and domains with each other', async () => {
  const pair = (ports: [number, number], domains: [string, string]) =>
    shop([
      service('api', { port: ports[0], domains: [domains[0]] }),
      service('web', { port: ports[1], domains: [domains[1]] }),
    ]);
  const world = new World({ images: 'digests' });
  await world.deploy(pair([3000, 4000], ['a.example.com', 'b.example.com']));
  await rest(world);
  const swapped = pair([4000, 3000], ['b.example.com', 'a.example.com']);
  expect(await convergence(world, swapped)).toBeUndefined();
});

test('what follows a run that was killed while it delivered a file has the file of its own', async () => {
  const withText = (text: string) => shop([service('api', { files: [file(text)] })]);
  const past = async () => {
    const world = new World({ images: 'digests' });
    await world.deploy(withText('one'));
    await rest(world);
    return world;
  };
  const first = await past();
  await first.deploy(withText('two'));
  const delivering = first.runs.at(-1)!.calls.flatMap((call, index) => (/_files_/.test(call) ? [index] : []));
  expect(delivering.length).toBeGreaterThan(3);
  for (const index of delivering) {
    const world = await past();
    await world.tryDeploy(withText('two'), { strikes: [{ at: index + 1, when: 'after', how: 'killed' }] });
    await world.clock.pass(200_000);
    expect(await convergence(world, withText('three'))).toBeUndefined();
    expect(world.servingContainer('api').readFile('/etc/app.yml')).toBe('three');
    expect([...world.machine('a').volumes.keys()].filter((name) => name.includes('_files_'))).toHaveLength(1);
  }
});

test('a secret that becomes a file and then a plain variable comes back as each of them', async () => {
  const world = new World({ images: 'digests' });
  const kinds: Kind[] = [
    'one with a secret variable',
    'one with that secret as a file',
    'one with that variable for everybody',
  ];
  for (const kind of kinds) await world.deploy(wantedAs(kind), withSecrets(kind));
  const shown = () => {
    const container = world.servingContainer('api');
    const variables = container.request.Env?.filter((one) => one.startsWith('KEY='));
    return [...(variables ?? []), container.readFile('/run/secrets/key')];
  };
  const backTo = (rollback: number) => ({ services: ['api'], rollback });
  await world.deploy(wantedAs(kinds[2]!), backTo(1));
  expect(shown()).toEqual(['KEY=the value of KEY', undefined]);
  await world.deploy(wantedAs(kinds[2]!), backTo(2));
  expect(shown()).toEqual(['the value of secret key']);
  await world.deploy(wantedAs(kinds[2]!), backTo(3));
  expect(shown()).toEqual(['KEY=plain', undefined]);
  expect(complaintOf(world)).toBeUndefined();
});
