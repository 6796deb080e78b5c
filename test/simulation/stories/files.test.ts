import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EngineError } from '../../../src/docker/http.ts';
import type { FileContent, FileSpec } from '../../../src/model/spec.ts';
import type { Strike } from '../world/faults.ts';
import { type RunOptions, World } from '../world/world.ts';
import { servers, service, shop } from './specs.ts';
import { complaintOf, convergence, failureOf, rest } from './story.ts';

let world: World;
beforeEach(() => {
  world = new World({ images: 'digests' });
});
afterEach(() => expect(complaintOf(world)).toBeUndefined());

const PLACE = '/etc/loki/loki.yml';
const file = (content: FileContent, more: Partial<FileSpec> = {}): FileSpec => ({
  target: PLACE,
  mode: 0o444,
  content,
  ...more,
});
const withFiles = (...files: FileSpec[]) => shop([service('api', { files })]);
const withText = (text: string) => withFiles(file({ text }));
const back = { services: ['api'], rollback: 'previous' as const };

const volumesOfFiles = (server = 'a') =>
  [...world.machine(server).volumes.keys()].filter((name) => name.includes('_files_'));

describe('a file that a service is given', () => {
  test('is there when it starts, read-only, and each copy has a volume of its own for it', async () => {
    await world.deploy(shop([service('api', { servers: 2, files: [file({ text: 'one' })] })], servers(2)));
    for (const server of ['a', 'b']) {
      const container = world.servingContainer('api', server);
      expect(container.readFile(PLACE)).toBe('one');
      expect(container.mounts.find(({ target }) => target === PLACE)).toMatchObject({ isReadOnly: true });
      expect(volumesOfFiles(server)).toHaveLength(1);
    }
  });

  test('makes a new release when its content changes, which toggles; what went takes its files along', async () => {
    await world.deploy(withText('one'));
    expect((await world.deploy(withText('one'))).changed).toBe(false);
    const { plan } = await world.deploy(withText('two'));
    expect(plan.changes).toMatchObject([{ from: 1, to: 2, effect: 'toggle', reasons: [`files.${PLACE}`] }]);
    expect(world.servingContainer('api').readFile(PLACE)).toBe('two');
    expect(volumesOfFiles()).toHaveLength(1);
    expect((await world.deploy(withText('two'))).changed).toBe(false);
  });

  test('comes back as it was with the release that had it', async () => {
    await world.deploy(withText('one'));
    await world.deploy(withText('two'));
    await world.deploy(withText('two'), back);
    expect(world.servingContainer('api').readFile(PLACE)).toBe('one');
  });

  test('is given to hooks too, and goes with them', async () => {
    const preDeploy = { command: ['migrate'], timeoutMs: 60_000, idempotent: true };
    await world.deploy(shop([service('api', { files: [file({ text: 'one' })], policy: { preDeploy } })]));
    const calls = world.runs
      .at(-1)!
      .calls.filter((call) => /volumes\/create .*_pre_deploy_files_/.test(call));
    expect(calls).toHaveLength(1);
    expect(volumesOfFiles()).toHaveLength(1);
  });

  test('in a folder is mounted with it', async () => {
    const folder = (path: string, text: string) => file({ text }, { target: '/etc/conf', path });
    await world.deploy(withFiles(folder('a.yml', 'a'), folder('sub/b.yml', 'b')));
    const { mounts } = world.servingContainer('api');
    expect(mounts.filter(({ type }) => type === 'bind')).toMatchObject([{ target: '/etc/conf' }]);
    expect(world.servingContainer('api').readFile('/etc/conf/sub/b.yml')).toBe('b');
  });

  test('is there again after a reboot', async () => {
    await world.deploy(withText('one'));
    world.switchOff('a');
    world.switchOn('a');
    await rest(world);
    expect(world.servingContainer('api').readFile(PLACE)).toBe('one');
  });

  test('is missed when somebody has made the container anew without it', async () => {
    await world.deploy(withText('one'));
    const container = world.servingContainer('api');
    Object.assign(container, { mounts: [] });
    const { plan } = await world.plan(withText('one'));
    expect(plan.changes).toMatchObject([
      { reasons: [expect.stringMatching(/changed by hand on a:.*files/)] },
    ]);
  });

  test('that left with its service leaves nothing on the server', async () => {
    await world.deploy(withText('one'));
    await world.deploy(shop([]));
    expect(volumesOfFiles()).toEqual([]);
  });
});

describe('a file with a secret', () => {
  const wanted = withFiles(file({ secret: 'API_KEY' }, { target: '/run/secrets/api-key', mode: 0o400 }));
  const withKey = (value: string): RunOptions => ({ secrets: { api: { API_KEY: value } } });
  const shown = () => world.servingContainer('api').readFile('/run/secrets/api-key');

  test('has its value from the set, which is in no record, label or variable', async () => {
    await world.deploy(wanted, withKey('open-sesame'));
    expect(shown()).toBe('open-sesame');
    expect(world.keptSecrets('a')).toEqual({ 'api/1': { API_KEY: 'open-sesame' } });
    const { request } = world.servingContainer('api');
    expect(JSON.stringify([request, world.state, world.release('api', 1)])).not.toContain('open-sesame');
    expect(world.runs.flatMap(({ lines }) => lines).join('\n')).not.toContain('open-sesame');
  });

  test('makes a new release when its value changes, and comes back with the old one', async () => {
    await world.deploy(wanted, withKey('one'));
    const { plan } = await world.deploy(wanted, withKey('two'));
    expect(plan.changes).toMatchObject([{ to: 2, effect: 'toggle', reasons: ['secrets'] }]);
    expect(shown()).toBe('two');
    await world.deploy(wanted, back);
    expect(shown()).toBe('one');
  });
});

describe('a run that is killed', () => {
  test('anywhere around the delivery leaves nothing that starts without its files, and nothing behind', async () => {
    const past = async () => {
      world = new World({ images: 'digests' });
      await world.deploy(withText('one'));
      await rest(world);
    };
    await past();
    await world.deploy(withText('two'));
    const { calls } = world.runs.at(-1)!;
    const strikes = calls.flatMap((call, index): Strike[] =>
      /volumes|_files_|containers\/create|archive/.test(call)
        ? (['before', 'after'] as const).map((when) => ({ at: index + 1, when, how: 'killed' }))
        : [],
    );
    expect(strikes.length).toBeGreaterThan(10);
    for (const strike of strikes) {
      await past();
      await world.tryDeploy(withText('two'), { strikes: [strike] });
      await world.clock.pass(200_000);
      const what = `${strike.when} ${calls[Number(strike.at) - 1]}`;
      expect([what, await convergence(world, withText('two'))]).toEqual([what, undefined]);
      expect([what, world.servingContainer('api').readFile(PLACE)]).toEqual([what, 'two']);
      expect([what, volumesOfFiles()]).toEqual([what, [expect.any(String)]]);
    }
  });

  test('and a server that cannot keep the files leaves the old side as it was', async () => {
    await world.deploy(withText('one'));
    world.machine('a').createVolume = () => {
      throw new EngineError(500, 'no space left on device');
    };
    const ended = await world.tryDeploy(withText('two'));
    expect(failureOf(ended)).toMatchObject({
      message: expect.stringContaining('the files of api cannot be delivered: no space left on device'),
    });
    expect(world.servingContainer('api').readFile(PLACE)).toBe('one');
  });
});
