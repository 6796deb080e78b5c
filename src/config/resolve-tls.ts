import { DEFAULT_EXPIRY } from '../model/certificate.ts';
import type { AcmeSpec, CertificateMode, DomainTls, EdgePort, TlsSpec } from '../model/spec.ts';
import { DEFAULTS } from './defaults.ts';
import type { TlsInput } from './schema/tls.ts';

/** Report is told of a mistake at a key below `tls`. */
type Report = (path: readonly string[], message: string, hint: string) => void;

/** Where Let's Encrypt is, and where it lets people try. */
const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';
const LETS_ENCRYPT_STAGING = 'https://acme-staging-v02.api.letsencrypt.org/directory';

/**
 * resolveTls returns HTTPS as an environment with these domains has it, undefined where it has none. What is wrong with it
 * is reported. Pure.
 */
export function resolveTls(
  said: TlsInput | undefined,
  { isLocal, domains }: { isLocal: boolean; domains: readonly string[] },
  report: Report,
): TlsSpec | undefined {
  if (said === undefined) return undefined;
  const fallback = modeOf(said, isLocal);
  const own = Object.entries(said.domains ?? {}).map(([domain, one]) => {
    const mode = one.mode ?? (one.certificate === undefined ? fallback : 'files');
    return [domain, domainTls({ ...one, mode }, said, ['domains', domain], report)] as const;
  });
  const tls: TlsSpec = {
    ...domainTls({ ...said, mode: fallback }, said, [], report),
    domains: Object.fromEntries(own),
    policy: said.policy ?? DEFAULTS.tls.policy,
    redirect: said.redirect ?? DEFAULTS.tls.redirect,
    hstsSeconds: hstsOf(said.hsts),
    ...((said.http3 ?? DEFAULTS.tls.http3) && { http3: true as const }),
    ...expiryOf(said, report),
    acme: acmeOf(said),
  };
  for (const domain of domains) checkDomain(domain, tls, report);
  for (const [domain] of own) {
    if (domains.includes(domain)) continue;
    report(['domains', domain], `no service has the domain ${domain}`, 'Write it as the service has it.');
  }
  return tls;
}

/** tlsPorts returns the ports of the servers that the edge needs for HTTPS. */
export function tlsPorts(tls: TlsSpec | undefined, domains: readonly string[]): EdgePort[] {
  const isOn = domains.some((domain) => tls !== undefined && (tls.domains[domain] ?? tls).mode !== 'off');
  if (!isOn) return [];
  return tls?.http3 ? ['443/tcp', '443/udp'] : ['443/tcp'];
}

function modeOf(said: TlsInput, isLocal: boolean): CertificateMode {
  if (said.mode !== undefined) return said.mode;
  if (said.certificate !== undefined) return 'files';
  if (isLocal) return 'self-signed';
  if (said.cloudflare_token !== undefined) return 'dns-01';
  return said.email === undefined ? 'off' : 'http-01';
}

type DomainInput = Pick<TlsInput, 'certificate' | 'key' | 'client_ca'> & { mode: CertificateMode };

function domainTls(
  { mode, certificate, key, client_ca }: DomainInput,
  { cloudflare_token }: TlsInput,
  path: readonly string[],
  report: Report,
): DomainTls {
  if (mode === 'files' && (certificate === undefined || key === undefined)) {
    const missing = certificate === undefined ? 'certificate' : 'key';
    report(path, `mode files needs ${missing}`, 'Write the names of the secrets that have them.');
  }
  if (mode === 'dns-01' && cloudflare_token === undefined) {
    report(path, 'mode dns-01 needs cloudflare_token', 'Write the name of the secret that has the token.');
  }
  return {
    mode,
    ...(mode === 'files' && certificate && key && { files: { certificate, key } }),
    ...(client_ca && { clientCa: client_ca }),
  };
}

/** A CA has to be shown who holds a name. */
function checkDomain(domain: string, tls: TlsSpec, report: Report): void {
  const isOwn = Object.hasOwn(tls.domains, domain);
  const { mode } = isOwn ? tls.domains[domain]! : tls;
  const path = isOwn ? ['domains', domain] : [];
  if (domain === '*' && (mode === 'http-01' || mode === 'dns-01')) {
    report(
      path,
      'no CA gives a certificate for the domain *',
      'Write domains: { "*": { mode: off } }, or self-signed, or files.',
    );
  } else if (domain.startsWith('*.') && mode === 'http-01') {
    report(
      path,
      `${domain} needs dns-01: a CA gives certificates for all names below a domain to whoever can change its DNS`,
      `Write cloudflare_token, or domains: { "${domain}": { mode: files, certificate: …, key: … } }.`,
    );
  }
}

function hstsOf(said: boolean | number | undefined): number {
  if (said === false) return 0;
  return typeof said === 'number' ? said : DEFAULTS.tls.hsts;
}

function expiryOf({ warn_below, fail_below }: TlsInput, report: Report): Pick<TlsSpec, 'expiry'> {
  if (warn_below === undefined && fail_below === undefined) return {};
  const warnBelow = warn_below ?? DEFAULT_EXPIRY.warnBelow;
  const failBelow = fail_below ?? DEFAULT_EXPIRY.failBelow;
  const isEarlier =
    (failBelow.days ?? 0) > (warnBelow.days ?? 1000) || (failBelow.share ?? 0) > (warnBelow.share ?? 1);
  if (isEarlier) {
    const key = fail_below === undefined ? 'warn_below' : 'fail_below';
    report([key], 'nobody would be warned before it fails', 'Write more for warn_below than for fail_below.');
  }
  return { expiry: { warnBelow, failBelow } };
}

function acmeOf(said: TlsInput): AcmeSpec {
  const { directory, directory_ca, email, eab, profile, cloudflare_token } = said;
  const isStaging = directory === undefined && said.staging === true;
  return {
    url: directory ?? (isStaging ? LETS_ENCRYPT_STAGING : LETS_ENCRYPT),
    ...(directory_ca && { ca: directory_ca }),
    ...(email && { email }),
    ...(eab && { eab: { keyId: eab.key_id, hmacKey: eab.hmac_key } }),
    ...(profile && { profile }),
    ...(isStaging && { isStaging }),
    ...(cloudflare_token && { cloudflareToken: cloudflare_token }),
  };
}
