import { allOrErrors } from '../../fleet/fleet.ts';
import { UserError } from '../../model/errors.ts';
import { scopeName } from '../../model/names.ts';
import type { CertificateMode, DomainTls } from '../../model/spec.ts';
import { accountKeyOf, readKeyPair, writeAccountKey } from '../../nginx/certificate-keys.ts';
import {
  installCertificate,
  type KeyPair,
  putChallenge,
  removeCertificate,
} from '../../nginx/certificates.ts';
import type { NginxInstance } from '../../nginx/instance.ts';
import { certificateFile, tlsOf } from '../../nginx/tls.ts';
import { originOf } from '../planning/certificate-plan.ts';
import type { HttpSolver } from './authority.ts';
import { instanceAt, type RunContext } from './context.ts';
import type { StepKind } from './kind.ts';

/** Obtaining a certificate for a domain. */
export interface CertifyStep {
  kind: 'certify';
  domain: string;
  mode: Exclude<CertificateMode, 'files' | 'off'>;
  /** The servers that it is for. */
  servers: string[];
  reason: 'issue' | 'renew' | 'replace';
  /** Of the one that is renewed, and itself, in PEM. */
  daysLeft?: number;
  replaces?: string;
}

/** Giving a certificate to the edge of a server. */
export interface InstallCertificateStep {
  kind: 'install certificate';
  server: string;
  domain: string;
  /** The server that has it already; else the run has it. */
  from?: string;
}

/** Taking certificates away that no domain of a server needs any more. */
export interface RemoveCertificatesStep {
  kind: 'remove certificates';
  server: string;
  /** See `certificateFile`. */
  files: string[];
}

/** nginx' master lets old workers take connections for a tenth of a second; the rest is a slow machine. */
const BESIDE_OLD_WORKERS_MS = 1_000;

/** A certificate with its key, and where it comes from. */
export interface InstalledPair extends KeyPair {
  origin: string;
}

const VERBS: Record<CertifyStep['reason'], string> = {
  issue: 'issue a certificate for',
  renew: 'renew the certificate of',
  replace: 'replace the certificate of',
};

/**
 * Asks a CA for a certificate, once for all servers. It never stands in the way of services: it comes when they serve, and
 * when it fails, what there is goes on.
 */
export const certify: StepKind<CertifyStep> = {
  moments: ['challenge is shown', 'issued'],
  mayOutlastLease: () => true,
  describe({ domain, mode, reason, daysLeft }) {
    const left = daysLeft === undefined ? '' : ` (${daysLeft} days left)`;
    const how = mode === 'self-signed' ? 'self-signed' : `by ${mode}`;
    return `${VERBS[reason]} ${domain}${left}, ${how}`;
  },
  async run(step, context) {
    const { nginx, known, authority } = context;
    const { domain } = step;
    const own = ownTls(context, domain);
    const origin = originOf(own, nginx.tls!.acme);
    const pair =
      step.mode === 'self-signed' ? await authority.selfSigned(domain) : await order(step, context);
    known.certificates.set(domain, { ...pair, origin });
    context.moment('issued');
  },
};

/** Its first handshake with the new one proves it. */
export const installCertificateStep: StepKind<InstallCertificateStep> = {
  mayOutlastLease: () => true,
  describe({ domain, server, from }) {
    return from === undefined
      ? `install the certificate of ${domain} on ${server}`
      : `copy the certificate of ${domain} from ${from} to ${server}`;
  },
  async run(step, context) {
    const { scope, clock } = context;
    const { domain, server } = step;
    const { origin, ...pair } = await pairOf(step, context);
    const edge = instanceAt(context, server, 'edge');
    const { proxyProtocol } = context.nginx;
    const facts = { scope: scopeName(scope), domain, origin, proxyProtocol };
    await installCertificate(edge, facts, pair, clock);
  },
};

/** The routes that needed them have gone. */
export const removeCertificates: StepKind<RemoveCertificatesStep> = {
  mayOutlastLease: () => true,
  describe: ({ server, files }) =>
    `remove ${files.length === 1 ? 'a certificate' : `${files.length} certificates`} from ${server}`,
  async run({ server, files }, context) {
    const edge = instanceAt(context, server, 'edge');
    await allOrErrors(files.map((file) => removeCertificate(edge, file, context.clock)));
  },
};

