import { type Scope, scopeName } from '../model/names.ts';
import { type DomainTls, specHash, type TlsPolicy, type TlsSpec } from '../model/spec.ts';
import { type Fronted, listenQuic, listenTls } from './listening.ts';
import { renderStores } from './stores.ts';

/** Where the volume with keys is mounted in the container of an edge. */
export const KEYS_FOLDER = '/etc/switchyard_keys';
/** Below `KEYS_FOLDER`: what nginx serves, a file a domain, with certificate, chain and key. Its workers read it. */
export const SERVED_FOLDER = 'served';
/** Below `KEYS_FOLDER`: the keys of accounts, a file an environment. Root alone reads it. */
export const ACCOUNTS_FOLDER = 'accounts';
/** In the volume of the configuration: the certificates that are installed, without keys, a file a domain. */
export const CERTIFICATE_FOLDER = 'certificates';
/** In the volume of the configuration: what a CA is answered, a file an environment. */
export const CHALLENGE_FOLDER = 'challenges';
/** In the volume of the configuration: certificates that shall be revoked once others serve, a file each. */
export const REVOCATION_FOLDER = 'revocations';
/** In the volume of the configuration: who signs the certificates of clients, by their hash. */
const CLIENT_CA_FOLDER = 'client_ca';
/** Where a CA asks (RFC 8555 §8.3). */
export const CHALLENGE_PATH = '/.well-known/acme-challenge/';

/** Where nobody is counted: nginx has no other word for a location without the limits of its server. */
const UNCOUNTED_RATE = 'rate_of_nobody';
const UNCOUNTED_CONNECTIONS = 'connections_of_nobody';

/** tlsOf returns how a domain is served over HTTPS; undefined where it is not. Pure. */
export function tlsOf(tls: TlsSpec | undefined, domain: string): DomainTls | undefined {
  if (tls === undefined) return undefined;
  const own = Object.hasOwn(tls.domains, domain) ? tls.domains[domain] : undefined;
  const { mode, files, clientCa } = own ?? tls;
  if (mode === 'off' || !canHave(mode, domain)) return undefined;
  return { mode, ...(files && { files }), ...(clientCa && { clientCa }) };
}

/** canHave tells whether there may be a certificate for a domain in a mode: a CA has to be shown who holds the name. */
function canHave(mode: DomainTls['mode'], domain: string): boolean {
  if (mode === 'http-01') return !domain.includes('*');
  return mode !== 'dns-01' || domain !== '*';
}

/** certificateFile names the files of a domain's certificate, below their folders and without their endings. */
export function certificateFile(scope: string, domain: string): string {
  return `${scope}.${domain.replace('*', '_')}`;
}

/** A server block of an edge: domains that are served in the same way. */
export interface TlsGroup {
  domains: string[];
  /** Undefined for those that are served over HTTP alone. */
  tls: DomainTls | undefined;
}

