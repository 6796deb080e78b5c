import { expect, test } from '@jest/globals';
import { submoduleAddress } from '../../../src/git/submodules.ts';

const HTTPS = 'https://github.com/acme/api.git';
const SCP = 'git@github.com:acme/api.git';

test.each([
  ['../lib.git', HTTPS, 'https://github.com/acme/lib.git'],
  ['../../other/lib', HTTPS, 'https://github.com/other/lib'],
  ['./lib.git', HTTPS, 'https://github.com/acme/api.git/lib.git'],
  ['../lib.git', SCP, 'git@github.com:acme/lib.git'],
  [
    '../../other/lib.git',
    'ssh://git@git.example.com:2222/acme/api.git',
    'ssh://git@git.example.com:2222/other/lib.git',
  ],
  ['https://gitlab.com/acme/lib.git', HTTPS, 'https://gitlab.com/acme/lib.git'],
])('%s in %s is %s', (url, parent, address) => {
  expect(submoduleAddress(url, parent, false)).toBe(address);
});

test.each([
  ['git@github.com:acme/lib.git', 'https://github.com/acme/lib.git'],
  ['ssh://git@github.com/acme/lib.git', 'https://github.com/acme/lib.git'],
  ['git@gitlab.com:acme/lib.git', 'git@gitlab.com:acme/lib.git'],
])('%s is read as %s below https, where there is no key', (url, address) => {
  expect(submoduleAddress(url, HTTPS, false)).toBe(address);
  expect(submoduleAddress(url, HTTPS, true)).toBe(url);
});
