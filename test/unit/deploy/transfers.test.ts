import { describe, expect, test } from '@jest/globals';
import { judgeDisk } from '../../../src/deploy/preflight/judge-server.ts';
import { judgeTransfers, spaceNeeded } from '../../../src/deploy/preflight/judge-transfers.ts';
import { neededImages } from '../../../src/deploy/preflight/needs.ts';
import { type PlannedTransfer, sharedLayers } from '../../../src/deploy/preflight/transfers.ts';
import { describeStep } from '../../../src/deploy/steps/index.ts';
import { service, shop } from '../../simulation/stories/specs.ts';
import { Picture } from './picture.ts';

const IMAGE = `shop-production-api:sha256-${'ab'.repeat(32)}`;
const layers = ['base', 'modules', 'source'].map((diffId) => ({ diffId }));

describe('layers that a server seems to have already', () => {
  test.each([
    ['none where it has no image of the project', [], 0],
    ['those below the first that differs', [['base', 'modules', 'older source']], 2],
    ['all of the same image', [['base', 'modules', 'source']], 3],
    ['none where the same ones lie on another base', [['other', 'modules', 'source']], 0],
    ['the most that one image has', [['base'], ['base', 'modules'], ['other']], 2],
    ['no more than there are', [['base', 'modules', 'source', 'more']], 3],
  ])('are %s', (_what, chains, expected) => {
    expect(sharedLayers(layers, chains)).toBe(expected);
  });
});

describe('an image of no registry', () => {
  const transfer = (server: string, space: number): PlannedTransfer => ({
    server,
    image: IMAGE,
    size: { missing: 12e6, total: 300e6, space },
  });

  test('is told with what travels', () => {
    expect(judgeTransfers([transfer('a', 0)])).toEqual([
      { server: 'a', check: 'image', level: 'ok', message: `transfer 12.0 MB of 300.0 MB: ${IMAGE}` },
    ]);
  });

  test('that this run does not have is an error', () => {
    expect(judgeTransfers([{ server: 'a', image: IMAGE }])).toMatchObject([
      { level: 'error', message: `the image ${IMAGE} is not there, and this run does not have it` },
    ]);
  });

  const wanted = shop([service('api', { image: IMAGE })]);
  const plan = new Picture().plan(wanted);

  test('needs space beside what a deploy needs, on the server that it comes to', () => {
    const transfers = [transfer('a', 3e9), transfer('a', 1e9), transfer('b', 9e9)];
    expect(spaceNeeded(transfers, 'a')).toBe(4e9);
    const vitals = { server: 'a', engine: '26', root: '/r', memoryBytes: 1, aheadMs: 0 };
    const judged = (freeBytes: number) => judgeDisk({ ...vitals, freeBytes }, plan, 4e9);
    expect(judged(9e9).level).toBe('ok');
    expect(judged(8.9e9)).toMatchObject({
      level: 'error',
      message: 'only 8.9 GB are free in /r, and a deploy needs 5 GB, and 4.0 GB for the images that come',
    });
  });

  test('is asked of no registry', () => {
    expect(neededImages(plan, new Picture().input(wanted), 'a')).not.toContain(IMAGE);
  });

  test('is a step of its own words', () => {
    const told = plan.steps.map(({ step }) => describeStep(step));
    expect(told).toContain(`transfer ${IMAGE} to a`);
  });
});
