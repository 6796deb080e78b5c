import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SnippetLevel } from '../../../src/model/edge-options.ts';
import { checkSnippets } from '../../../src/model/snippets.ts';

const complaints = (level: SnippetLevel, text: string) =>
  checkSnippets({ [level]: { text } }).map(({ line, message }) => `${line}: ${message}`);

describe('lines of nginx that a service may have of its own', () => {
  test.each<[SnippetLevel, string]>([
    ['http', 'map $http_x $kind { default 1; "~^(a|b)$" 2; }'],
    ['http', 'geo $office { default 0; 192.0.2.0/24 1; }'],
    ['http', 'split_clients "$remote_addr" $variant { 10% a; * b; }'],
    ['http', 'limit_req_zone $limited_client zone=logins:1m rate=5r/s;'],
    ['server', 'location = /robots.txt { return 200 "none"; }'],
    ['server', 'location ~* "\\.php$" { add_header X-A 1; return 404; }'],
    ['server', 'add_header X-A 1;'],
    ['location', 'expires 1h;\nproxy_set_header X-Tenant acme;'],
    ['location', 'rewrite ^/v1/(.*)$ /$1 break;'],
    ['location', 'if ($arg_a = "b c") { return 302 https://example.com/; }'],
    ['location', 'set $a "(?<=x)"; set $args "a=1";'],
    ['location', '# nothing'],
  ])('%s: %s', (level, text) => {
    expect(complaints(level, text)).toEqual([]);
  });

  test.each<[SnippetLevel, string, string]>([
    ['location', 'expires 1h;\n}', '2: unexpected "}"'],
    ['location', 'expires 1h;\n\nadd_header X "a;', '3: unexpected "\\""'],
    ['location', 'expires 1h', '1: unexpected end of file'],
    ['location', 'expires 1h; } server { listen 80;', '1: unexpected "}"'],
    ...[
      'proxy_pass http://127.0.0.1:8099;',
      'include /etc/switchyard/flag_access.conf;',
      'root /etc/switchyard_keys;',
      'alias /;',
      'access_log /dev/full;',
      'error_log /tmp/x debug;',
      'proxy_store on;',
      'dav_methods PUT;',
      'auth_basic off;',
      'resolver 192.0.2.1;',
      'proxy_next_upstream non_idempotent;',
      'proxy_intercept_errors on;',
      'lua_code_cache off;',
      'js_content a.b;',
      'perl "sub {}";',
      'return 200;',
    ].map((text): [SnippetLevel, string, string] => [
      'server',
      text,
      `1: ${JSON.stringify(text.split(' ')[0])} may not stand here`,
    ]),
    ...[
      'server { listen 80; }',
      'upstream shop { server 10.0.0.1; }',
      'lua_shared_dict a 1g;',
      'gzip on;',
    ].map((text): [SnippetLevel, string, string] => [
      'http',
      text,
      `1: ${JSON.stringify(text.split(' ')[0])} may not stand here`,
    ]),
    ['http', 'map $a $b {\n default 1;\n include /etc/passwd;\n}', '3: "include" may not stand here'],
    ['http', 'map $a b { default 1; }', '1: map needs a $name'],
    ['http', 'map $a $b;', '1: map needs a block'],
    ['http', 'limit_req_zone $a zone=b:1g rate=1r/s;', '1: limit_req_zone needs zone=NAME:SIZE'],
    ['http', 'limit_req_zone $a zone=b:11m rate=1r/s;', '1: zone b is larger than 10m'],
    [
      'location',
      'limit_req zone=rate_shop_production_web;',
      '1: there is no zone "rate_shop_production_web"',
    ],
    ['location', 'limit_conn other 1;', '1: there is no zone "other"'],
    ['location', 'proxy_set_header Host evil;', '1: Host is told by the edge'],
    ['location', 'proxy_set_header X_Forwarded_For 1;', '1: X_Forwarded_For is told by the edge'],
    ['location', 'proxy_set_header Content-Length 1;', '1: Content-Length is told by the edge'],
    [
      'location',
      'add_header Content-Length 1;',
      '1: Content-Length is not set here: nginx and the app say it',
    ],
    ['location', 'add_header X-Frame-Options DENY;', '1: X-Frame-Options would be there twice'],
    ['location', 'rewrite ^/a /b last;', '1: rewrite needs "break", "redirect" or "permanent" at its end'],
    ['location', 'rewrite ^/a /b;', '1: rewrite needs "break", "redirect" or "permanent" at its end'],
    ['location', 'rewrite ^/(?<side>.*) /b break;', '1: a group may have no name'],
    ['location', 'if ($uri ~ "(?P<is_probe>.)") { return 403; }', '1: a group may have no name'],
    [
      'location',
      'if (-f /etc/switchyard/flag_access.conf) { return 403; }',
      "1: a file of the edge is nobody else's affair",
    ],
    ['location', 'if ($a) { proxy_set_header A b; }', '1: "proxy_set_header" may not stand here'],
    ['location', 'add_header X $http_switchyard_token;', "1: the token of the edge is nobody else's affair"],
    [
      'location',
      'add_header X "${http_SWITCHYARD_token}";',
      "1: the token of the edge is nobody else's affair",
    ],
    ['location', 'add_header X $own_0123456789_kind;', '1: no variable begins with own_'],
    ['server', 'proxy_ignore_headers X-Accel-Redirect;', '1: X-Accel-Redirect is needed by the edge'],
    ['location', 'location /a { return 200; }', '1: "location" may not stand here'],
    ['server', 'location / { return 200; }', '1: all paths belong to the service'],
    ['server', 'location @again { return 200; }', '1: a location begins with /, and "@again" does not'],
    ['server', 'location /a { expires 1h; }', '1: location /a answers nothing'],
    ['server', 'location /a {\n proxy_pass http://b;\n return 1; }', '2: "proxy_pass" may not stand here'],
    [
      'server',
      'location ^~ /.well-known/switchyard/ { return 200; }',
      '1: /.well-known/switchyard/ is kept for the edge',
    ],
    ['location', 'add_header X "a\u0000b";', '1: holds a control character'],
  ])('%s: %s is refused', (level, text, expected) => {
    expect(complaints(level, text)).toEqual([expected]);
  });

  test('what has a key of its own is named', () => {
    const [mistake] = checkSnippets({ location: { text: 'client_max_body_size 1g;' } });
    expect(mistake?.hint).toBe('The key max_body_size does that.');
  });

  test('zones of http are known everywhere', () => {
    const http = { text: 'limit_conn_zone $host zone=a:64k;' };
    expect(checkSnippets({ http, location: { text: 'limit_conn a 1;' } })).toEqual([]);
  });

  test('any text is refused or taken, and none breaks the reader', () => {
    const piece = fc.constantFrom(
      'map',
      '$a',
      '{',
      '}',
      ';',
      '"',
      "'",
      '\\',
      '#',
      '\n',
      ' ',
      'return',
      'location',
      '/',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        for (const level of ['http', 'server', 'location'] as const)
          for (const { line } of checkSnippets({ [level]: { text: pieces.join(' ') } }))
            expect(line).toBeGreaterThan(0);
      }),
      { numRuns: 300, seed: 3 },
    );
  });
});
