import { describe, expect, test } from '@jest/globals';
import { publishedOf } from '../../../src/model/spec.ts';
import { errorsOf, indented, localFile, messagesOf, resolveText } from './files.ts';

const fileWith = (keys: string) => localFile(`mqtt:\n  image: acme/mqtt\n${indented(keys, 2)}`);
const serviceOf = (keys: string) => resolveText(fileWith(keys)).services[0]!;

describe('publish', () => {
  test('is said in the short forms of Compose', () => {
    const { protocol, port, extraPorts, route } = serviceOf(
      'port: 1883\npublish: [1883, "53/udp", "8883:1883", "9:7/tcp"]',
    );
    expect({ protocol, port, extraPorts }).toEqual({
      protocol: 'tcp',
      port: 1883,
      extraPorts: { 'tcp-7': { port: 7, protocol: 'tcp' }, 'udp-53': { port: 53, protocol: 'udp' } },
    });
    expect(route).toMatchObject({
      published: { numbers: [1883, 8883] },
      extraPublished: { 'udp-53': { numbers: [53] }, 'tcp-7': { numbers: [9] } },
    });
  });

  test('is said in the long form, with how many answers end it', () => {
    const { route } = serviceOf(
      'extra_ports: { dns: { port: 53, protocol: udp } }\nport: 53\npublish:\n  - { target: 53, published: 5353, protocol: udp, responses: 1 }',
    );
    expect(route.extraPublished).toEqual({ dns: { numbers: [5353], responses: 1 } });
  });

  test('gives a service without a port the first one that is published', () => {
    expect(serviceOf('publish: ["51820/udp"]')).toMatchObject({ protocol: 'udp', port: 51_820 });
    expect(serviceOf('publish: ["8883:1883"]')).toMatchObject({ protocol: 'tcp', port: 1883 });
  });

  test('goes beside a domain, by another port', () => {
    const spec = serviceOf('port: 3000\ndomain: mqtt.example.com\npublish: [1883]');
    expect([spec.protocol, spec.route.domains, publishedOf(spec)]).toEqual([
      'http',
      ['mqtt.example.com'],
      ['1883/tcp'],
    ]);
  });

  test('is what the edge needs on the servers', () => {
    expect(resolveText(fileWith('port: 1883\npublish: [1883, "53/udp"]')).nginx.ports).toEqual([
      '1883/tcp',
      '53/udp',
    ]);
    expect(resolveText(fileWith('port: 1883')).nginx).not.toHaveProperty('ports');
  });

  test('has a service of udp watched, where nothing says how to ask it', () => {
    expect(serviceOf('publish: ["53/udp"]').policy.healthcheck.kind).toBe('default');
    expect(serviceOf('publish: ["53/udp"]\nhealthcheck: { disable: true }').policy.healthcheck.kind).toBe(
      'running',
    );
  });

  test.each([
    ['[80]', 'port 80 of the servers cannot be published: the edge serves domains there'],
    ['["443:1883"]', 'port 443 of the servers cannot be published: it is kept for HTTPS'],
    ['[8099]', 'port 8099 of the servers cannot be published: the edge is asked there what it serves'],
    ['["8097:1"]', 'port 8097 of the servers cannot be published: the edge asks itself there'],
    ['[0]', '0 is no port to publish'],
    ['["70000:1"]', '"70000:1" is no port to publish'],
    ['["1883;"]', '"1883;" is no port to publish'],
    ['["127.0.0.1:1883:1883"]', '"127.0.0.1:1883:1883" is no port to publish'],
    ['["1883-1885"]', '"1883-1885" is no port to publish'],
    ['[1883, "1883:9"]', '1883/tcp is there twice'],
  ])('%s is refused', (said, message) => {
    expect(messagesOf(() => resolveText(fileWith(`port: 1883\npublish: ${said}`))).join()).toContain(message);
  });

  test('of a port that speaks HTTP is refused with what to write', () => {
    expect(
      errorsOf(() => resolveText(fileWith('port: 3000\nprotocol: http\npublish: ["9000:3000"]'))),
    ).toMatchObject([
      {
        message: 'services.mqtt.publish[0]: port 3000 speaks HTTP, and is reached by its domain',
        hint: 'Write domain, or protocol: tcp to have its bytes passed on as they are.',
      },
    ]);
  });

  test('gives a port of the servers to one service', () => {
    const two = localFile(
      'mqtt:\n  image: acme/mqtt\n  publish: [1883]\nother:\n  image: acme/other\n  publish: ["1883:9"]',
    );
    expect(messagesOf(() => resolveText(two))).toEqual([
      'services.other.publish: port 1883/tcp of the servers belongs to both "mqtt" and "other"',
    ]);
  });
});
