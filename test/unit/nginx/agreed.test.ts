import { expect, test } from '@jest/globals';
import { newestImage, portsOfEdge } from '../../../src/nginx/agreed.ts';

test.each([
  [['nginx:1.30'], 'nginx:1.30'],
  [['nginx:1.28-alpine', 'nginx:1.30-alpine'], 'nginx:1.30-alpine'],
  [['nginx:1.9', 'nginx:1.30.2', 'nginx:1.30'], 'nginx:1.30.2'],
  [['acme/nginx:latest', 'acme/nginx:latest'], 'acme/nginx:latest'],
  [['nginx:1.30', 'nginx:1.30-alpine'], undefined],
  [['nginx:1.30', 'acme/nginx:1.31'], undefined],
  [['nginx:1.30', 'nginx:latest'], undefined],
  [['nginx:1.30', 'nginx@sha256:0123'], undefined],
])('of %j the newest is %j', (images, newest) => {
  expect(newestImage(images)).toBe(newest);
});

test('an edge has port 80 and each port of anybody once, in one order', () => {
  const all = [{ ports: ['443/udp', '443/tcp'] }, {}, { ports: ['53/udp', '443/tcp'] }];
  expect(portsOfEdge(all)).toEqual(['53/udp', '80/tcp', '443/tcp', '443/udp']);
});
