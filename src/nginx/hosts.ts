import { hostOfAddress, isBelow, pathOfAddress, type Redirect } from '../model/addresses.ts';
import { type Scope, scopeName } from '../model/names.ts';
import { STRIPPED_PREFIX } from './forwarded.ts';
import { portKey, type RoutePort } from './routes.ts';

/**
 * A domain below which several have something, or somebody has less than all, is a server of nginx for itself, made from
 * pieces of all of them. What a domain has to itself is in the file of its port.
 */
export const HOST_FOLDER = 'hosts';

/** What one port, or a redirect, has of a domain. */
export type Claim<Piece> = { path: string } & ({ piece: Piece } | { redirect: Redirect });

/** A domain with several claims, those of longer paths first. */
export interface SharedHost<Piece> {
  host: string;
  claims: Claim<Piece>[];
}

/** A port at the edge, with what its locations are rendered from. */
interface Served<Piece> {
  domains: readonly string[];
  piece: Piece;
}

/**
 * sharedHosts returns the domains that need a server of their own, by what ports and redirects have of them. Where two have
 * the same, since the edges have not all got a change, the first one has it. Pure.
 */
export function sharedHosts<Piece>(
  ports: readonly Served<Piece>[],
  redirects: readonly Redirect[],
): SharedHost<Piece>[] {
  const claims = [
    ...ports.flatMap(({ domains, piece }) => domains.map((address) => ({ address, piece }))),
    ...redirects.map((redirect) => ({ address: redirect.from, redirect })),
  ];
  const hosts = new Map<string, Map<string, Claim<Piece>>>();
  for (const { address, ...claim } of claims) {
    const host = hostOfAddress(address);
    const path = pathOfAddress(address);
    const known = hosts.get(host) ?? new Map<string, Claim<Piece>>();
    hosts.set(host, known);
    if (!known.has(path)) known.set(path, { path, ...claim });
  }
  return [...hosts]
    .map(([host, found]) => ({ host, claims: [...found.values()].sort(byLength) }))
    .filter(
      ({ claims: [first, ...others] }) => others.length > 0 || first?.path !== '/' || 'redirect' in first,
    );
}

function byLength(a: { path: string }, b: { path: string }): number {
  return b.path.length - a.path.length || (a.path < b.path ? -1 : 1);
}

/** hostFile returns where the server of a domain is written, below a folder. */
export function hostFile(scope: Scope, host: string): string {
  // No label of a domain holds an underscore.
  return `${HOST_FOLDER}/${scopeName(scope)}/${host.replace('*', '_')}.conf`;
}

/** How the locations of one port are rendered: into the server of a domain that it has to itself, or into a shared one. */
export interface Passing {
  /** What the names of its further locations end with. */
  suffix: string;
  /** The path that is asked for; nothing is the one that the client has sent. */
  path: string;
}

/** What a port has to itself. */
export const WHOLE: Passing = { suffix: '', path: '' };

/** passingOf returns how a port is rendered beside others. */
export function passingOf(service: string, port: Pick<RoutePort, 'name'>): Passing {
  return { suffix: `_${portKey(service, port)}`, path: '$passed' };
}

/** What a port puts into the server of a shared domain. */
export interface Piece {
  service: string;
  port: RoutePort;
  /** The lines of a location that takes its requests; `headers` are those of the server, which it has to repeat. */
  entry: (headers: readonly string[]) => readonly string[];
  /** Its further locations, which have names. */
  named: (headers: readonly string[]) => string;
}

/** What the server of a shared domain has beside the pieces of its ports. */
export interface HostServer {
  /** As nginx is told it. */
  name: string;
  /** Where it listens. */
  listens: readonly string[];
  /** What stands before the server. */
  before: string;
  /** Its lines of HTTPS. */
  lines: readonly string[];
  /** Those of them that are headers of answers. */
  headers: readonly string[];
  /** The locations that every server of the edge has. */
  locations: string;
}

