import { UNPOOLED } from './routes.ts';
import { renderChoice, type Way } from './ways.ts';

/** Where the control endpoints answer, to the server itself only. */
export const CONTROL_PORT = 8099;

/** A tcp service is proven through a listener of its own, this far above its internal port. */
export const PROVE_PORT_OFFSET = 10_000;

/** Who may reach the control ports; written once, beside the two folders of configurations. */
export const CONTROL_ACCESS_FILE = 'control_access.conf';

/**
 * renderControlAccess lets only the server itself (its address on the Docker network) use what the control ports pass on.
 * A bare `return` is answered to everybody: nginx looks at access only after it.
 */
export function renderControlAccess(gateway: string): string {
  return `allow ${gateway};\nallow 127.0.0.1;\ndeny all;\n`;
}

/** renderFlagAccess lets those set flags who know `token`: not everybody who has a shell on the server. */
export function renderFlagAccess(token: string): string {
  return `if ($http_switchyard_token != "${token}") { return 403; }\n`;
}

/** What the control endpoint of one environment says. */
export interface ScopeControl {
  scope: string;
  generation: string;
  /** The http ports that can be proven, by their keys, with the ways that traffic may go. */
  provable: { key: string; ways: readonly Way[]; isGrpc?: true }[];
}

/**
 * provePaths returns where the control endpoint passes requests on through the upstreams of an http port, one path for
 * each; see portKey. `path` is what the app is asked for, by the Host that the request has.
 */
export function provePaths(scope: string, key: string, path = '/'): string[] {
  return UPSTREAMS.map((ending) => `/prove/${scope}/${key}${ending}${path}`);
}

/** directProvePath is one of `provePaths`, on which the copy on the server itself is asked by its name. */
export function directProvePath(scope: string, key: string, path = '/'): string {
  return `/prove/${scope}/${key}${DIRECT}${path}`;
}

/** What the names of the upstreams of a way end with. */
const UPSTREAMS = ['', UNPOOLED];

/** What a key ends with that means no upstream; as little a name as the other. */
const DIRECT = '_direct';

/** renderControl renders the locations by which a reload and a switch are proven. */
export function renderControl(control: ScopeControl): string {
  const proofs = control.provable.flatMap(({ key, ways, isGrpc }) => {
    const groups = UPSTREAMS.map((ending) => ({ path: `${key}${ending}`, to: `\${group}${ending}` }));
    const isDirect = ways.some(({ own, flag }) => own !== undefined && flag !== undefined);
    const all = isDirect ? [...groups, { path: `${key}${DIRECT}`, to: '$own' }] : groups;
    return all.map(({ path, to }) =>
      renderProof(control, path, isGrpc ? passCall(to) : passRequest(to), ways),
    );
  });
  return `location = /generation/${control.scope} { return 200 "${control.generation}"; }
${proofs.join('')}`;
}

function passRequest(to: string): string {
  return `    proxy_pass http://${to};
    proxy_set_header Host $http_host;
    proxy_set_header Connection "";
`;
}

function passCall(to: string): string {
  return `    grpc_pass grpc://${to};
    grpc_set_header Host $http_host;
`;
}

function renderProof(
  { scope, generation }: ScopeControl,
  path: string,
  passing: string,
  ways: readonly Way[],
): string {
  return `location /prove/${scope}/${path}/ {
${renderChoice(ways, '    ')}    rewrite ^/prove/[^/]+/[^/]+(/.*)$ $1 break;
${passing}    add_header X-Switchyard-Generation ${generation} always;
    add_header X-Switchyard-Upstream "$upstream_addr" always;
    add_header X-Switchyard-Answered "$upstream_header_time" always;
}
`;
}
