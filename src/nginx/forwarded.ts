import { type NginxSpec, specHash } from '../model/spec.ts';
import type { Fronted } from './listening.ts';

/** A header by which a proxy tells of a request that it passes on. */
interface Told {
  name: string;
  variable: string;
  /** What a trusted one may say. */
  form: string;
  /** What the app gets then; `$1` is what was said. */
  value: string;
  /** What the app gets else; nothing leaves the header out. */
  otherwise: string;
}

/** One value: nginx joins what came under several spellings of a name, and one of them may be the client's. */
const ONE = '[^,]+';

const TOLD: readonly Told[] = [
  told('X-Forwarded-For', '.+', '$realip_remote_addr', '$1, $realip_remote_addr'),
  told('X-Forwarded-Proto', 'https?', '$scheme'),
  told('X-Forwarded-Host', ONE, '$host'),
  // Not ours where nobody tells it: beside a protocol that was told, it would be wrong.
  told('X-Forwarded-Port', '\\d{1,5}'),
  told('X-Forwarded-Prefix', ONE),
  told('X-Forwarded-Server', ONE),
  told('X-Forwarded-Ssl', ONE),
  told('Forwarded', '.+'),
];

function told(name: string, form: string, otherwise = "''", value = '$1'): Told {
  return { name, variable: name.toLowerCase().replaceAll('-', '_'), form, value, otherwise };
}

/** The way of a request whose client is told by who has opened the connection. */
const CLIENT_AND_PROXY = `    map "$remote_addr,$realip_remote_addr" $client_and_proxy { default "$remote_addr, $realip_remote_addr"; "~^(.+),\\1$" $1; }
`;
const TOLD_BY_CONNECTION: readonly Told[] = TOLD.map((one) =>
  one.name === 'X-Forwarded-For' ? { ...one, otherwise: '$client_and_proxy' } : one,
);

/** STRIPPED_PREFIX is the variable with what the edge has taken from the path of a request. */
export const STRIPPED_PREFIX = '$stripped_prefix';

/** FORWARDED is what the edge tells an app of a request, by header and value. */
export const FORWARDED: readonly (readonly [name: string, value: string])[] = [
  ['X-Real-IP', '$remote_addr'],
  ...TOLD.map(
    ({ name, variable }) =>
      [name, `$told_${variable}${name === 'X-Forwarded-Prefix' ? STRIPPED_PREFIX : ''}`] as const,
  ),
  ['X-Request-ID', '$id_of_request'],
];

/**
 * renderForwarded renders what the values of FORWARDED are: as a proxy tells them that the server believes, else as they
 * are. The client's address is the last one of `X-Forwarded-For` that is none of theirs; or the one that the PROXY protocol
 * has told. Whom a server believes is its own affair: see `renderBelieved`.
 */
export function renderForwarded({ proxyProtocol }: Fronted = {}): string {
  const header = proxyProtocol
    ? '    real_ip_header proxy_protocol;\n'
    : '    real_ip_header X-Forwarded-For;\n    real_ip_recursive on;\n';
  const maps = (proxyProtocol ? TOLD_BY_CONNECTION : TOLD).map(
    // What speaks PROXY passes on what clients say, and says nothing of a request itself.
    ({ variable, form, value, otherwise }) =>
      proxyProtocol
        ? `    map $host $told_${variable} { default ${otherwise}; }\n`
        : `    map "$is_trusted:$http_${variable}" $told_${variable} { default ${otherwise}; "~^1:(${form})$" "${value}"; }\n`,
  );
  return `${header}    # Set by the servers of those who believe somebody.
    map $host $is_trusted { default 0; }
${proxyProtocol ? CLIENT_AND_PROXY : ''}${maps.join('')}    # Set where a prefix is taken from the path.
    map $host ${STRIPPED_PREFIX} { default ''; }
    # What is no plain word is none that a log or another service should get.
    map $http_x_request_id $id_of_request { default $request_id; "~^[\\w.:/+=@-]{1,200}$" $http_x_request_id; }
`;
}

/** Whom an environment believes what they tell of a request. */
export type Believed = Pick<NginxSpec, 'trustedProxies' | 'proxyProtocol'>;

/**
 * renderBelieved renders the lines of a server by which it believes those whom its environment believes, and nobody else on
 * the edge. They are decided by who has opened the connection. Who waits for the PROXY protocol believes no header, also as
 * long as the edge is not spoken to by it.
 */
export function renderBelieved({ trustedProxies = [], proxyProtocol }: Believed): string[] {
  if (trustedProxies.length === 0) return [];
  return [
    ...trustedProxies.map((range) => `set_real_ip_from ${range};`),
    proxyProtocol ? 'real_ip_header proxy_protocol;' : `set $is_trusted ${trustedVariable(trustedProxies)};`,
  ];
}

/** believedVariables returns the variables that these lines read, as they are defined in http. */
export function believedVariables({ trustedProxies = [], proxyProtocol }: Believed): string[] {
  if (trustedProxies.length === 0 || proxyProtocol) return [];
  const cases = trustedProxies.map((range) => `${range} 1; `).join('');
  return [`geo $realip_remote_addr ${trustedVariable(trustedProxies)} { default 0; ${cases}}`];
}

function trustedVariable(ranges: readonly string[]): string {
  return `$is_trusted_${specHash(ranges)}`;
}
