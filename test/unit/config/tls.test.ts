import { describe, expect, test } from '@jest/globals';
import { loadEnvironment } from '../../../src/config/resolve.ts';
import type { TlsSpec } from '../../../src/model/spec.ts';

/** nginxWith returns nginx' settings of a shop with these lines about HTTPS, at the top and at its environment. */
function nginxWith(tls: string, { domain = 'api.example.com', provider = '', own = '', edge = '' } = {}) {
  const at =
    provider ||
    'provider: static\n    user: deploy\n    servers: [{ host: 203.0.113.10, host_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8Zjq0AHvQHq0gx3vzHMJZS7Yd5sXTQJcMpGsqGpeX9" }]';
  const text = `project: shop
${edge}
${tls && `tls: ${tls}`}
environments:
  production:
    ${at}
${own && `    tls: ${own}`}
services:
  api: { image: "api:1", port: 3000, domain: ["${domain}"] }
`;
  return loadEnvironment(text, 'switchyard.yml', {}, 'production').wanted.nginx;
}

describe('how certificates are had', () => {
  const MODES: [string, Parameters<typeof nginxWith>[1], TlsSpec['mode']][] = [
    ['{ email: ops@example.com }', {}, 'http-01'],
    ['{ email: ops@example.com, cloudflare_token: TOKEN }', {}, 'dns-01'],
    ['{ certificate: CERT, key: KEY }', {}, 'files'],
    ['{ redirect: false }', {}, 'off'],
    ['{ email: ops@example.com }', { provider: 'provider: local' }, 'self-signed'],
    ['{ email: ops@example.com, mode: self-signed }', {}, 'self-signed'],
    ['{ email: ops@example.com }', { own: '{ mode: off }' }, 'off'],
  ];

  test.each(MODES)('follows from %s with %j: %s', (tls, rest, mode) => {
    expect(nginxWith(tls, rest).tls?.mode).toBe(mode);
  });

  test('decides whether the edge needs port 443', () => {
    expect(nginxWith('').ports).toBeUndefined();
    expect(nginxWith('{ redirect: false }').ports).toBeUndefined();
    expect(nginxWith('{ email: ops@example.com }').ports).toEqual(['443/tcp']);
  });

  test('is served over HTTP/3 where the file says so, which is UDP', () => {
    expect(nginxWith('{ email: ops@example.com }').tls).not.toHaveProperty('http3');
    expect(nginxWith('{ email: ops@example.com, http3: true }')).toMatchObject({
      tls: { http3: true },
      ports: ['443/tcp', '443/udp'],
    });
    expect(nginxWith('{ mode: off, http3: true }').ports).toBeUndefined();
  });

  test('asks Let’s Encrypt, its CA for trying, or another one', () => {
    const urlOf = (tls: string) => nginxWith(tls).tls?.acme.url;
    expect(urlOf('{ email: ops@example.com }')).toMatch(/^https:\/\/acme-v02\.api\.letsencrypt\.org\//);
    expect(urlOf('{ email: ops@example.com, staging: true }')).toMatch(/^https:\/\/acme-staging-v02\./);
    expect(urlOf('{ mode: http-01, directory: "https://ca.example.com/dir" }')).toBe(
      'https://ca.example.com/dir',
    );
  });
});

describe('when people are told that a certificate ends', () => {
  test.each([
    ['{ email: o@example.com }', undefined],
    [
      '{ email: o@example.com, warn_below: 14d, fail_below: 3d }',
      { warnBelow: { days: 14 }, failBelow: { days: 3 } },
    ],
    [
      '{ email: o@example.com, warn_below: 20% }',
      { warnBelow: { share: 0.2 }, failBelow: { share: 0.1, days: 7 } },
    ],
  ])('%s', (tls, expiry) => {
    expect(nginxWith(tls).tls?.expiry).toEqual(expiry);
  });
});

describe('what cannot be', () => {
  test('is HTTP/3 behind a balancer that speaks the PROXY protocol', () => {
    const edge = 'edge: { proxy_protocol: true, trusted_proxies: [10.0.0.0/8] }';
    expect(() => nginxWith('{ email: ops@example.com, http3: true }', { edge })).toThrow(
      /tls.http3: cannot be had with edge.proxy_protocol/,
    );
  });

  test.each([
    ['{ email: ops@example.com }', '*.example.com', /\*\.example\.com needs dns-01/],
    ['{ email: ops@example.com }', '*', /no CA gives a certificate for the domain \*/],
    ['{ mode: files, certificate: CERT }', 'api.example.com', /mode files needs key/],
    ['{ mode: dns-01 }', 'api.example.com', /mode dns-01 needs cloudflare_token/],
    [
      '{ email: o@example.com, domains: { b.example.com: { mode: off } } }',
      'api.example.com',
      /no service has the domain b/,
    ],
    ['{ directory: "http://ca.example.com/" }', 'api.example.com', /is no address of an ACME directory/],
    ['{ directory: "https://user:pass@ca.example.com/" }', 'api.example.com', /is no address of an ACME/],
    ['{ client_ca: "ssl_verify_client off;" }', 'api.example.com', /is no certificate in PEM/],
    ['{ email: "a@b; }" }', 'api.example.com', /is no address of e-mail/],
    ['{ warn_below: 40% }', 'api.example.com', /"40%" is neither days nor a part of a lifetime/],
    ['{ warn_below: 3d, fail_below: 5d }', 'api.example.com', /nobody would be warned before it fails/],
    ['{ fail_below: 20%, warn_below: 10% }', 'api.example.com', /nobody would be warned before it fails/],
    ['{ warn_below: 5d }', 'api.example.com', /nobody would be warned before it fails/],
    ['{ policy: old }', 'api.example.com', /must be modern or intermediate/],
    ['{ hsts: -1 }', 'api.example.com', /must be false, or a number of seconds/],
  ])('%s for %s is refused before anything', (tls, domain, message) => {
    expect(() => nginxWith(tls, { domain })).toThrow(message);
  });
});
