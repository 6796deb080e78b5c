import { expect, test } from '@jest/globals';
import { withKeptImages } from '../../../src/deploy/kept-images.ts';
import { service, shop } from '../../simulation/stories/specs.ts';

const wanted = shop([service('api'), service('web')]);
const recorded = {
  state: { services: { api: { release: 3 }, gone: { release: 0 } } },
  release: async (name: string, number: number) => ({ container: { image: `acme/${name}@${number}` } }),
};
const imagesOf = ({ services }: typeof wanted) => services.map(({ container }) => container.image);

test('a service of which a run has no image keeps the one that serves, and others have theirs', async () => {
  const [, web] = imagesOf(wanted);
  expect(imagesOf(await withKeptImages(wanted, ['api'], recorded))).toEqual(['acme/api@3', web]);
  expect(await withKeptImages(wanted, [], recorded)).toBe(wanted);
});

test('one that serves nowhere is told of', async () => {
  await expect(withKeptImages(wanted, ['api', 'web'], recorded)).rejects.toThrow(
    'web: this run has no image of it, and none serves yet',
  );
});
