import { expect, test } from '@jest/globals';
import { stepsOf } from '../../../src/deploy/planning/plan.ts';
import { service, shop } from '../../simulation/stories/specs.ts';
import { Picture } from './picture.ts';

/** What is pulled of api:1 for a platform, where the server has the image for another one, or the same. */
function pulled(platform: string | undefined, found: string | undefined) {
  const picture = new Picture();
  const id = 'sha256:api:1';
  picture.server('a').images.set('api:1', { id, digest: undefined, ...(found && { platform: found }) });
  const options = platform === undefined ? {} : { options: { platform } };
  const plan = picture.plan(shop([service('api', options)]));
  return stepsOf(plan, 'pull').flatMap((step) => (step.image === 'api:1' ? [step.platform] : []));
}

test.each([
  [undefined, 'linux/amd64', []],
  ['linux/amd64', 'linux/amd64', []],
  ['linux/arm64', 'linux/arm64/v8', []],
  ['linux/arm64', 'linux/amd64', ['linux/arm64']],
  ['linux/arm64', undefined, []],
])('for %s, where the image is there for %s, is pulled: %j', (platform, found, expected) => {
  expect(pulled(platform, found)).toEqual(expected);
});
