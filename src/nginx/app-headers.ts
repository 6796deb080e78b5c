import { indented, PROBE_HEADER } from './door.ts';
import { FORWARDED } from './forwarded.ts';
import type { NginxKind } from './routes.ts';

/** renderHeaders renders what an app is told beside what the client has sent. */
export function renderHeaders(kind: NginxKind): string {
  return indented(headersFor(kind), '    ');
}

function headersFor(kind: NginxKind): string[] {
  const forwarded = kind === 'edge' ? FORWARDED : [];
  const headers = [
    ['Host', kind === 'edge' ? '$host' : '$http_host'],
    ['Upgrade', '$upgrade'],
    ['Connection', '$connection_header'],
    ...forwarded,
    ...(kind === 'edge' ? [[PROBE_HEADER, '""']] : []),
    ...[...FRAMING, ...forwarded.map(([name]) => name)].flatMap(disguisesOf).map((name) => [name, '""']),
  ];
  return headers.map(([name, value]) => `proxy_set_header ${name} ${value};`);
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
