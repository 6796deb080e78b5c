import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Strike } from '../world/faults.ts';
import { World } from '../world/world.ts';
import { withPassword } from './generated.ts';
import { servers, service, shop } from './specs.ts';
import { complaintOf, convergence } from './story.ts';

const isFull = process.env.SWITCHYARD_FULL === '1';
/** Of so many strikes one is tried, unless all are. No multiple of the number of ways: they come in turn. */
const EACH = 23;
const WAYS: Pick<Strike, 'how' | 'forMs'>[] = [
  { how: 'killed' },
  { how: 'cancelled' },
  { how: 'cut off', forMs: 5_000 },
  { how: 'cut off' },
];
jest.setTimeout(isFull ? 60 * 60_000 : 5 * 60_000);

let world: World;
beforeEach(() => {
  world = new World({ images: 'digests' });
});
afterEach(() => expect(complaintOf(world)).toBeUndefined());

/** One copy of the app, with its password, on each of so many servers. */
const onServers = (count: number, version = 1) =>
  shop([service('api', { image: `api:${version}`, servers: count, secrets: ['PASSWORD'] })], servers(count));
const two = onServers(2);
const passwordOn = (server: string) => world.generatedSecrets(server).password;
const passwordInUse = (server = 'a') => world.servingContainer('api', server).environment.PASSWORD;
const recorded = () => world.state.generated_secrets?.password;
const sealed = () => world.remote.file('refs/heads/switchyard-state', 'secrets/shop/production.json');

describe('a generated secret', () => {
  test('is made by the first deploy, is on every server, and in no record and no log', async () => {
    const hidden: string[] = [];
    await world.deploy(two, { ...withPassword(), hide: (value) => hidden.push(value) });
    const password = passwordOn('a')!;
    expect(password).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(passwordOn('b')).toBe(password);
    expect([passwordInUse('a'), passwordInUse('b')]).toEqual([password, password]);
    expect(recorded()).toMatchObject({ length: 32, run: world.runs[0]!.name, servers: ['a', 'b'] });
    expect(hidden).toContain(password);
    expect(JSON.stringify([world.state, world.release('api', 1)])).not.toContain(password);
    expect(world.runs.flatMap(({ lines }) => lines).join('\n')).not.toContain(password);
    expect(sealed()).toBeUndefined();
  });

  test('stays as it is: the next deploy finds nothing to do, and a new version has the same', async () => {
    await world.deploy(two, withPassword());
    const password = passwordInUse();
    expect((await world.deploy(two, withPassword())).changed).toBe(false);
    await world.deploy(onServers(2, 2), withPassword({}, 64));
    expect(passwordInUse()).toBe(password);
    expect(world.release('api', 2)).toMatchObject({ secrets_version: 1 });
  });

  test('is announced by a dry run, which makes nothing', async () => {
    expect(await world.describe(two, withPassword())).toEqual(
      expect.arrayContaining([expect.stringContaining('make secret password and keep it on a')]),
    );
    expect(world.generatedSecrets('a')).toEqual({});
    expect(recorded()).toBeUndefined();
  });

  test('comes to a server that joins, and to one that was reinstalled', async () => {
    await world.deploy(two, withPassword());
    const password = passwordInUse();
    world.loseSecrets('a');
    expect((await world.describe(two, withPassword())).join()).toContain('bring secret password to a');
    await world.deploy(onServers(3), withPassword());
    expect(['a', 'b', 'c'].map(passwordOn)).toEqual([password, password, password]);
    expect(passwordInUse('c')).toBe(password);
    expect(recorded()?.servers).toEqual(['a', 'b', 'c']);
    expect((await world.deploy(onServers(3), withPassword())).changed).toBe(false);
  });

  test('is the same when the record is lost', async () => {
    await world.deploy(two, withPassword());
    const before = recorded();
    world.loseRecord();
    await world.deploy(two, withPassword());
    expect(recorded()).toEqual(before);
    expect(passwordInUse()).toBe(passwordOn('b'));
  });

  test('that all servers have lost is refused before the first change, with what can be done', async () => {
    await world.deploy(two, withPassword());
    for (const server of ['a', 'b']) world.loseSecrets(server);
    const password = passwordInUse();
    await expect(world.deploy(onServers(2, 2), withPassword())).rejects.toMatchObject({
      message: expect.stringMatching(/^secret password is lost: none of a, b has it any more/),
      hint: expect.stringMatching(
        /^Nothing was changed\. There is no encrypted copy .*write "password: \{ environment: PASSWORD \}"/,
      ),
    });
    await expect(world.plan(two, withPassword())).rejects.toThrow('secret password is lost');
    expect(passwordInUse()).toBe(password);
  });

  test('says which server still has it that a run does not reach', async () => {
    await world.deploy(two, withPassword());
    world.loseSecrets('a');
    await expect(world.deploy(two, { ...withPassword(), excludedServers: ['b'] })).rejects.toMatchObject({
      message: 'secret password is lost: a does not have it any more',
      hint: expect.stringContaining('b had it as well, and this run does not reach it.'),
    });
  });

  test('stays when everything leaves, since the data does; old sets go', async () => {
    await world.deploy(two, withPassword());
    const password = passwordInUse();
    await world.deploy(shop([], servers(2)));
    expect(passwordOn('a')).toBe(password);
    expect(world.keptSecrets('a')).toEqual({});
    expect((await world.deploy(shop([], servers(2)))).changed).toBe(false);
    await world.deploy(two, withPassword());
    expect(passwordInUse()).toBe(password);
  });

  test('goes back to what it was with a rollback, without being asked for', async () => {
    await world.deploy(two, withPassword());
    await world.deploy(onServers(2, 2), withPassword());
    await world.deploy(onServers(2, 2), { services: ['api'], rollback: 'previous' });
    expect(passwordInUse()).toBe(passwordOn('a'));
  });
});

