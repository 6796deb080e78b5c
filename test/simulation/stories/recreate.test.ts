import { describe, expect, test } from '@jest/globals';
import { stepsOf } from '../../../src/deploy/planning/plan.ts';
import { deployed, kindsOf, NOTHING, planFor } from './deployed.ts';
import { database, type ServiceChanges, shop } from './specs.ts';
import { rest } from './story.ts';

const db = (changes: ServiceChanges = {}) => shop([database('db', changes)]);
const v2 = db({ image: 'db:2' });
const DB = 'shop_production_db';

/** In every story here: a rule of the world is that no two containers ever write one volume. */
describe('recreate', () => {
  test('stops the old container before the new one starts, and the two never run together', async () => {
    const world = await deployed(db());
    expect(kindsOf(await planFor(world, v2))).toEqual([
      'pull',
      'record intent',
      'stop',
      'start',
      'answer',
      'healthy',
      'stage',
      'switch',
      'prove',
      'remove',
    ]);
    await world.deploy(v2);
    expect(world.broken).toEqual([]);
    expect(world.running()).toEqual([`${DB}_secondary`]);
  });

  test('a container that was stopped has nothing to drain', async () => {
    const world = await deployed(db());
    const plan = await planFor(world, v2);
    expect(stepsOf(plan, 'drain')).toEqual([]);
    expect(stepsOf(plan, 'remove')).toMatchObject([{ name: DB }]);
  });

  test('the plan names the restart', async () => {
    const world = await deployed(db());
    expect(await world.describe(v2)).toContain(
      '  db 1 → 2: RESTART: the old container stops before the new one starts on a (image); db:2',
    );
  });

  test('the right container, stopped, is started again', async () => {
    const world = await deployed(db());
    const { id } = world.container(DB);
    world.machine('a').signal(world.container(DB), 'KILL');
    expect(stepsOf(await planFor(world, db()), 'start')).toMatchObject([{ existing: id }]);
    await world.deploy(db());
    expect(world.running()).toEqual([DB]);
    expect(world.container(DB).id).toBe(id);
  });

  test('a new version that is not healthy is removed, and the old container is started again', async () => {
    const world = await deployed(db());
    const { id } = world.container(DB);
    world.registry.define('db:2', { port: 1 });
    await expect(world.deploy(v2)).rejects.toThrow('not healthy');
    expect(world.containersOf('a', 'service')).toMatchObject([{ id, name: DB, isRunning: true }]);
    expect(world.serving('db')).toBe(DB);
    await rest(world);
    expect(await world.describe(db())).toEqual(NOTHING);
  });

  test('cut off between stop and start, the next run goes on', async () => {
    const world = await deployed(db());
    await world.deployUntil(/ends: stop/, v2);
    expect(world.running()).toEqual([]);
    await world.deploy(v2);
    expect(world.broken).toEqual([]);
    expect(world.running()).toEqual([`${DB}_secondary`]);
  });
});
