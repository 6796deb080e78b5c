import { describe, expect, test } from '@jest/globals';
import { errorsOf, indented, localFile, messagesOf, resolveText } from './files.ts';

/** serviceOf resolves a service `mailer` with these keys, beside an image. */
function serviceOf(keys: string) {
  return resolveText(fileWith(keys)).services[0]!;
}

function fileWith(keys: string): string {
  return localFile(`mailer:\n  image: acme/mailer\n${indented(keys, 2)}`);
}

/** wrongWith returns what is wrong with such a service, with what to do. */
function wrongWith(keys: string): string[] {
  return errorsOf(() => resolveText(fileWith(keys))).map(({ message, hint }) => `${message}. ${hint}`);
}

describe('a service without a port', () => {
  test('is a worker: it has neither port nor protocol', () => {
    const { port, protocol, extraPorts, route, policy } = serviceOf('command: work');
    expect({ port, protocol, extraPorts, domains: route.domains }).toEqual({ domains: [] });
    expect(policy).toMatchObject({
      strategy: 'toggle',
      healthcheck: { kind: 'default', startPeriodMs: 10_000 },
    });
  });

  test('is one too where it says that it has no domain and no further ports', () => {
    expect(serviceOf('extra_ports: {}\ndomain: []\nexpose: []').port).toBeUndefined();
  });

  test('is asked by its test, or just watched where its check is disabled', () => {
    expect(serviceOf('healthcheck: { test: [CMD, ping] }').policy.healthcheck.kind).toBe('command');
    expect(serviceOf('healthcheck: { disable: true }').policy.healthcheck.kind).toBe('running');
  });

  test('of which two must not work at once stops first', () => {
    expect(serviceOf('overlap: false').policy.strategy).toBe('recreate');
    expect(serviceOf('overlap: true').policy.strategy).toBe('toggle');
    expect(serviceOf('overlap: false\nvolumes: ["data:/data"]').policy.strategy).toBe('recreate');
  });

  test.each([
    ['domain: mail.example.com', 'domain: needs a port: requests for a domain go to it'],
    ['protocol: http', 'protocol: needs a port: it says what is spoken there'],
    ['healthcheck: { path: /up }', 'healthcheck.path: needs a port: requests go there'],
    ['extra_ports: { metrics: 9100 }', 'extra_ports: needs a port: they come beside the main one'],
    ['idle_timeout: 1h', 'idle_timeout: needs a port: it is about connections'],
    ['max_body_size: 1m', 'max_body_size: needs a port: it is about requests'],
    ['request_buffering: "on"', 'request_buffering: needs a port: it is about requests'],
  ])('whoever says of it %s has forgotten the port, and is told so', (keys, message) => {
    expect(wrongWith(keys)).toEqual([
      `services.mailer.${message}. Write port: the one that the container listens on. A service without one is a worker, to which nobody connects.`,
    ]);
  });

  test('the port that it exposes is named', () => {
    expect(wrongWith('expose: ["3000"]\ndomain: mail.example.com')).toEqual([
      expect.stringContaining('Write port: 3000.'),
    ]);
  });

  test('drains nobody', () => {
    expect(wrongWith('drain: { timeout: 1m }')).toEqual([
      expect.stringMatching(/drain: nobody is connected to a worker.*Write stop_grace_period/),
    ]);
  });

  test('is alone on one server only, and says one thing', () => {
    expect(messagesOf(() => resolveText(fileWith('overlap: false\nstrategy: toggle')))).toEqual([
      'services.mailer.overlap: false and strategy: toggle exclude each other',
    ]);
    expect(wrongWith('overlap: false\nport: 3000')).toEqual([
      expect.stringContaining('Write strategy: recreate'),
    ]);
    expect(wrongWith('overlap: false\nservers: 2')).toContainEqual(
      expect.stringContaining('2 of it run at once'),
    );
  });
});

describe('further ports', () => {
  test('have a protocol and domains each', () => {
    const { port, protocol, extraPorts, route } = serviceOf(`
port: 5672
extra_ports:
  metrics: 15692
  console: { port: 15672, domain: Queue.example.com }`);
    expect({ port, protocol, extraPorts }).toEqual({
      port: 5672,
      protocol: 'tcp',
      extraPorts: {
        console: { port: 15_672, protocol: 'http' },
        metrics: { port: 15_692, protocol: 'tcp' },
      },
    });
    expect(route).toMatchObject({ domains: [], extraDomains: { console: ['queue.example.com'] } });
  });

  test('an environment says what is different of one', () => {
    const text = `
project: shop
environments:
  local:
    provider: local
    services: { mailer: { extra_ports: { console: { domain: queue.local } } } }
services:
  mailer: { image: acme/mailer, port: 1, extra_ports: { console: 2 } }
`;
    expect(resolveText(text).services[0]).toMatchObject({
      extraPorts: { console: { port: 2, protocol: 'http' } },
      route: { extraDomains: { console: ['queue.local'] } },
    });
  });

  test.each([
    ['{ metrics: 1 }', 'extra_ports.metrics: 1 is the main port already'],
    ['{ a: 2, b: 2 }', 'extra_ports.b: 2 is the port a already'],
    ['{ a: { protocol: http } }', 'extra_ports.a: needs a port'],
    [
      '{ a: { port: 2, protocol: tcp, domain: a.example.com } }',
      'extra_ports.a.domain: a domain needs protocol http or grpc, and this is a tcp port',
    ],
    ['{ Console: 2 }', 'extra_ports.Console: "Console" cannot be the name of a port'],
    ['{ the-port: 2 }', 'extra_ports.the-port: "the-port" cannot be the name of a port'],
    ['{ constructor: 2 }', 'extra_ports.constructor: "constructor" cannot be the name of a port'],
    ['{ console: 15672/udp }', 'extra_ports.console: must be a port'],
    [
      '{ a: { port: 2, domain: one.com }, b: { port: 3, domain: one.com } }',
      'extra_ports.b.domain: domain one.com belongs to both "mailer (port a)" and "mailer (port b)"',
    ],
  ])('%s is refused', (ports, message) => {
    expect(messagesOf(() => resolveText(fileWith(`port: 1\nextra_ports: ${ports}`)))).toEqual([
      expect.stringContaining(`services.mailer.${message}`),
    ]);
  });

  test('are what Compose’s second port becomes', () => {
    const [refusal] = wrongWith('ports: ["5672:5672", "15672:15672", { target: 15692 }]');
    expect(refusal).toContain('write port: 5672, and extra_ports: { <name>: 15672 } for the others;');
  });
});
