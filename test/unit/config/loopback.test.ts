import { describe, expect, test } from '@jest/globals';
import { localFile, messagesOf, resolveText } from './files.ts';

const SERVICES = `
web: { image: acme/web, port: 3000 }
dns: { image: acme/dns, port: 53, protocol: udp }
jobs: { image: acme/jobs }`;

const withLoopback = (services: string) => `sidecar: { loopback: true }\n${localFile(services)}`;
const namesOf = (text: string) => resolveText(text).services.map(({ name }) => name);

describe('sidecar.loopback', () => {
  test('is a worker on every server, beside what has a port for TCP', () => {
    const { services, nginx } = resolveText(withLoopback(SERVICES));
    const loopback = services.at(-1);
    expect(loopback).toMatchObject({
      name: 'loopback',
      dependsOn: ['web'],
      placement: { servers: 1 },
      container: { image: nginx.image, isLoopback: true },
      policy: { strategy: 'recreate' },
    });
    expect(loopback?.port).toBeUndefined();
  });

  test('starts nothing where nobody asks for it, or no service has a port', () => {
    expect(namesOf(localFile(SERVICES))).toEqual(['web', 'dns', 'jobs']);
    expect(namesOf(withLoopback('jobs: { image: acme/jobs }'))).toEqual(['jobs']);
  });

  test('is what an environment says, where it says something', () => {
    const text = withLoopback(SERVICES).replace(
      '{ provider: local }',
      '{ provider: local, sidecar: { loopback: false } }',
    );
    expect(namesOf(text)).not.toContain('loopback');
  });

  test('takes a name that a service of the file cannot have then', () => {
    expect(messagesOf(() => resolveText(withLoopback('loopback: { image: acme/web, port: 3000 }')))).toEqual([
      'services.loopback: is the name of what sidecar.loopback starts',
    ]);
  });
});
