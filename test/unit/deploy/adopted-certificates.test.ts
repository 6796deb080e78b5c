import { beforeAll, describe, expect, test } from '@jest/globals';
import { type FrontOffer, isSelfSigned, offerOf } from '../../../src/deploy/planning/adopted-certificates.ts';
import { checkAdoption } from '../../../src/deploy/planning/adoption-refusals.ts';
import type { ForeignContainer, ObservedServer } from '../../../src/deploy/planning/observed.ts';
import { type UserError, UserErrors } from '../../../src/model/errors.ts';
import type { EnvironmentSpec, TlsSpec } from '../../../src/model/spec.ts';
import type { FrontCertificate } from '../../../src/nginx/front-certificates.ts';
import type { ServedName } from '../../../src/nginx/served-names.ts';
import { service, shop } from '../../simulation/stories/specs.ts';
import { signedCertificate } from '../../simulation/world/signed.ts';

const NOW = new Date('2026-11-30T12:00:00Z');
const DOMAIN = 'api.example.com';
const TLS: TlsSpec = {
  mode: 'http-01',
  domains: {},
  policy: 'intermediate',
  redirect: true,
  hstsSeconds: 60,
  acme: { url: 'https://ca.example.com/directory' },
};

/** Chains by the names that they are for, and one that has expired. */
const chains: Record<'api' | 'other' | 'wildcard' | 'old', string> = {
  api: '',
  other: '',
  wildcard: '',
  old: '',
};

beforeAll(async () => {
  const now = NOW.getTime();
  chains.api = (await signedCertificate([DOMAIN], { now })).chain;
  chains.other = (await signedCertificate(['www.example.org'], { now })).chain;
  chains.wildcard = (await signedCertificate(['*.example.com'], { now })).chain;
  chains.old = (await signedCertificate([DOMAIN], { now, daysLeft: -3 })).chain;
});

/** A certificate of a front in files of some name. */
function certificate(name: string, chain: string, more: Partial<FrontCertificate> = {}): FrontCertificate {
  return { certificate: `/tls/${name}.crt`, key: `/tls/${name}.key`, chain, ...more };
}

type Shown = Record<string, FrontCertificate[]>;

/** A front that shows certificates for names at port 443, which leads to its port 8443. */
function front(shown: Shown, more: Partial<ServedName> = {}): ForeignContainer {
  return {
    id: 'id of front',
    name: 'front',
    isRunning: true,
    image: 'nginx:1.22',
    imageId: 'sha256:old',
    owner: undefined,
    composeProject: undefined,
    networks: ['hand'],
    writes: [],
    published: [
      { port: 80, containerPort: 80 },
      { port: 443, containerPort: 8443 },
    ],
    helpers: [],
    served: Object.entries(shown).map(
      ([name, certificates]): ServedName => ({ port: 8443, name, isTls: true, certificates, ...more }),
    ),
    certificates: Object.values(shown).flat(),
  };
}

/** What a front has for the domain: the path of a certificate, or why there is none. */
function offered(shown: Shown, domain = DOMAIN, drop: string[] = []): string | undefined {
  const offer: FrontOffer | undefined = offerOf(
    front(shown),
    { adopt: { container: 'front', drop } },
    domain,
    NOW,
  );
  if (offer === undefined) return undefined;
  return 'fault' in offer ? offer.fault : offer.certificate.certificate;
}

describe('what a front has for a domain', () => {
  test('is the certificate that it shows for its name', () => {
    expect(offered({ [DOMAIN]: [certificate('api', chains.api)] })).toBe('/tls/api.crt');
    expect(offered({ '.example.com': [certificate('all', chains.wildcard)] })).toBe('/tls/all.crt');
    // Nobody shall be served by any name; this one is.
    expect(offered({ _: [certificate('all', chains.wildcard)] }, DOMAIN, ['_'])).toBe('/tls/all.crt');
  });

  test('is another one of its own that is good for the domain, where that is not', () => {
    const shown = {
      [DOMAIN]: [certificate('old', chains.old)],
      'www.example.com': [certificate('all', chains.wildcard)],
    };
    expect(offered(shown)).toBe('/tls/all.crt');
  });

  test('is that of a wildcard only with the wildcard in it', () => {
    const shown = (chain: string) => ({ '*.example.com': [certificate('all', chain)] });
    expect(offered(shown(chains.wildcard), '*.example.com')).toBe('/tls/all.crt');
    expect(offered(shown(chains.api), '*.example.com')).toBe('/tls/all.crt is for api.example.com');
  });

  test('is nothing where nobody finds it over HTTPS there, or may', () => {
    expect(offered({ 'www.example.org': [certificate('other', chains.other)] })).toBeUndefined();
    expect(offered({ _: [certificate('other', chains.other)] })).toBeUndefined();
    expect(offered({ [DOMAIN]: [certificate('api', chains.api)] }, DOMAIN, ['443'])).toBeUndefined();
  });

  test.each([
    ['is for another name', () => certificate('api', chains.other), '/tls/api.crt is for www.example.org'],
    ['has expired', () => certificate('api', chains.old), '/tls/api.crt has expired on 2026-11-27'],
    ['is not there', () => certificate('api', ''), '/tls/api.crt cannot be read'],
    [
      'has a key with a passphrase',
      () => certificate('api', chains.api, { keyFault: 'encrypted' }),
      'its key /tls/api.key has a passphrase',
    ],
    [
      'has a key that nobody reads',
      () => certificate('api', chains.api, { keyFault: 'unreadable' }),
      'its key /tls/api.key cannot be read',
    ],
  ])('is what is wrong with it where it %s', (_what, made, fault) => {
    expect(offered({ [DOMAIN]: [made()] })).toBe(fault);
  });
});

