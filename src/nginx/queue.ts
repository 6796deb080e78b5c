import type { Scope } from '../model/names.ts';
import { WAIT_PATH } from './maintenance.ts';
import { portKey, type Route, type RoutePort } from './routes.ts';
import { waitingFlag } from './standing-flags.ts';

/** A request that waits asks so often whether it may go on; of long waits it does not ask more often than `LOOKS_MAX`. */
const LOOK_MS = 200;
const LOOKS_MAX = 300;
/** So many requests wait for a service in one nginx at once: each takes three of its connections. */
const WAITING_MAX = 2_000;
/** Where requests ask for the flag, on the loopback of the nginx; what tells them that their time is over, and what answers then. */
const WAIT_PORT = 8098;
const OVER_PORT = 8097;
const SORRY_PORT = 8096;

/** What the rendering of a route's server needs of it. */
export interface Queue {
  scope: Scope;
  route: Pick<Route, 'service' | 'queueRequestsMs'>;
  port: Pick<RoutePort, 'name'>;
}

/** What the names of locations end with to which what a request has asked leads: of a port, whichever server it is in. */
function endingOf({ route, port }: Queue): string {
  return `_${portKey(route.service, port)}`;
}

function upstreamOf({ scope, route, port }: Queue): string {
  return `${portKey(waitingFlag(scope, route.service), port)}`;
}

/**
 * renderQueueServers renders what requests wait with, beside the server of a port: nothing where they do not. nginx has no
 * word for waiting. It has one for an answer that comes late on purpose (`auth_delay`) and one for asking the next server
 * of an upstream; so the upstream is one server, as often as there are looks.
 */
export function renderQueueServers(queue: Queue, isThere: (flag: string) => string): string {
  const { queueRequestsMs } = queue.route;
  if (queueRequestsMs === undefined) return '';
  const looks = Math.max(1, Math.min(LOOKS_MAX, Math.ceil(queueRequestsMs / LOOK_MS)));
  const name = upstreamOf(queue);
  const server = `    server 127.0.0.1:${WAIT_PORT} max_fails=0;\n`;
  return `upstream ${name} {
${server.repeat(looks)}    # When all looks are over.
    server 127.0.0.1:${OVER_PORT} backup;
    keepalive 256;
}
limit_conn_zone $server_name zone=${name}:64k;
server {
    listen 127.0.0.1:${WAIT_PORT};
    server_name ${name};
    access_log off;
    recursive_error_pages on;
    keepalive_requests 10000;
    location / {
        error_page 418 = @later;
        if (${isThere(waitingFlag(queue.scope, queue.route.service))}) { return 418; }
        add_header X-Accel-Redirect @go_on${endingOf(queue)};
        return 204;
    }
    location @later {
        limit_conn ${name} ${WAITING_MAX};
        limit_conn_status 429;
        auth_basic off_for_a_while;
        auth_basic_user_file /dev/null;
        auth_delay ${Math.ceil(queueRequestsMs / looks)}ms;
        error_page 401 =404 @not_yet;
        error_page 429 =204 @over;
    }
    location @not_yet { return 200 ""; }
    location @over {
        add_header X-Accel-Redirect @time_is_over${endingOf(queue)} always;
        return 204;
    }
}
server {
    listen 127.0.0.1:${OVER_PORT};
    server_name ${name};
    access_log off;
    location / {
        add_header X-Accel-Redirect @time_is_over${endingOf(queue)};
        return 204;
    }
}
server {
    listen 127.0.0.1:${SORRY_PORT};
    server_name ${name};
    access_log off;
    default_type text/plain;
    add_header Retry-After 5 always;
    return 503 "Not available for a moment. Please try again.\\n";
}
`;
}

/**
 * askFirst returns the lines with which a location has its requests wait; nothing where they do not. They stand in those
 * that pass requests to the app, so that others of the server stay open. `auth_request` lets everybody in; `satisfy any`
 * beside it would do so too.
 */
export function askFirst({ queueRequestsMs }: Pick<Route, 'queueRequestsMs'>, suffix: string): string[] {
  return queueRequestsMs === undefined ? [] : [`auth_request ${WAIT_PATH}${suffix};`];
}

/**
 * renderQueue renders how requests of a server wait: each asks first, before any of it reaches an app and before its body
 * is read. `side` says where requests go, and is said again when a request goes on: the new copy may stand elsewhere.
 */
export function renderQueue(
  queue: Queue,
  suffix: string,
  side: string,
  isThere: (flag: string) => string,
): string {
  if (queue.route.queueRequestsMs === undefined) return '';
  const name = upstreamOf(queue);
  const ending = endingOf(queue);
  const again = side.replaceAll(/^/gm, '    ').trimEnd();
  return `    location = ${WAIT_PATH}${suffix} {
        internal;
        error_page 418 = @wait${suffix};
        if (${isThere(waitingFlag(queue.scope, queue.route.service))}) { return 418; }
        return 204;
    }
    location @wait${suffix} {
        proxy_pass http://${name};
        proxy_set_header Host ${name};
        proxy_set_header Connection "";
        proxy_set_header Content-Length "";
        proxy_pass_request_headers off;
        proxy_pass_request_body off;
        proxy_buffer_size 4k;
        proxy_next_upstream error timeout http_404;
        proxy_next_upstream_tries 0;
        proxy_next_upstream_timeout 0;
    }
    location @go_on${ending} {
${again}
        return 204;
    }
    location @time_is_over${ending} {
        set $side 127.0.0.1:${SORRY_PORT};
        set $pooled "";
        set $single "";
        return 204;
    }
`;
}