/** groupsOf sorts domains into server blocks: those without TLS, and those that ask clients for certificates. Pure. */
export function groupsOf(domains: readonly string[], tls: TlsSpec | undefined): TlsGroup[] {
  const groups = new Map<string, TlsGroup>();
  for (const domain of domains) {
    const own = tlsOf(tls, domain);
    const key = own === undefined ? '' : `tls ${own.clientCa ?? ''} ${own.mode === 'self-signed'}`;
    const group = groups.get(key) ?? { domains: [], tls: own };
    group.domains.push(domain);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** tlsDomains returns the domains of some that are served over HTTPS. */
export function tlsDomains(domains: readonly string[], tls: TlsSpec | undefined): string[] {
  return domains.filter((domain) => tlsOf(tls, domain) !== undefined);
}

/** clientCaFile returns where in the volume those stand who sign the certificates of clients. */
function clientCaFile(scope: string, pem: string): string {
  return `${CLIENT_CA_FOLDER}/${scope}.${specHash(pem)}.crt`;
}

/** clientCaFiles returns the files that the servers of an environment name, by their paths in the volume. */
export function clientCaFiles(scope: string, domains: readonly string[], tls: TlsSpec | undefined) {
  const all = domains.flatMap((domain) => tlsOf(tls, domain)?.clientCa ?? []);
  return new Map(all.map((pem) => [clientCaFile(scope, pem), pem]));
}

/**
 * What Mozilla's Server Side TLS 5.7 has, as of November 2026, without DHE, for which nginx would need parameters. The
 * groups are those of OpenSSL, which has the hybrid ones that withstand quantum computers before lists do.
 */
const POLICIES: Readonly<Record<TlsPolicy, readonly string[]>> = {
  modern: ['ssl_protocols TLSv1.3;', 'ssl_prefer_server_ciphers off;'],
  intermediate: [
    'ssl_protocols TLSv1.2 TLSv1.3;',
    `ssl_ciphers ${[
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      'ECDHE-RSA-AES128-GCM-SHA256',
      'ECDHE-ECDSA-AES256-GCM-SHA384',
      'ECDHE-RSA-AES256-GCM-SHA384',
      'ECDHE-ECDSA-CHACHA20-POLY1305',
      'ECDHE-RSA-CHACHA20-POLY1305',
    ].join(':')};`,
    'ssl_prefer_server_ciphers off;',
  ],
};

/** What a group is rendered with. */
export interface TlsContext {
  scope: Scope;
  tls: TlsSpec;
  /** Where the volume of the configuration is mounted. */
  folder: string;
}

/** renderTlsMaps renders the variables that a group with TLS reads; they stand before its server. */
export function renderTlsMaps(group: TlsGroup, context: TlsContext): string {
  if (group.tls === undefined) return '';
  const mark = markOf(group, context.scope);
  const cases = casesOf(group, context.scope);
  const hsts = hstsOf(group.tls, context.tls);
  // The variable in a path is why nginx reads a certificate at the handshake: a new one needs no reload.
  return `map $ssl_server_name $certificate_${mark} { ${cases} }
map $host $installed_${mark} { ${cases} }
${hsts === undefined ? '' : `map "$https:$upstream_http_strict_transport_security" $hsts_${mark} { default ''; "on:" "${hsts}"; }\n`}`;
}

/** renderTls renders what a group with TLS has beside its names: the second port, its certificate and the way there. */
export function renderTls(group: TlsGroup, context: TlsContext): string[] {
  const { tls: own } = group;
  if (own === undefined) return [];
  const { scope, tls, folder } = context;
  const mark = markOf(group, scope);
  const pem = `"${KEYS_FOLDER}/${SERVED_FOLDER}/$certificate_${mark}.pem"`;
  const isCatchAll = group.domains.includes('*');
  return [
    ...listenTls(isCatchAll ? ' default_server' : ''),
    ...(tls.http3 ? [listenQuic(isCatchAll ? ' default_server' : '')] : []),
    'http2 on;',
    // One file, so that nobody ever finds the certificate of one and the key of another.
    `ssl_certificate ${pem};`,
    `ssl_certificate_key ${pem};`,
    ...POLICIES[tls.policy],
    ...(own.clientCa === undefined
      ? []
      : [
          `ssl_client_certificate ${folder}/${clientCaFile(scopeName(scope), own.clientCa)};`,
          'ssl_verify_client on;',
          'ssl_verify_depth 5;',
        ]),
    ...(tls.redirect ? renderRedirect(mark, folder) : []),
    ...renderTlsHeaders(group, context),
  ];
}

/** renderTlsHeaders renders a group's own headers, which every location has to have that has others. */
export function renderTlsHeaders(group: TlsGroup, { scope, tls }: TlsContext): string[] {
  if (group.tls === undefined) return [];
  const isStrict = hstsOf(group.tls, tls) !== undefined;
  return [
    ...(isStrict ? [`add_header Strict-Transport-Security $hsts_${markOf(group, scope)} always;`] : []),
    ...(tls.http3 ? ['add_header Alt-Svc $way_to_http3 always;'] : []),
  ];
}

/** A group without its certificate serves HTTP: whoever was sent away would find nobody. */
function renderRedirect(mark: string, folder: string): string[] {
  return [
    // A proxy that is believed has ended TLS before.
    'set $is_plain $told_x_forwarded_proto;',
    `if (!-f ${folder}/${CERTIFICATE_FOLDER}/$installed_${mark}.crt) { set $is_plain ""; }`,
    'if ($uri ~ "^/\\.well-known/(?:acme-challenge|switchyard)/") { set $is_plain ""; }',
    'if ($is_plain = http) { return 308 https://$host$request_uri; }',
  ];
}

/**
 * renderChallenge renders where a CA finds its answer: on all servers, for it asks any of them. The answer is the token that
 * it asks for and the thumbprint of the account (RFC 8555 §8.3). The second half is in the file, so that another account
 * needs no reload, and nothing has to be put anywhere for a question.
 */
export function renderChallenge({ domains }: TlsGroup, { scope, tls, folder }: TlsContext): string {
  if (!domains.some((domain) => tlsOf(tls, domain)?.mode === 'http-01')) return '';
  return `    location ^~ ${CHALLENGE_PATH} {
        auth_basic off;
        limit_req zone=${UNCOUNTED_RATE};
        limit_conn ${UNCOUNTED_CONNECTIONS} 1;
        default_type text/plain;
        ssi on;
        ssi_types text/plain;
        root ${folder}/${CHALLENGE_FOLDER};
        rewrite "^${CHALLENGE_PATH.replaceAll('.', '\\.')}(?<acme_token>[A-Za-z0-9_-]+)$" /${scopeName(scope)} break;
        return 404;
    }
`;
}

/** challengeAnswer returns what nginx makes an answer of: the token that was asked for, and the thumbprint of the account. */
export function challengeAnswer(thumbprint: string): string {
  // base64url: it is text of a file in which nginx looks for commands.
  if (!/^[\w-]+$/.test(thumbprint)) throw new Error('a thumbprint is written in base64url');
  return `<!--# echo var="acme_token" -->.${thumbprint}`;
}

/** Browsers that were told so refuse a certificate that nobody believes without a way past it. */
function hstsOf({ mode }: DomainTls, { hstsSeconds, acme }: TlsSpec): string | undefined {
  const isBelieved = mode === 'files' || (mode !== 'self-signed' && acme.isStaging !== true);
  return hstsSeconds > 0 && isBelieved ? `max-age=${hstsSeconds}` : undefined;
}

/** Names of variables hold no hyphens and dots, and no two groups have one together. */
function markOf({ domains }: TlsGroup, scope: Scope): string {
  return specHash([scopeName(scope), domains]).slice(0, 10);
}

function casesOf({ domains }: TlsGroup, scope: Scope): string {
  const file = (domain: string) => certificateFile(scopeName(scope), domain);
  const exact = domains.filter((domain) => !domain.includes('*'));
  const starred = domains.filter((domain) => domain.startsWith('*.'));
  const fallback = domains.includes('*') ? '*' : domains[0]!;
  return [
    `default ${file(fallback)};`,
    ...exact.map((domain) => `${domain} ${file(domain)};`),
    ...starred.map((domain) => `"~${domain.slice(1).replaceAll('.', '\\.')}$" ${file(domain)};`),
  ].join(' ');
}

/**
 * renderTlsMain renders what the main file of an edge has for the domains with TLS that it serves, and for those of them
 * that it serves over HTTP/3: none is nothing.
 */
export function renderTlsMain(
  domains: readonly string[],
  http3Domains: readonly string[],
  fronted: Fronted,
): string {
  if (domains.length === 0) return '';
  const isAny = domains.includes('*');
  // Also where somebody has all names: what comes first on a connection is said here.
  const reject =
    isAny && !fronted.proxyProtocol
      ? ''
      : `    # Who asks for a name that is not served gets no certificate.
    server {
${isAny ? '        server_name switchyard.invalid;\n' : ''}${listenTls(
  isAny ? '' : ' default_server',
  fronted,
)
  .map((line) => `        ${line}\n`)
  .join('')}        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_reject_handshake on;
    }
`;
  return `    # Limits of a server are not for a CA: what has no key is not counted.
    map '' $nobody { default ''; }
    limit_req_zone $nobody zone=${UNCOUNTED_RATE}:32k rate=1r/s;
    limit_conn_zone $nobody zone=${UNCOUNTED_CONNECTIONS}:32k;
    # About 40,000 sessions. Tickets would need a key that is renewed on all servers at once.
    ssl_session_cache shared:tls:10m;
    ssl_session_timeout 1d;
    ssl_session_tickets off;
${reject}${renderHttp3Main(http3Domains)}`;
}

/**
 * Each worker has a queue of its own for packets (`reuseport`), which is said once for an address; else those of one
 * connection would come to any of them. Who asks for a name that is not served over HTTP/3 gets no certificate.
 */
function renderHttp3Main(domains: readonly string[]): string {
  if (domains.length === 0) return '';
  const isDefault = domains.includes('*') ? '' : ' default_server';
  return `    # Addresses of packets can be forged: whoever begins a connection shows first that it gets answers.
    quic_retry on;
    map "$https:$upstream_http_alt_svc" $way_to_http3 { default ''; "on:" '${ALT_SVC}'; }
    server {
        ${listenQuic(`${isDefault} reuseport`)}
        server_name switchyard.invalid;
        ssl_protocols TLSv1.3;
        ssl_reject_handshake on;
    }
`;
}

/** By which browsers learn of HTTP/3 (RFC 7838), for an hour: one that cannot come that way stays with HTTP/2. */
const ALT_SVC = 'h3=":443"; ma=3600';

/** renderInstall renders where certificates, and answers for a CA, are put and taken away, by those who may set flags. */
export function renderInstall(domains: readonly string[], folder: string, access: string): string {
  if (domains.length === 0) return '';
  const stores = [
    ['keys', `${KEYS_FOLDER}/${SERVED_FOLDER}`],
    [CERTIFICATE_FOLDER, `${folder}/${CERTIFICATE_FOLDER}`],
    [CHALLENGE_FOLDER, `${folder}/${CHALLENGE_FOLDER}`],
    [REVOCATION_FOLDER, `${folder}/${REVOCATION_FOLDER}`],
  ] as const;
  return renderStores(stores, access);
}
