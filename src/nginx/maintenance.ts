import { type Scope, scopeName } from '../model/names.ts';
import { type MaintenanceSpec, specHash } from '../model/spec.ts';
import { type Route, type RoutePort, servedPorts } from './routes.ts';
import { maintenanceFlag } from './standing-flags.ts';

/** Where the answers of maintenance are, for nobody but the edge itself. */
const PATH = '/.well-known/switchyard/maintenance';
/** Where requests ask whether they have to wait, for nobody but nginx itself; see `renderQueue`. */
export const WAIT_PATH = '/.well-known/switchyard/wait';
/** No app and no nginx answers with it. */
const CODE = 520;
const DEFAULTS: MaintenanceSpec = { isOn: false, allow: [], retryAfterMs: 600_000, status: 503 };

/** In one string of nginx: without a quote, a backslash or a dollar, and below 4 KB. */
const PAGE = [
  '<!doctype html>',
  '<html lang="en">',
  '<meta charset="utf-8">',
  '<meta name="viewport" content="width=device-width, initial-scale=1">',
  '<meta name="robots" content="noindex">',
  '<title>Back soon</title>',
  '<style>',
  ':root{color-scheme:light dark}',
  'body{margin:0;min-height:100vh;display:grid;place-items:center;font:1.1rem/1.6 system-ui,sans-serif}',
  'main{max-width:32rem;padding:2rem;text-align:center}',
  'h1{font-size:1.8rem;margin:0 0 .5rem}',
  '</style>',
  '<main>',
  '<h1>We will be right back</h1>',
  '<p>This site is being worked on at the moment. Please try again in a few minutes.</p>',
  '</main>',
  '</html>',
].join('');

/**
 * What the edge answers itself is not in maintenance: balancers are told how the server does, a certificate authority gets
 * its proof. Nor are the requests by which a run sees what the app answers. Who takes nothing but JSON gets JSON.
 */
export const MAINTENANCE_MAPS = `    map "$is_probe$uri" $is_never_maintained { volatile; default ''; "~^1" 1; "~^/\\.well-known/(?:acme-challenge/|switchyard/(?:health|wait|maintenance\\.(?:html|json))$)" 1; }
    map $http_accept $maintenance_form { default html; "~*^(?!.*(?:text/html|\\*/\\*)).*\\bapplication/(?:[\\w.-]+\\+)?json" json; }
    map '' $maintenance_page { default '${PAGE}'; }
`;

/** Where the page of a service is that has one of its own, below a folder. */
function pageFile(scope: Scope, service: string): string {
  return `page/${scopeName(scope)}/${service}.html`;
}

/** pageFiles returns the page of a route, by its path; nothing includes it. */
export function pageFiles(scope: Scope, { service, maintenance }: Route): [path: string, content: string][] {
  return maintenance?.page === undefined ? [] : [[pageFile(scope, service), maintenance.page]];
}

/** renderPassers renders which clients pass, for the variable that `renderMaintenance` asks; nothing where nobody does. */
export function renderPassers(scope: Scope, port: Pick<RoutePort, 'name'>, route: Route): string {
  const { service, maintenance } = route;
  const { allow } = maintenance ?? DEFAULTS;
  // Ports of a service share it.
  if (allow.length === 0 || port.name !== servedPorts('edge', route)[0]?.name) return '';
  const ranges = allow.map((range) => `    ${range} 1;\n`);
  return `geo ${passes(scope, service)} {\n    default '';\n${ranges.join('')}}\n`;
}

/**
 * renderMaintenance renders when users of a service get a page, and where it is: where the file says so, or a flag is there.
 * What is open stays open. The lines stand in a server of its own before all locations, and in one that it shares with
 * others in the locations of its paths alone; `suffix` is what names end with there.
 */
export function renderMaintenance(
  scope: Scope,
  { service, maintenance }: Route,
  suffix: string,
  isThere: (flag: string) => string,
): string[] {
  const { isOn, allow, status } = maintenance ?? DEFAULTS;
  const begin = isOn
    ? ['set $maintained 1;']
    : ["set $maintained '';", `if (${isThere(maintenanceFlag(scope, service))}) { set $maintained 1; }`];
  return [
    ...begin,
    "if ($is_never_maintained) { set $maintained ''; }",
    ...(allow.length === 0 ? [] : [`if (${passes(scope, service)}) { set $maintained ''; }`]),
    `error_page ${CODE} =${status} ${PATH}${suffix}.$maintenance_form;`,
    `if ($maintained) { return ${CODE}; }`,
  ];
}

/**
 * renderMaintenanceAnswers renders the locations to which `renderMaintenance` leads. `inherited` are the headers of their
 * server: nginx forgets them where a location has headers of its own.
 */
export function renderMaintenanceAnswers(
  scope: Scope,
  { service, maintenance }: Route,
  suffix: string,
  inherited: readonly string[],
): string {
  const { retryAfterMs, status, page } = maintenance ?? DEFAULTS;
  const headers = [
    `add_header Retry-After ${Math.ceil(retryAfterMs / 1000)} always;`,
    'add_header Cache-Control no-store always;',
    ...inherited,
  ]
    .map((line) => `        ${line}\n`)
    .join('');
  // A file answers GET alone, which is what every request has become here.
  const html =
    page === undefined
      ? `        return ${status} $maintenance_page;\n`
      : `        alias $config_folder/${pageFile(scope, service)};\n`;
  return `    location = ${PATH}${suffix}.html {
        internal;
        auth_basic off;
        types { }
        default_type "text/html; charset=utf-8";
${headers}${html}    }
    location = ${PATH}${suffix}.json {
        internal;
        types { }
        default_type application/json;
${headers}        return ${status} '{"status":${status},"error":"maintenance","retry_after":${Math.ceil(retryAfterMs / 1000)}}\\n';
    }
`;
}

/** No name of a variable has a hyphen, which names of services may have. */
function passes(scope: Scope, service: string): string {
  return `$passes_${specHash([scopeName(scope), service])}`;
}
