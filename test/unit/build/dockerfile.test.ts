import { expect, test } from '@jest/globals';
import { readDockerfile } from '../../../src/build/dockerfile.ts';

const imagesOf = (text: string, args = {}) => readDockerfile(text, args).images;

test.each<[string, string, Record<string, string>, string[]]>([
  ['one image', 'FROM node:24', {}, ['node:24']],
  [
    'stages are no images',
    'FROM node:24 AS deps\nFROM deps\nCOPY --from=deps /a /a\nCOPY --from=0 /b /b',
    {},
    ['node:24'],
  ],
  ['scratch is none', 'FROM scratch\nCOPY a /', {}, []],
  ['an argument with a default', 'ARG V=24\nFROM node:${V}-slim', {}, ['node:24-slim']],
  ['an argument that is given', 'ARG V=24\nFROM node:$V', { V: '22' }, ['node:22']],
  ['a default within', 'ARG V\nFROM node:${V:-20}', {}, ['node:20']],
  ['one that follows from another', 'ARG A=1\nARG B=x-${A}\nFROM i:${B}', {}, ['i:x-1']],
  ['a platform', 'FROM --platform=$BUILDPLATFORM node:24', {}, ['node:24']],
  ['what is copied from', 'FROM a\nCOPY --chown=1 --from=ghcr.io/b/c:1 /x /x', {}, ['a', 'ghcr.io/b/c:1']],
  ['what is mounted from', 'FROM a\nRUN --mount=type=bind,from=tools:3,target=/t true', {}, ['a', 'tools:3']],
  ['a frontend', '# syntax=docker/dockerfile:1\nFROM a', {}, ['docker/dockerfile:1', 'a']],
  ['a heredoc with FROM in it', 'FROM a\nRUN <<EOF\nFROM b\nEOF', {}, ['a']],
])('%s', (_what, text, args, images) => {
  expect(imagesOf(text, args)).toEqual(images);
});

test('a line is found by what BuildKit tells of it', () => {
  const { lineOf } = readDockerfile('FROM a\n\nRUN echo one\nRUN echo "$X" \\\n  && false\nCMD ["x"]', {});
  expect(lineOf('RUN echo one')).toBe(3);
  expect(lineOf('RUN echo "$X"   && false')).toBe(4);
  expect(lineOf('USER nobody')).toBeUndefined();
});

test('what is no Dockerfile has no images', () => {
  expect(imagesOf('')).toEqual([]);
  expect(imagesOf('RNU x')).toEqual([]);
});