/** renderHost renders the server of a shared domain. */
export function renderHost({ host, claims }: SharedHost<Piece>, server: HostServer): string {
  const paths = claims.map(({ path }) => path);
  const locations = claims.map((claim) => {
    const lines = [...refuseAmbiguous(claim.path, paths), ...linesOf(claim, server.headers)];
    const body = `{\n${lines.map((line) => `        ${line}\n`).join('')}    }\n`;
    if (claim.path === '/') return `    location / ${body}`;
    return `    location = ${claim.path} ${body}    location ${claim.path}/ ${body}`;
  });
  const named = new Set(
    claims.flatMap((claim) => ('piece' in claim ? [claim.piece.named(server.headers)] : [])),
  );
  const rest = paths.includes('/') ? '' : '    location / { return 404; }\n';
  return `# ${host}: the longest path wins.
${server.before}server {
${server.listens.map((line) => `    ${line}\n`).join('')}    server_name ${server.name};
${server.lines.map((line) => `    ${line}\n`).join('')}${server.locations}${locations.join('')}${rest}${[...named].join('')}}
`;
}

/**
 * nginx finds a location by the path as it is decoded, with its ".." resolved, and the app is passed what was sent. What
 * reads in one way as a path of one service, and in the other as one of another, reaches neither.
 */
function refuseAmbiguous(path: string, paths: readonly string[]): string[] {
  const longer = paths.filter((one) => one !== path && isBelow(one, path)).map(pattern);
  if (path === '/' && longer.length === 0) return [];
  const own = path === '/' ? '/' : `${pattern(path)}${END}`;
  return [
    `if ($request_uri !~ "^${own}") { return 400; }`,
    ...inWords(longer).map((others) => `if ($request_uri ~ "^(?:${others})${END}") { return 400; }`),
  ];
}

const END = '(?:[/?]|$)';
/** A word of nginx has 4 KB at most, and a domain may have hundreds of paths. */
const WORD_MAX = 3_500;

/** inWords joins patterns to as few alternatives as words of nginx can hold. */
function inWords(patterns: readonly string[]): string[] {
  const words: string[] = [];
  for (const one of patterns) {
    const last = words.at(-1);
    if (last === undefined || last.length + one.length >= WORD_MAX) words.push(one);
    else words[words.length - 1] = `${last}|${one}`;
  }
  return words;
}

/** Paths hold letters, digits and `-._~/`: of these a dot alone means something in a pattern. */
function pattern(path: string): string {
  return path.replaceAll('.', '[.]');
}

/** The rest has a name: what nginx knows by a number it would encode once more. */
function linesOf(claim: Claim<Piece>, headers: readonly string[]): string[] {
  if ('redirect' in claim) return renderRedirect(claim.path, claim.redirect);
  const { port, entry } = claim.piece;
  const strip =
    port.stripPrefix && claim.path !== '/'
      ? [
          `if ($request_uri ~ "^${pattern(claim.path)}/?(?<rest>.*)$") { set $passed "/$rest"; set ${STRIPPED_PREFIX} ${claim.path}; }`,
        ]
      : [];
  return ['set $passed "";', ...strip, ...entry(headers)];
}

/** The target is a whole address: what follows a path alone, as in `//example.org`, could be read as another domain. */
function renderRedirect(path: string, { to, status, dropsPath }: Redirect): string[] {
  const target = to.startsWith('/') ? `$told_x_forwarded_proto://$host${to}` : to;
  if (dropsPath) return [`return ${status} "${target}";`];
  const base = target.replace(/\/+$/, '');
  const isWhole = path === '/' || base !== target || /:\/\/[^/]+$/.test(base);
  const [rest, joint] = isWhole ? ['/?(?<rest>.*)', '/'] : ['(?<rest>.*)', ''];
  return [
    `if ($request_uri ~ "^${path === '/' ? '' : pattern(path)}${rest}$") { return ${status} "${base}${joint}$rest"; }`,
  ];
}
