import { expect, test } from '@jest/globals';
import { explainRegistry } from '../../../src/docker/registry-failure.ts';

/** What engines 20.10 and 26.1 say. */
test.each([
  [
    'manifest for nginx:none not found: manifest unknown: manifest unknown',
    'the registry does not have this image',
  ],
  ['manifest unknown', 'the registry does not have this image'],
  [
    "pull access denied for nobody/none, repository does not exist or may require 'docker login': denied",
    'the registry has no such image, or does not give it to this runner',
  ],
  ['Head "https://ghcr.io/v2/acme/api/manifests/1": denied', 'the registry has no such image, or does not'],
  ['unauthorized: authentication required', 'the registry has no such image, or does not give it'],
  [
    'Get "https://registry.example.com/v2/": dial tcp: lookup registry.example.com: no such host',
    'the registry cannot be reached from the server',
  ],
  [
    'Get "https://10.0.0.9:5000/v2/": dial tcp 10.0.0.9:5000: connect: connection refused',
    'cannot be reached',
  ],
  [
    'Get "https://r/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
    'cannot be reached',
  ],
  ['Get "https://r/v2/": context deadline exceeded', 'cannot be reached'],
  ['http: server gave HTTP response to HTTPS client', 'cannot be reached'],
  ['toomanyrequests: You have reached your pull rate limit', 'has had too many requests'],
  ['write /var/lib/docker/tmp/GetImageBlob1: no space left on device', 'the server has no space left'],
  ['something odd', 'the registry did not give it'],
])('%s', (said, what) => {
  expect(explainRegistry(said, false).what).toContain(what);
});

test('whoever has logged in is not told to log in', () => {
  expect(explainRegistry('denied', false).hint).toContain('log in before this step');
  expect(explainRegistry('denied', true).hint).toContain('may it read this image');
  expect(explainRegistry('manifest unknown', false).hint).toContain('Is the tag right');
});