test('a certificate that a CA has signed is not self-signed', () => {
  expect(isSelfSigned(chains.api)).toBe(false);
});

describe('taking a front over that serves HTTPS', () => {
  function fileOf(tls: Partial<TlsSpec> | undefined, drop: string[] = []): EnvironmentSpec {
    const file = shop([service('api')]);
    const adopt = { container: 'front', drop };
    if (tls === undefined) return { ...file, nginx: { ...file.nginx, adopt } };
    return { ...file, nginx: { ...file.nginx, tls: { ...TLS, ...tls }, ports: ['443/tcp'], adopt } };
  }

  function refusalsOf(file: EnvironmentSpec, found: ForeignContainer): string[] {
    const observed: ObservedServer = {
      name: 'a',
      owner: undefined,
      copies: [],
      handMade: [],
      hooks: [],
      sidecar: undefined,
      edge: undefined,
      bridge: undefined,
      isDiverted: false,
      foreign: [found],
      hasNetwork: false,
      foreignHostPorts: [],
      leftovers: { helpers: [], networks: [], volumes: [], images: [], transfers: [] },
      images: new Map(),
    };
    try {
      checkAdoption(file, file.services, [observed], NOW);
      return [];
    } catch (error) {
      const all = error instanceof UserErrors ? error.errors : [error as UserError];
      return all.map(({ message, hint }) => `${message}. ${hint}`);
    }
  }

  const good = () => front({ [DOMAIN]: [certificate('api', chains.api)] });

  test('is not refused where its certificate comes along, or nobody needs it', () => {
    expect(refusalsOf(fileOf({}), good())).toEqual([]);
    expect(refusalsOf(fileOf(undefined, ['443']), good())).toEqual([]);
    const old = () => front({ [DOMAIN]: [certificate('api', chains.old)] });
    expect(refusalsOf(fileOf({}, ['443']), old())).toEqual([]);
    expect(refusalsOf(fileOf({ mode: 'files', files: { certificate: 'CERT', key: 'KEY' } }), old())).toEqual(
      [],
    );
  });

  test('is refused where the file serves the domain over HTTP alone', () => {
    const refusal =
      'a: front serves HTTPS for api.example.com, which the file serves over HTTP alone. Write "tls: { email: you@example.com }", and its certificates come along, and are replaced when they are due. If nobody comes by HTTPS: "adopt: { container: front, drop: ["443"] }" under sidecar.';
    expect(refusalsOf(fileOf(undefined), good())).toEqual([refusal]);
    const off = { domains: { [DOMAIN]: { mode: 'off' as const } } };
    expect(refusalsOf(fileOf(off), good())).toEqual([refusal]);
  });

  test('is refused with the fault of its certificate, and what to do', () => {
    expect(refusalsOf(fileOf({}), front({ [DOMAIN]: [certificate('api', chains.old)] }))).toEqual([
      'a: front serves HTTPS for api.example.com, and its certificate cannot come along: /tls/api.crt has expired on 2026-11-27. Renew it, and reload front. Or give one: tls: { domains: { api.example.com: { mode: files, certificate: NAME, key: NAME } } }. If nobody comes by HTTPS until the edge has one of its own: "adopt: { container: front, drop: ["443"] }" under sidecar.',
    ]);
  });

  test('is refused where clients need certificates there, and would not here', () => {
    const asking = () => front({ [DOMAIN]: [certificate('api', chains.api)] }, { asksClients: true });
    expect(refusalsOf(fileOf({}), asking())).toEqual([
      'a: front asks clients of api.example.com for certificates, and the file does not. Write who signs them: tls: { domains: { api.example.com: { client_ca: … } } }.',
    ]);
    expect(refusalsOf(fileOf({ clientCa: 'PEM' }), asking())).toEqual([]);
  });

  test('says what nginx says where it does not say what it serves', () => {
    const { served, certificates, ...silent } = good();
    const complaint = 'cannot load certificate "/tls/api.crt"';
    expect(refusalsOf(fileOf({}), { ...silent, complaint })[0]).toContain(
      `it does not say what it serves: "nginx -T" fails in it (${complaint})`,
    );
  });
});
