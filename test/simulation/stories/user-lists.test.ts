import { describe, expect, test } from '@jest/globals';
import type { Plan } from '../../../src/deploy/planning/plan.ts';
import { describeStep } from '../../../src/deploy/steps/index.ts';
import { World } from '../world/world.ts';
import { NOTHING, planFor } from './deployed.ts';
import { servers, service, shop } from './specs.ts';
import { rest } from './story.ts';

const ANNA = 'anna:$apr1$Zu7hzkqN$sa40jxNUo5CdAdBecGcQQ1\n';
const BERTA = ANNA.replace('anna', 'berta');
const NAME = 'ADMIN_USERS';
const passed = (text: string) => ({ tlsSecrets: { [NAME]: text } });

/** A shop whose api asks for users of a secret, on so many servers. */
const locked = (image: string, count = 1) => {
  const one = service('api', { image, servers: count });
  return shop([{ ...one, route: { ...one.route, edge: { basicAuthSecret: NAME } } }], servers(count));
};
const open = (image: string) => shop([service('api', { image })]);

const given = ({ steps }: Plan) =>
  steps.filter(({ step }) => /users/.test(step.kind)).map(({ step }) => describeStep(step));

/** listOn returns the users that the edge of a server asks for. */
const listOn = (world: World, server: string) =>
  world
    .machine(server)
    .find('switchyard_edge')
    ?.readFile('/etc/switchyard_keys/user_lists/shop_production_api');

describe('users of basic_auth from a secret', () => {
  test('are on every edge before anybody is asked for a password of theirs', async () => {
    const world = new World();
    const { plan } = await world.deploy(locked('api:1', 2), passed(ANNA));
    expect(given(plan)).toEqual([`give a the users of ${NAME}`, `give b the users of ${NAME}`]);
    const giving = plan.steps.filter(({ step }) => step.kind === 'give users').map(({ id }) => id);
    const start = plan.steps.find(({ step }) => step.kind === 'start')!;
    expect(start.needs).toEqual(giving);
    expect([listOn(world, 'a'), listOn(world, 'b')]).toEqual([ANNA, ANNA]);
    expect(await world.describe(locked('api:1', 2), passed(ANNA))).toEqual(NOTHING);
  });

  test('change at once, without a reload and without a new container', async () => {
    const world = new World();
    await world.deploy(locked('api:1'), passed(ANNA));
    await rest(world);
    const { id } = world.container('shop_production_api');
    const { plan } = await world.deploy(locked('api:1'), passed(BERTA));
    expect(plan.steps.map(({ step }) => step.kind)).toEqual(['give users']);
    expect(listOn(world, 'a')).toBe(BERTA);
    expect(world.container('shop_production_api').id).toBe(id);
  });

  test('stand in no record, and in nothing that is planned', async () => {
    const world = new World();
    const { plan } = await world.deploy(locked('api:1'), passed(ANNA));
    expect(JSON.stringify([plan.steps, world.state, world.release('api', 1)])).not.toContain('apr1');
  });

  test('are there for who goes back, and leave with their service', async () => {
    const world = new World({ images: 'digests' });
    await world.deploy(locked('api:1'), passed(ANNA));
    await rest(world);
    await world.deploy(open('api:2'));
    await rest(world);
    expect(listOn(world, 'a')).toBe(ANNA);
    const { plan } = await world.deploy(open('api:2'), { services: ['api'], rollback: 'previous' });
    expect(given(plan)).toEqual([]);
    await rest(world);
    expect(given((await world.deploy(shop([service('web')]))).plan)).toEqual([
      'remove a list of users from a',
    ]);
    expect(listOn(world, 'a')).toBeUndefined();
  });

  test('come to a new server from another one, where a run has no secrets', async () => {
    const world = new World();
    await world.deploy(locked('api:1'), passed(ANNA));
    await rest(world);
    await world.deploy(locked('api:1', 2));
    expect(listOn(world, 'b')).toBe(ANNA);
  });

  test('that nobody has fail the run before anything has changed', async () => {
    const world = new World();
    expect(given(await planFor(world, locked('api:1')))).toEqual([`give a the users of ${NAME}`]);
    await expect(world.deploy(locked('api:1'))).rejects.toThrow(`basic_auth needs the secret ${NAME}`);
    expect(world.running()).toEqual([]);
  });
});
