import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LABEL } from '../../../src/model/labels.ts';
import { isNameInTransfer } from '../../../src/model/transferred-image.ts';
import { World } from '../world/world.ts';
import { servers, service, shop } from './specs.ts';
import { complaintOf, convergence, failureOf, rest } from './story.ts';

let world: World;
beforeEach(() => {
  world = new World({ images: 'digests' });
});
afterEach(() => expect(complaintOf(world)).toBeUndefined());

const REPOSITORY = 'shop-production-api';
const labels = { [LABEL.project]: 'shop' };

/** The shop with another version of its image, which the machine of the run has. */
function built(bytes = 1_000, app = {}) {
  const image = world.registry.build(REPOSITORY, app, { labels, bytes });
  return shop([service('api', { image, servers: 2 })], servers(2));
}

const namesOn = (name: string): string[] => {
  const { images } = world.machines.get(name)!;
  return images.all().flatMap((image) => [...images.namesOf(image), ...images.digestsOf(image)]);
};
const apisOn = (name: string) => namesOn(name).filter((one) => !one.startsWith('nginx'));

describe('an image of no registry', () => {
  test('comes from the machine of the run, and keeps no name of its way', async () => {
    const wanted = built();
    await world.deploy(wanted);
    const { image } = wanted.services[0]!.container;
    expect([apisOn('a'), apisOn('b')]).toEqual([[image], [image]]);
    expect(world.servingContainer('api').request.Image).toBe(image);
  });

  test('is recorded by its digest', async () => {
    const wanted = built();
    await world.deploy(wanted);
    const [, hex] = wanted.services[0]!.container.image.split('sha256-');
    expect(world.release('api', 1)?.image_digest).toBe(`${REPOSITORY}@sha256:${hex}`);
  });

  test('is there for a run that has built nothing', async () => {
    const wanted = built();
    await world.deploy(wanted);
    world.registry.forgetBuilt();
    expect((await world.deploy(wanted)).changed).toBe(false);
  });

  test('is gone back to as long as servers have it', async () => {
    const first = built();
    await world.deploy(first);
    await rest(world);
    const second = built();
    await world.deploy(second);
    await rest(world);
    world.registry.forgetBuilt();
    await world.deploy(second, { services: ['api'], rollback: 'previous' });
    expect(world.servingContainer('api').request.Image).toBe(first.services[0]!.container.image);
  });

  test('that is nowhere is told of before anything is changed', async () => {
    await world.deploy(built());
    await rest(world);
    const second = built();
    world.registry.forgetBuilt();
    const before = world.runs.length;
    const ended = await world.tryDeploy(second);
    expect(String(failureOf(ended))).toMatch('is not there, and this run does not have it');
    expect(world.runs[before]!.calls.filter((call) => / POST images| POST containers/.test(call))).toEqual(
      [],
    );
    const { findings } = await world.plan(second);
    expect(findings.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  test('that does not fit on a disk is told of before anything is changed', async () => {
    world.addServers(servers(2));
    world.machines.get('b')!.freeBytes = 10e9;
    const ended = await world.tryDeploy(built(4e9));
    expect(String(failureOf(ended))).toBe(
      'UserError: b: only 10.0 GB are free in /var/lib/docker, and a deploy needs 5 GB, and 8.0 GB for the images that come',
    );
  });

  test('goes from the servers when no release needs it any more', async () => {
    const versions = [];
    for (let version = 0; version < 5; version++) {
      const wanted = { ...built(), retainReleases: 2 };
      versions.push(wanted.services[0]!.container.image);
      await world.deploy(wanted);
      await rest(world);
    }
    const last = await world.deploy({ ...built(), retainReleases: 2 });
    expect(last.failure).toBeUndefined();
    expect(apisOn('a')).not.toContain(versions[0]);
    expect(apisOn('a')).toContain(versions[4]);
  });
});

describe('another job that has built it again', () => {
  /** Another commit is on its labels, so it has another digest. */
  const builtFrom = (content: string, count = 2) => {
    const image = world.registry.build(REPOSITORY, {}, { labels: { ...labels, [LABEL.content]: content } });
    return shop([service('api', { image, servers: count })], servers(2));
  };

  test('changes nothing where the content is the same', async () => {
    const first = builtFrom('files=1');
    await world.deploy(first);
    const { changed } = await world.deploy(builtFrom('files=1'));
    expect(changed).toBe(false);
    expect(world.servingContainer('api').request.Image).toBe(first.services[0]!.container.image);
  });

  test('changes what has another content', async () => {
    await world.deploy(builtFrom('files=1'));
    await rest(world);
    const second = builtFrom('files=2');
    await world.deploy(second);
    expect(world.servingContainer('api').request.Image).toBe(second.services[0]!.container.image);
  });

  test('brings its own image where a server would need the first one', async () => {
    await world.deploy(builtFrom('files=1', 1));
    await rest(world);
    const both = builtFrom('files=1', 2);
    const { failure } = await world.deploy(both);
    expect(failure).toBeUndefined();
    expect(apisOn('a')).toContain(both.services[0]!.container.image);
    expect(apisOn('b')).toContain(both.services[0]!.container.image);
  });
});

test('what a plan says of it is what will travel', async () => {
  const { findings } = await world.plan(built(12_000_000));
  expect(findings.filter(({ check }) => check === 'image').map(({ message }) => message)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^transfer 12\.0 MB of 12\.0 MB: shop-production-api:sha256-/),
    ]),
  );
});

describe.each(['killed', 'cancelled', 'cut off'] as const)(
  'a run that is %s while an image is on its way',
  (how) => {
    test.each([
      ['before the port', /a listens for the run/, 'before'],
      ['before the pull', /a POST images\/create/, 'before'],
      ['when the image is there', /a POST images\/create/, 'after'],
      ['when it has its name', /a POST images\/127.*\/tag/, 'after'],
      ['when the name of the way is gone', /a DELETE images\/127/, 'after'],
    ] as const)('%s: the next one brings it, and no name of the way stays', async (_moment, at, when) => {
      await world.deploy(built());
      await rest(world);
      const wanted = built();
      await world.tryDeploy(wanted, { strikes: [{ at, when, how }] });
      // A lease that nobody gives back runs out.
      await world.clock.pass(200_000);
      expect(await convergence(world, wanted)).toBeUndefined();
      expect([...namesOn('a'), ...namesOn('b')].filter(isNameInTransfer)).toEqual([]);
    });
  },
);
