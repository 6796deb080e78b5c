import { describe, expect, test } from '@jest/globals';
import { revocableOf } from '../../../src/commands/certificates.ts';
import type { DomainTls, EnvironmentSpec, TlsSpec } from '../../../src/model/spec.ts';
import { service, shop } from '../../simulation/stories/specs.ts';

/** A shop whose two domains are served over HTTPS, one of them in its own way. */
function secured(own?: DomainTls): { wanted: EnvironmentSpec } {
  const wanted = shop([service('api'), service('web')]);
  const tls: TlsSpec = {
    mode: 'http-01',
    domains: own === undefined ? {} : { 'web.example.com': own },
    policy: 'intermediate',
    redirect: true,
    hstsSeconds: 0,
    acme: { url: 'https://ca.example.com/directory', cloudflareToken: 'TOKEN' },
  };
  return { wanted: { ...wanted, nginx: { ...wanted.nginx, tls } } };
}

describe('what may be revoked', () => {
  test('is what is named', () => {
    expect(revocableOf(secured(), ['web.example.com'])).toEqual(['web.example.com']);
    const byDns = secured({ mode: 'dns-01' });
    expect(revocableOf(byDns, ['web.example.com'])).toEqual(['web.example.com']);
  });

  test.each([
    ['nothing', undefined, secured(), /^the certificates to revoke are not named$/],
    ['an empty list', [], secured(), /^the certificates to revoke are not named$/],
    ['a stranger', ['x.example.com'], secured(), /^x\.example\.com is not served over HTTPS in production$/],
    ['a bought one', ['web.example.com'], secured({ mode: 'files' }), /is from no CA .* its mode is files$/],
    ['one of nobody', ['web.example.com'], secured({ mode: 'self-signed' }), /its mode is self-signed$/],
  ])('is not %s', (_what, domains, project, message) => {
    expect(() => revocableOf(project, domains)).toThrow(message);
  });
});
