import { isIP } from 'node:net';
import { allOrErrors } from '../../fleet/fleet.ts';
import { UserError } from '../../model/errors.ts';
import { scopeName } from '../../model/names.ts';
import type { CertificateMode, DomainTls } from '../../model/spec.ts';
import { readKeyPair } from '../../nginx/certificate-keys.ts';
import {
  installCertificate,
  type KeyPair,
  proveChallengeAnswer,
  removeCertificate,
} from '../../nginx/certificates.ts';
import { noteRevocation, type PendingRevocation } from '../../nginx/revocations.ts';
import { certificateFile, tlsOf } from '../../nginx/tls.ts';
import { originOf } from '../planning/certificate-plan.ts';
import type { HttpSolver } from './authority.ts';
import { instanceAt, type RunContext } from './context.ts';
import type { StepKind } from './kind.ts';
import { ledNowhere, type Whereabouts, withLead } from './whereabouts.ts';

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
  /** Certificates that are to be revoked once it serves, and where they stand. */
  revokes?: (PendingRevocation & { server: string })[];
}

/** Giving a certificate to the edge of a server. */
export interface InstallCertificateStep {
  kind: 'install certificate';
  server: string;
  domain: string;
  /** The server that has it already; else the run has it. */
  from?: string;
  /** Where that one is from; as the file says unless given. */
  origin?: string;
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
  moments: ['challenge is answered', 'issued', 'revocation is noted'],
  mayOutlastLease: () => true,
  describe({ domain, mode, reason, daysLeft }) {
    const left = daysLeft === undefined ? '' : ` (${daysLeft} days left)`;
    const how = mode === 'self-signed' ? 'self-signed' : `by ${mode}`;
    return `${VERBS[reason]} ${domain}${left}, ${how}`;
  },
  async run(step, context) {
    const { nginx, known } = context;
    const { domain } = step;
    const own = ownTls(context, domain);
    const origin = originOf(own, nginx.tls!.acme);
    const pair = await obtain(step, context).catch((error: unknown) => {
      throw namingDomain(error, domain);
    });
    known.certificates.set(domain, { ...pair, origin });
    context.moment('issued');
    await noteRevocations(step, context);
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
    const facts = { scope: scopeName(scope), domain, origin };
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

/** From here on whichever run puts the new one into its place has the old one revoked. */
async function noteRevocations(step: CertifyStep, context: RunContext): Promise<void> {
  const { domain, servers, revokes = [] } = step;
  if (revokes.length === 0) return;
  const scope = scopeName(context.scope);
  for (const { serial, server } of revokes) {
    const edge = instanceAt(context, server, 'edge');
    const { privateKey } = await readKeyPair(edge, certificateFile(scope, domain));
    context.known.replacedKeys.set(serial, privateKey);
  }
  const edges = servers.map((server) => instanceAt(context, server, 'edge'));
  await allOrErrors(
    edges.flatMap((edge) =>
      revokes.map((one) => noteRevocation(edge, { scope, domain }, one, context.clock)),
    ),
  );
  context.moment('revocation is noted');
}

function ownTls({ nginx }: RunContext, domain: string): DomainTls {
  const own = tlsOf(nginx.tls, domain);
  if (own === undefined) throw new Error(`${domain} is not served over HTTPS`);
  return own;
}

async function pairOf(
  { domain, from, origin }: InstallCertificateStep,
  context: RunContext,
): Promise<InstalledPair> {
  const { known, tlsSecrets, nginx, scope } = context;
  const own = ownTls(context, domain);
  if (from !== undefined) {
    const file = certificateFile(scopeName(scope), domain);
    return {
      ...(await readKeyPair(instanceAt(context, from, 'edge'), file)),
      origin: origin ?? originOf(own, nginx.tls!.acme),
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

/** A CA that is away says nothing of the domain that it was asked for. */
function namingDomain(error: unknown, domain: string): unknown {
  if (!(error instanceof UserError) || error.message.includes(domain)) return error;
  const { message, hint } = error;
  return new UserError(`${domain} gets no certificate: ${message}`, { ...(hint && { hint }), cause: error });
}

async function obtain(step: CertifyStep, context: RunContext): Promise<KeyPair> {
  switch (step.mode) {
    case 'self-signed':
      return await context.authority.selfSigned(step.domain);
    case 'http-01':
      return await orderWhereItLeads(step, context);
    case 'dns-01':
      return await order(step, context);
  }
}

/**
 * CAs count failures, a few an hour: a name that leads nowhere is not tried. A CA of one's own may know names that nobody
 * else does, so that it is asked in any case. Where a name leads elsewhere nobody can tell whether that is on purpose.
 */
async function orderWhereItLeads(step: CertifyStep, context: RunContext): Promise<KeyPair> {
  const { authority, nginx } = context;
  const { domain } = step;
  const isOfOnesOwn = nginx.tls!.acme.ca !== undefined;
  const lookup = isOfOnesOwn ? undefined : await authority.lookUp(domain);
  if (lookup?.seen === 'nothing') throw ledNowhere(domain, lookup, await whereaboutsOf(step, context));
  try {
    return await order(step, context);
  } catch (error) {
    const seen = lookup ?? (await authority.lookUp(domain));
    throw withLead(error, domain, seen, await whereaboutsOf(step, context));
  }
}

async function whereaboutsOf({ servers }: CertifyStep, context: RunContext): Promise<Whereabouts[]> {
  const specs = context.servers.filter(({ name }) => servers.includes(name));
  return await Promise.all(
    specs.map(async (server) => {
      if (isIP(server.host) !== 0) return { server, addresses: [server.host] };
      const lookup = await context.authority.lookUp(server.host);
      return { server, addresses: lookup.seen === 'addresses' ? lookup.addresses : [] };
    }),
  );
}

async function order(step: CertifyStep, context: RunContext): Promise<KeyPair> {
  const { authority, nginx, scope, tlsSecrets } = context;
  const { acme } = nginx.tls!;
  const { account } = context.known;
  if (account === undefined) throw new Error('the servers answer for no account');
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
    solver: step.mode === 'dns-01' ? { cloudflareToken: token! } : { http: solverOn(step, context) },
    ...(step.replaces && { replaces: step.replaces }),
  });
}

/** Right after a reload old workers take new connections still, and know nothing of what a CA asks for. */
async function outlastOldListeners({ known, clock }: RunContext): Promise<void> {
  const leftMs = known.reloadedAt + BESIDE_OLD_WORKERS_MS - clock.now();
  if (leftMs > 0) await clock.sleep(leftMs);
}

/** A CA counts what fails: it is told to ask when all servers of the run answer as they shall. */
function solverOn({ domain, servers }: CertifyStep, context: RunContext): HttpSolver {
  return {
    present: async (challenges) => {
      const edges = servers.map((server) => instanceAt(context, server, 'edge'));
      await allOrErrors(
        challenges.flatMap((challenge) =>
          edges.map((edge) => proveChallengeAnswer(edge, { domain }, challenge, context.clock)),
        ),
      );
      context.moment('challenge is answered');
    },
  };
}
