import { containerName, type Scope, scopeName } from '../model/names.ts';
import { isOverHttp } from '../model/spec.ts';
import { COUNTING_PROGRAM } from './counting-program.ts';
import {
  type Backend,
  backendsOf,
  type NginxKind,
  type Route,
  type RouteServer,
  servedPorts,
} from './routes.ts';
import type { RouteFlag } from './sides.ts';

/*
 * How the edge counts what it serves. nginx writes a short line for each request into a file in memory, of which there are
 * two that take turns, and a program beside it counts the lines of the one that is at rest and empties it. Nothing that
 * happens to the program holds nginx up: what it does not read fills the container's /dev/shm, and beyond that is lost.
 */

/** Docker gives each container a file system in memory here; what is larger is refused, and nginx drops the line. */
const COUNTS_FOLDER = '/dev/shm';
/** How much of the server's memory files there may take. */
export const COUNTS_BYTES = 64 * 1024 * 1024;
/** The program that counts, in the folder of a configuration: it reads what that configuration writes. */
const COUNTING_FILE = 'count_requests.awk';

/** What is told of each request to be counted: nothing that a client chooses, so that it cannot make up a line. */
const COUNTED = [
  '$counted|$status|$upstream_addr|$upstream_status',
  '$request_length',
  '$bytes_sent',
  '$request_time',
  '$upstream_response_time',
];

/** The lines of a server whose requests are counted, and in no other log. */
export const COUNTED_ONLY = [0, 1].map(
  (turn) => `access_log ${COUNTS_FOLDER}/requests.${turn} counted buffer=32k flush=1s if=$counts_${turn};`,
);

/**
 * COUNTING is what an edge's main file says of it. For five seconds nginx writes into one file, then into the other. What a
 * run asks by itself is no traffic.
 */
export const COUNTING = `# Which service it was for; empty is a host that no route serves.
    map "" $counted { default ''; }
    map "$is_probe:$msec" $counts_0 { default 0; "~^:\\d*[0-4]\\." 1; }
    map "$is_probe:$msec" $counts_1 { default 0; "~^:\\d*[5-9]\\." 1; }
    log_format counted escape=none "${COUNTED.join('\\t')}";
    ${COUNTED_ONLY.join('\n    ')}
`;

/** The figures since the edge has started, and those of five to ten minutes ago. */
export type FiguresName = 'metrics' | 'metrics.before';

/** renderFigures renders where the control port tells what was counted, with `access` for who may ask. */
export function renderFigures(access: string): string {
  return (['metrics', 'metrics.before'] satisfies FiguresName[])
    .map(
      (name) => `        location = /${name} {
            ${access}
            root ${COUNTS_FOLDER};
            default_type "text/plain; version=0.0.4";
        }
`,
    )
    .join('');
}

/** renderCounted renders what has requests counted for a service. */
export function renderCounted(scope: Scope, { service }: Pick<Route, 'service'>): string {
  return `set $counted "${countedAs(scope, service)}";`;
}

/** What stands in the line of a request for the service that it was for. */
function countedAs(scope: Scope, service: string): string {
  return `${scopeName(scope)} ${service}`;
}

/** backendsFile returns where the addresses of an environment's copies are written, below a folder. */
export function backendsFile(scope: Scope): string {
  return `backends/${scopeName(scope)}.tsv`;
}

/**
 * renderBackends renders the table by which an address that answered is known: a line for each copy that an edge may send
 * requests to. It is the same whichever side has the traffic.
 */
export function renderBackends(
  scope: Scope,
  routes: readonly Route[],
  flags: ReadonlyMap<string, RouteFlag>,
  on: RouteServer,
  servers: readonly RouteServer[],
): string {
  return routes
    .flatMap((route) =>
      servedPorts('edge', route)
        .filter(({ protocol }) => isOverHttp(protocol))
        .flatMap((port) =>
          backendsOf(scope, route, port, on, servers).map((backend) =>
            [
              countedAs(scope, route.service),
              scope.project,
              scope.environment,
              route.service,
              on.zone,
              `${backend.address}:${backend.port}`,
              containerName(scope, route.service, backend.slot),
              backend.slot,
              backend.server,
              ...servesWhen(backend, flags.get(route.service)),
            ].join('\t'),
          ),
        ),
    )
    .sort()
    .map((line) => `${line}\n`)
    .join('');
}

/** By which flag it is told whether a copy has traffic, and whether it has with the flag or without. */
function servesWhen(backend: Backend, flag: RouteFlag | undefined): [flag: string, when: string] {
  if (flag === undefined) return ['-', backend.weight > 0 ? 'always' : 'never'];
  const serves = (copies: RouteFlag['plain']) =>
    copies.some(
      ({ server, slot, weight }) => server === backend.server && slot === backend.slot && weight > 0,
    );
  const [plain, flagged] = [serves(flag.plain), serves(flag.flagged)];
  return [flag.name, plain && flagged ? 'always' : plain ? 'without' : flagged ? 'with' : 'never'];
}

/** countingFiles returns the program of a folder, where its nginx is one that counts. */
export function countingFiles(kind: NginxKind): [path: string, content: string][] {
  return kind === 'edge' ? [[COUNTING_FILE, COUNTING_PROGRAM]] : [];
}

/**
 * Starts nginx as the first process of its container, and beside it what counts: again whenever it has ended, as it does
 * when there is another configuration. Where the image has no awk, nothing is counted, and nothing is written. Arguments:
 * the folder of the configurations, and the command that starts nginx.
 */
const ENTRY = `folder=$1
shift
count() {
  while :; do
    case $(cat "$folder/nginx.conf") in */b/main.conf*) live=b ;; *) live=a ;; esac
    nice awk -f "$folder/$live/${COUNTING_FILE}"
    sleep 1
  done
}
if command -v awk >/dev/null; then
  count </dev/null &
else
  ln -sf /dev/null ${COUNTS_FOLDER}/requests.0
  ln -sf /dev/null ${COUNTS_FOLDER}/requests.1
fi
exec "$@"
`;

/** entryOf returns what the container of an nginx runs, with its configurations in `folder`: an edge also what counts. */
export function entryOf(kind: NginxKind, folder: string): string[] {
  const nginx = ['nginx', '-c', `${folder}/nginx.conf`, '-g', 'daemon off;'];
  return kind === 'edge' ? ['/bin/sh', '-c', ENTRY, 'edge', folder, ...nginx] : nginx;
}
