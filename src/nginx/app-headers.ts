import { indented, PROBE_HEADER } from './edge-options.ts';
import { FORWARDED } from './forwarded.ts';
import type { NginxKind } from './routes.ts';

/** renderHeaders renders what an app is told beside what the client has sent. */
export function renderHeaders(kind: NginxKind): string {
  return indented(headersFor(kind), '    ');
}

/** What is said of the connection to the app: HTTP/2 has no words for it. */
const OF_THE_CONNECTION: readonly Header[] = [
  ['Upgrade', '$upgrade'],
  ['Connection', '$connection_header'],
];

type Header = readonly [name: string, value: string];

/** headersOfCalls returns what an app is told beside what the client has sent, where it speaks HTTP/2. */
export function headersOfCalls(kind: NginxKind): Header[] {
  const forwarded = kind === 'edge' ? FORWARDED : [];
  return [
    ['Host', kind === 'edge' ? '$host' : '$http_host'],
    ...forwarded,
    ...(kind === 'edge' ? [[PROBE_HEADER, '""'] as const] : []),
    ...[...FRAMING, ...forwarded.map(([name]) => name)]
      .flatMap(disguisesOf)
      .map((name) => [name, '""'] as const),
  ];
}

function headersFor(kind: NginxKind): string[] {
  const [host, ...others] = headersOfCalls(kind);
  return [host!, ...OF_THE_CONNECTION, ...others].map(
    ([name, value]) => `proxy_set_header ${name} ${value};`,
  );
}

/** What says where a request ends; its disguises would say something else to an app behind CGI's rules. */
const FRAMING = ['Content-Length', 'Transfer-Encoding'];

/**
 * disguisesOf returns the names that many apps take for this one, since CGI's rules (RFC 3875 §4.1.18) make an underscore
 * of each hyphen: what a client puts there must not win over what the edge says.
 */
function disguisesOf(name: string): string[] {
  const [first = '', ...rest] = name.split('-');
  const spellings = rest.reduce(
    (begun, part) => begun.flatMap((text) => [`${text}-${part}`, `${text}_${part}`]),
    [first],
  );
  return spellings.filter((spelling) => spelling !== name);
}

/** HEADERS_OF_EDGE are those of the edge, to be said again beside a further one: nginx forgets all of them there. */
export const HEADERS_OF_EDGE = headersFor('edge');
