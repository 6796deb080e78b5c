/** Above 1024, so that it needs no right to be opened. */
export const PORT = 8080;

/** Where the site is in the image, and where that of the image before. */
export const SITE = '/srv/site';
export const BEFORE = '/srv/before';

/** Where the configuration lies, and what it includes where it is there. */
export const CONFIG = '/etc/nginx/site.conf';
export const SNIPPET = '/etc/nginx/site-snippet.conf';
export const COMPRESSION = '/etc/nginx/site-compression.conf';

/** How a site is served. */
export interface SiteServing {
  /** A path that there is no file for is answered with the first page. */
  isSinglePage: boolean;
  /** Tools have named its files, and not people. */
  isBuilt: boolean;
  /** Lines for `server` that the folder brings. */
  snippet: string | undefined;
}

const FOREVER = '"public, max-age=31536000, immutable"';

/** What a page asks for beside other pages. */
const ASSET = '\\.(?:js|mjs|css|map|json|wasm|woff2?|png|jpe?g|gif|svg|webp|avif|ico)$';

/** What gets smaller by being compressed. */
export const COMPRESSED = ['html', 'css', 'js', 'mjs', 'json', 'map', 'svg', 'xml', 'txt', 'wasm'];

/** An nginx with this module compresses by itself: a file that is compressed already would be sent before. */
export const BROTLI = [
  'brotli on;',
  'gzip on;',
  'gzip_vary on;',
  ...['brotli', 'gzip'].map(
    (name) =>
      `${name}_types text/css text/plain text/javascript application/javascript application/json application/wasm image/svg+xml;`,
  ),
];

/**
 * siteConfig returns the lines of the configuration of nginx for a site. It writes to `/tmp` alone, so that it runs as any
 * user and on a root that is read-only. No line has a single quote. Pure.
 */
export function siteConfig({ isSinglePage, isBuilt, snippet }: SiteServing): string[] {
  const hasRoot = snippet !== undefined && /\blocation\s+\/\s*\{/.test(snippet);
  return [
    // Debian has its modules loaded there.
    'include /etc/nginx/modules-enabled/*.conf;',
    'worker_processes auto;',
    'daemon off;',
    'pid /tmp/nginx.pid;',
    'error_log /dev/stderr warn;',
    'events { worker_connections 1024; }',
    'http {',
    ...indented([
      'include /etc/nginx/mime.types;',
      'default_type application/octet-stream;',
      ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (name) => `${name}_temp_path /tmp/${name};`,
      ),
      // The edge has a log of them.
      'access_log off;',
      'server_tokens off;',
      'sendfile on;',
      'tcp_nopush on;',
      `include ${COMPRESSION};`,
      // A file whose name has a hash of its content never changes; all else is asked for again, and sent if it has changed.
      'map $uri $kept {',
      ...indented([
        'default no-cache;',
        `"~^/(?:_next/static|_nuxt|_astro|_app/immutable)/" ${FOREVER};`,
        `"~[.-](?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,}\\.(?:chunk\\.)?[a-z0-9]+$" ${FOREVER};`,
        ...(isBuilt ? [`"~-(?=[a-z-]*[0-9A-Z_])[\\w-]{8}\\.[a-z0-9]+$" ${FOREVER};`] : []),
      ]),
      '}',
      'server {',
      ...indented([
        `listen ${PORT};`,
        `root ${SITE};`,
        'absolute_redirect off;',
        'add_header Cache-Control $kept;',
        'add_header X-Content-Type-Options nosniff;',
        ...(isSinglePage ? [] : ['error_page 404 /404.html;']),
        ...(snippet === undefined ? [] : [`include ${SNIPPET};`]),
        ...(hasRoot ? [] : [`location / { try_files ${triesOf(isSinglePage)}; }`]),
        'location ~ /\\.(?!well-known/) { return 404; }',
        // The first page in place of a script would confuse a browser; the one of the image before is what it wants.
        `location ~ "${ASSET}" { try_files $uri @before; }`,
        `location @before { root ${BEFORE}; try_files $uri =404; }`,
      ]),
      '}',
    ]),
    '}',
  ];
}

function triesOf(isSinglePage: boolean): string {
  return isSinglePage ? '$uri $uri/index.html /index.html' : '$uri $uri/ $uri.html =404';
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