describe('the encrypted copy of a generated secret', () => {
  const ann = { recipients: ['ann'] };

  test('is written with the record, and again only for other recipients', async () => {
    await world.deploy(two, withPassword(ann));
    const first = sealed();
    expect(JSON.parse(first!).secrets.password).toMatchObject({ id: recorded()!.id, recipients: ['ann'] });
    expect(first).not.toContain(passwordInUse());
    expect((await world.deploy(two, withPassword(ann))).changed).toBe(false);
    expect(sealed()).toBe(first);

    const both = withPassword({ recipients: ['ann', 'ben'] });
    expect((await world.describe(two, both)).join()).toContain(
      'an encrypted copy of secret password for 2 recipients',
    );
    await world.deploy(two, both);
    expect(JSON.parse(sealed()!).secrets.password.recipients).toEqual(['ann', 'ben']);
    expect((await world.deploy(two, both)).changed).toBe(false);
  });

  test('brings the value back when all servers were lost', async () => {
    await world.deploy(two, withPassword(ann));
    const password = passwordInUse();
    for (const server of ['a', 'b']) world.loseSecrets(server);
    await expect(world.deploy(two, withPassword(ann))).rejects.toMatchObject({
      hint: expect.stringContaining('An encrypted copy lies on the state branch, for ann: pass the key'),
    });
    await expect(world.deploy(two, withPassword({ ...ann, key: 'ben' }))).rejects.toThrow(
      /its encrypted copy cannot be opened: no key of the input age-key opens/,
    );
    await world.deploy(two, withPassword({ ...ann, key: 'ann' }));
    expect(['a', 'b'].map(passwordOn)).toEqual([password, password]);
    expect(passwordInUse()).toBe(password);
    expect((await world.deploy(two, withPassword(ann))).changed).toBe(false);
  });

  test('is written again by a run that finds the record gone', async () => {
    await world.deploy(two, withPassword(ann));
    world.loseRecord();
    await world.deploy(two, withPassword(ann));
    expect(JSON.parse(sealed()!).secrets.password.id).toBe(recorded()!.id);
  });
});

