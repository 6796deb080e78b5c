import { describe, expect, test } from '@jest/globals';
import { errorsOf, indented, localFile, resolveText } from './files.ts';

function fileWith(keys: string): string {
  return localFile(`catalog:\n  image: acme/catalog\n${indented(keys, 2)}`);
}

function serviceOf(keys: string) {
  return resolveText(fileWith(keys)).services[0]!;
}

function wrongWith(keys: string): string[] {
  return errorsOf(() => resolveText(fileWith(keys))).map(({ message }) => message);
}

describe('a service that speaks gRPC', () => {
  test('has domains, and is asked by its health protocol where it knows that', () => {
    const { protocol, route, policy } = serviceOf('port: 50051\nprotocol: grpc\ndomain: api.example.com');
    expect([protocol, route.domains, policy.healthcheck.kind]).toEqual([
      'grpc',
      ['api.example.com'],
      'default',
    ]);
  });

  test.each([
    ['true', { kind: 'grpc' }],
    ['shop.Catalog', { kind: 'grpc', grpcService: 'shop.Catalog' }],
  ])('is one by its health check: grpc: %s', (said, healthcheck) => {
    const { protocol, policy } = serviceOf(`port: 50051\nhealthcheck: { grpc: ${said} }`);
    expect(protocol).toBe('grpc');
    expect(policy.healthcheck).toMatchObject(healthcheck);
  });

  test('has a domain for a service of it, and further ports', () => {
    const { route, extraPorts } = serviceOf(
      'port: 50051\nprotocol: grpc\ndomain: example.com/shop.Catalog\nextra_ports: { admin: { port: 50052, protocol: grpc } }',
    );
    expect(route.domains).toEqual(['example.com/shop.Catalog']);
    expect(extraPorts).toEqual({ admin: { port: 50_052, protocol: 'grpc' } });
  });
});

describe('what makes no sense for it is refused', () => {
  test.each([
    ['healthcheck: { path: /up }', /healthcheck\.path: needs protocol http, and this is a grpc service/],
    ['healthcheck: { grpc: true, test: [CMD, ping] }', /healthcheck\.grpc: grpc and test exclude each other/],
    ['healthcheck: { grpc: true, disable: true }', /a disabled health check has no grpc/],
    ['healthcheck: { grpc: "no name" }', /"no name" is no full name of a service/],
    [`healthcheck: { grpc: ${'a'.repeat(128)} }`, /is no full name of a service/],
    [
      'domain: example.com/a\nstrip_prefix: true',
      /strip_prefix: a path of gRPC is the method that is called/,
    ],
    ['request_buffering: "on"', /request_buffering: a call of gRPC reaches the app while it comes/],
    ['strategy: recreate\nqueue_requests: 10s', /queue_requests: is for services that speak http/],
    ['publish: [50051]', /port 50051 speaks HTTP, and is reached by its domain/],
  ])('%s', (keys, message) => {
    expect(wrongWith(`port: 50051\nprotocol: grpc\n${keys}`)).toEqual([expect.stringMatching(message)]);
  });

  test('a health check of gRPC for a service that speaks something else', () => {
    expect(wrongWith('port: 80\nprotocol: tcp\nhealthcheck: { grpc: true }')).toEqual([
      expect.stringMatching(/needs protocol grpc, and this is a tcp service/),
    ]);
  });
});
