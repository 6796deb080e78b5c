import { expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { deployStories, type RandomStory, rollbackStories } from './random-story.ts';
import { tell } from './story-teller.ts';

const isFull = process.env.SWITCHYARD_FULL === '1';
jest.setTimeout(isFull ? 60 * 60_000 : 5 * 60_000);

/** Other seeds find other stories: SWITCHYARD_SEED=7 npm run … */
const SEED = Number(process.env.SWITCHYARD_SEED ?? 1);
const STORIES = isFull ? 400 : 20;

test.each<[string, fc.Arbitrary<RandomStory>]>([
  ['deployed, cut off and deployed again', deployStories],
  ['rolled back, cut off and rolled back again', rollbackStories],
])('whatever is %s: nobody loses anything, and it converges', async (_what, stories) => {
  const property = fc.asyncProperty(stories, tell);
  const { failed, error, counterexamplePath, seed } = await checked(property);
  // The story says all that a person needs: the values that it was made of are in nobody's way.
  const found = failed ? `${error}\nseed ${seed}, path ${counterexamplePath}` : undefined;
  expect(found).toBeUndefined();
});

async function checked(property: fc.IAsyncProperty<[RandomStory]>) {
  const { failed, errorInstance, counterexamplePath, seed } = await fc.check(property, {
    numRuns: STORIES,
    seed: SEED,
    endOnFailure: false,
  });
  return { failed, error: (errorInstance as Error | null)?.message, counterexamplePath, seed };
}