describe('a run that is hit while it makes a secret', () => {
  const ann = withPassword({ recipients: ['ann'] });

  /** What it does until the first container is started. */
  async function callsUntilStart(): Promise<string[]> {
    const other = new World({ images: 'digests' });
    await other.deploy(two, ann);
    const { calls } = other.runs[0]!;
    return calls.slice(
      0,
      calls.findIndex((call) => /containers\/shop_production_api[^/]*\/start/.test(call)) + 2,
    );
  }

  /** The passwords that containers of the app have. */
  function usedIn(hit: World): string[] {
    return ['a', 'b'].flatMap((server) =>
      hit.containersOf(server, 'service').flatMap(({ environment }) => environment.PASSWORD ?? []),
    );
  }

  /** What is wrong after a strike and the runs that follow it; undefined when all is well. */
  async function aftermath(strike: Strike): Promise<string | undefined> {
    const hit = new World({ images: 'digests' });
    await hit.tryDeploy(two, { ...ann, strikes: [strike] });
    const used = usedIn(hit);
    await hit.clock.pass(150_000);
    const complaint = await convergence(hit, two, ann);
    const kept = ['a', 'b'].map((server) => hit.generatedSecrets(server).password);
    const values = new Set([...used, ...usedIn(hit), ...kept]);
    return complaint ?? (values.size === 1 ? undefined : `${values.size} values`);
  }

  test('at any moment, in any way: the next one goes on, and no container has ever had another value', async () => {
    const calls = await callsUntilStart();
    const hits = calls.flatMap((call, index) =>
      (['before', 'after'] as const).flatMap((when) =>
        WAYS.map((way) => ({ call, strike: { at: index + 1, when, ...way } })),
      ),
    );
    const chosen = isFull ? hits : hits.filter((_hit, index) => index % EACH === 0);
    expect(chosen.length).toBeGreaterThan(10);
    const wrong: string[] = [];
    for (const { call, strike } of chosen) {
      const complaint = await aftermath(strike);
      if (complaint !== undefined) wrong.push(`${strike.how} ${strike.when} ${call}: ${complaint}`);
    }
    expect(wrong).toEqual([]);
  });

  describe('when only one of two servers has it', () => {
    beforeEach(async () => {
      // That to the other one is on its way by then, and arrives.
      const at = /^b PUT containers\/shop_production_secrets/;
      await world.tryDeploy(two, { ...ann, strikes: [{ at, when: 'before', how: 'killed' }] });
      await world.clock.pass(150_000);
      expect([passwordOn('a'), passwordOn('b')]).toEqual([expect.any(String), undefined]);
    });

    test('the next one brings it to the other', async () => {
      const first = passwordOn('a');
      await world.deploy(two, ann);
      expect([passwordOn('b'), passwordInUse()]).toEqual([first, first]);
    });

    test('and the next one cannot reach that, the value that the record names wins', async () => {
      await world.deploy(two, { ...ann, excludedServers: ['a'] });
      const second = passwordInUse('b');
      expect(passwordOn('a')).not.toBe(second);
      await world.deploy(two, ann);
      expect([passwordOn('a'), passwordInUse('a')]).toEqual([second, second]);
    });

    test('and the record is lost as well, nothing is guessed', async () => {
      await world.deploy(two, { ...ann, excludedServers: ['a'] });
      const second = passwordInUse('b');
      world.loseRecord();
      await expect(world.deploy(two, ann)).rejects.toMatchObject({
        message: expect.stringMatching(/^secret password has two values: a has one of .*, b has one of /),
        hint: expect.stringContaining(
          'deploy once with "exclude-servers" naming the server whose value is not the one in use',
        ),
      });
      await world.deploy(two, { ...ann, excludedServers: ['a'] });
      await world.deploy(two, ann);
      expect([passwordOn('a'), passwordInUse('a')]).toEqual([second, second]);
    });
  });
});