function ownTls({ nginx }: RunContext, domain: string): DomainTls {
  const own = tlsOf(nginx.tls, domain);
  if (own === undefined) throw new Error(`${domain} is not served over HTTPS`);
  return own;
}

async function pairOf({ domain, from }: InstallCertificateStep, context: RunContext): Promise<InstalledPair> {
  const { known, tlsSecrets, nginx, scope } = context;
  const own = ownTls(context, domain);
  if (from !== undefined) {
    const file = certificateFile(scopeName(scope), domain);
    return {
      ...(await readKeyPair(instanceAt(context, from, 'edge'), file)),
      origin: originOf(own, nginx.tls!.acme),
    };
  }
  if (own.files === undefined) {
    const obtained = known.certificates.get(domain);
    if (obtained === undefined) throw new Error(`there is no certificate for ${domain}`);
    return obtained;
  }
  const { certificate, key } = own.files;
  return {
    chain: tlsSecrets[certificate] ?? '',
    privateKey: tlsSecrets[key] ?? '',
    origin: originOf(own, nginx.tls!.acme),
  };
}

async function order(step: CertifyStep, context: RunContext): Promise<KeyPair> {
  const { authority, nginx, scope, tlsSecrets } = context;
  const { acme } = nginx.tls!;
  const edges = step.servers.map((server) => instanceAt(context, server, 'edge'));
  const account = await accountOf(edges, context);
  await outlastOldListeners(context);
  const eabKey = acme.eab && tlsSecrets[acme.eab.hmacKey];
  const token = acme.cloudflareToken && tlsSecrets[acme.cloudflareToken];
  if (step.mode === 'dns-01' && !token) {
    throw new UserError(`${step.domain} needs a token of Cloudflare, which this run was not given`, {
      hint: 'Pass the input "secrets".',
    });
  }
  return await authority.issue({
    domain: step.domain,
    // Several domains are asked for side by side.
    owner: `${scope.project}/${scope.environment} ${step.domain}`,
    acme,
    account,
    ...(eabKey && { eabKey }),
    solver: step.mode === 'dns-01' ? { cloudflareToken: token! } : { http: solverOn(edges, context) },
    ...(step.replaces && { replaces: step.replaces }),
  });
}

/** Right after a reload old workers take new connections still, and know nothing of what a CA asks for. */
async function outlastOldListeners({ known, clock }: RunContext): Promise<void> {
  const leftMs = known.reloadedAt + BESIDE_OLD_WORKERS_MS - clock.now();
  if (leftMs > 0) await clock.sleep(leftMs);
}

/** A CA asks any of the servers, and several of its own places do: all have the answer before it is told to ask. */
function solverOn(edges: readonly NginxInstance[], context: RunContext): HttpSolver {
  const { scope, clock } = context;
  const put =
    (text: (keyAuthorization: string) => string | undefined): HttpSolver['present'] =>
    async (challenges) => {
      await allOrErrors(
        challenges.flatMap(({ token, keyAuthorization }) =>
          edges.map((edge) => putChallenge(edge, scopeName(scope), token, text(keyAuthorization), clock)),
        ),
      );
    };
  const present = put((keyAuthorization) => keyAuthorization);
  return {
    present: async (challenges) => {
      await present(challenges);
      context.moment('challenge is shown');
    },
    cleanUp: put(() => undefined),
  };
}

/** One account for the environment, on all its servers, so that a server that is lost takes none along. */
async function accountOf(edges: readonly NginxInstance[], context: RunContext): Promise<string> {
  const { authority, scope } = context;
  const known = await allOrErrors(edges.map((edge) => accountKeyOf(edge, scopeName(scope))));
  const account = known.find((key) => key !== undefined) ?? (await authority.newAccountKey());
  await allOrErrors(
    edges
      .filter((_edge, index) => known[index] !== account)
      .map((edge) => writeAccountKey(edge, scopeName(scope), account)),
  );
  return account;
}
