import { expect, test } from '@jest/globals';
import { cacheFolder } from '../../../src/model/cache-folder.ts';

test('what is kept lies where caches of the user are', () => {
  expect(cacheFolder({ HOME: '/home/me' }, 'git')).toBe('/home/me/.cache/switchyard/git');
  expect(cacheFolder({ HOME: '/home/me', XDG_CACHE_HOME: '/caches' }, 'git')).toBe('/caches/switchyard/git');
});
