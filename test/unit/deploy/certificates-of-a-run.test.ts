import { expect, test } from '@jest/globals';
import type { CertificateFactsOfRun } from '../../../src/deploy/planning/certificate-facts.ts';
import { planCertificates } from '../../../src/deploy/planning/certificate-plan.ts';
import type { PlanInput } from '../../../src/deploy/planning/input.ts';
import { routesAfter } from '../../../src/deploy/planning/planned-routes.ts';
import type { EnvironmentSpec, TlsSpec } from '../../../src/model/spec.ts';
import { installedText, readInstalled } from '../../../src/nginx/certificates.ts';
import { service, shop } from '../../simulation/stories/specs.ts';
import { signedCertificate } from '../../simulation/world/signed.ts';
import { Picture } from './picture.ts';

const DOMAIN = 'api.example.com';
const CA = 'https://ca.example.com/directory';
const TLS: TlsSpec = {
  mode: 'http-01',
  domains: {},
  policy: 'intermediate',
  redirect: true,
  hstsSeconds: 60,
  acme: { url: CA },
};

/** What a run plans for the domain, whose edge shows this certificate, and that was asked for more. */
function planned(text: string, facts: Partial<CertificateFactsOfRun>) {
  const plain = shop([service('api')]);
  const wanted: EnvironmentSpec = { ...plain, nginx: { ...plain.nginx, tls: TLS, ports: ['443/tcp'] } };
  const picture = new Picture();
  picture.deploy(wanted);
  const input = picture.input(wanted);
  const certificates = new Map([[`shop_production.${DOMAIN}`, text]]);
  const observed = input.observed.map((server) =>
    server.edge === undefined
      ? server
      : { ...server, edge: { ...server.edge, tree: { ...server.edge.tree, certificates } } },
  );
  const asked: PlanInput = { ...input, observed, certificates: { ...input.certificates, ...facts } };
  const [plan] = planCertificates(asked, routesAfter(asked, new Map(), new Set(), []), new Map());
  return plan!;
}

test.each([
  ['issued', { forced: [DOMAIN] }],
  ['revoked', { revoke: { domains: [DOMAIN], reason: 'superseded' as const } }],
])(
  'a certificate that shall be %s is replaced once, however often its run plans again',
  async (_what, facts) => {
    const { chain } = await signedCertificate([DOMAIN], {
      now: Date.parse('2026-11-01T12:00:00Z'),
      daysLeft: 80,
    });
    const text = installedText(`acme ${CA}`, chain);
    const { serial } = readInstalled(text)!;
    expect(planned(text, facts).certify).toHaveLength(1);
    const again = planned(text, { ...facts, obtained: new Set([serial]) });
    expect([again.certify, again.revoke]).toEqual([[], []]);
  },
);
