import { expect, test } from '@jest/globals';
import { deployPicture } from '../../../scripts/picture.ts';
import { read } from './documents.ts';

const benchmarks = read('docs/benchmarks.md');
const picture = deployPicture(benchmarks);

test('README shows the picture of a deploy, and says what it shows to those who do not see it', () => {
  expect(read('README.md')).toMatch(/^!\[A deploy to two servers[^\]]{40,}\]\(docs\/deploy\.svg\)$/m);
  expect(picture).toMatch(
    /^<svg [^>]*role="img" aria-labelledby="title desc">\n<title id="title">.+<\/title>\n<desc id="desc">.+<\/desc>/,
  );
});

test('it can be read on a light and on a dark page', () => {
  expect(picture).toContain('@media (prefers-color-scheme: dark)');
  expect(picture).not.toMatch(/fill="#|stroke="#/);
});

test('each of its figures was measured', () => {
  const measured = benchmarks
    .replaceAll(',', '')
    .match(/\d+(?:\.\d+)?/g)!
    .map(Number);
  const texts = [...picture.replace(/<style>[\s\S]*<\/style>/, '').matchAll(/>([^<]+)</g)];
  const said = texts.flatMap(([, text = '']) => text.replaceAll(',', '').match(/\d+(?:\.\d+)?/g) ?? []);
  const [look] = /(?<=>look )\d+/.exec(picture)!;
  const isMeasured = (figure: string) =>
    measured.some((value) => value === Number(figure) || (value / 1000).toFixed(1) === figure);
  // The looks side by side count once: the longest of them.
  expect(said.filter((figure) => figure !== look && !isMeasured(figure))).toEqual([]);
});

test('it is not drawn when a figure was not measured', () => {
  expect(() => deployPicture(benchmarks.replaceAll('| healthy |', '| ill |'))).toThrow(
    'docs/benchmarks.md has no row "healthy": run npm run bench',
  );
});
