import { describe, expect, test } from '@jest/globals';
import { servedNames } from '../../../src/nginx/served-names.ts';

/** names returns `port name` for all that a configuration serves, with `s` behind the port of HTTPS. */
function names(config: string): string[] {
  return servedNames(config).map(({ port, name, isTls }) => `${port}${isTls ? 's' : ''} ${name}`);
}

const http = (...servers: string[]) => `events {} http { ${servers.join('\n')} }`;
const PASS = 'location / { proxy_pass http://app:3000; }';

describe('what an nginx serves', () => {
  test('every name on every port that its server listens on', () => {
    expect(
      names(http(`server { listen 80; listen [::]:8080; server_name a.example B.example; ${PASS} }`)),
    ).toEqual(['80 a.example', '80 b.example', '8080 a.example', '8080 b.example']);
  });

  test.each([
    ['80', ['80']],
    ['127.0.0.1:81', ['81']],
    ['*:82 default_server', ['82']],
    ['example.com', ['80']],
    ['443 ssl', ['443s']],
    ['unix:/run/app.sock', []],
  ])('listen %s', (listen, ports) => {
    expect(names(http(`server { listen ${listen}; server_name a; ${PASS} }`))).toEqual(
      ports.map((port) => `${port} a`),
    );
  });

  test('a server without listen has port 80, and one without names serves whoever asks', () => {
    expect(names(http(`server { ${PASS} }`))).toEqual(['80 _']);
    expect(names(http(`server { server_name _; ${PASS} }`))).toEqual(['80 _']);
    expect(names(http(`server { server_name ""; ${PASS} }`))).toEqual(['80 _']);
  });

  test('a server that only says no, and the page of a fresh nginx, are no loss', () => {
    expect(names(http('server { listen 80 default_server; return 444; }'))).toEqual([]);
    expect(
      names(http('server { server_name localhost; location / { root /usr/share/nginx/html; } }')),
    ).toEqual([]);
    expect(names(http(`server { server_name localhost; ${PASS} }`))).toEqual(['80 _']);
    expect(names(http('server { server_name old.example; return 301 https://new.example; }'))).toEqual([
      '80 old.example',
    ]);
  });

  test('comments, quotes and maps with braces do not confuse it', () => {
    const config = `
      # server { server_name commented.example; }
      http {
        map $http_upgrade $up { default "}"; '' 'close;'; }
        server { listen 80; server_name "q.example" ~^(?<x>.+)\\.re$; # server_name not.this;
          location ~ "^/x{2}" { proxy_pass http://\${x}; } }
      }`;
    expect(names(config)).toEqual(['80 q.example', '80 ~^(?<x>.+)\\.re$']);
  });

  test('files that are included, as `nginx -T` prints them: each for itself', () => {
    const dump = `# configuration file /etc/nginx/nginx.conf:
events {}
http {
    include mime.types;
    include /etc/nginx/conf.d/*.conf;
}
stream { include streams/*; }
# configuration file /etc/nginx/mime.types:
types { text/html html; }
# configuration file /etc/nginx/conf.d/shop.conf:
server { listen 80; server_name shop.example; include snippets/pass.conf; }
# configuration file /etc/nginx/snippets/pass.conf:
${PASS}
# configuration file /etc/nginx/streams/db:
server { listen 5432; proxy_pass db:5432; }
`;
    expect(names(dump)).toEqual(['80 shop.example', '5432 _']);
  });

  test('a block of Lua, which is no configuration, hides nothing that follows', () => {
    const lua = 'location /lua { content_by_lua_block { ngx.say("it" .. "s") } }';
    expect(
      names(http(`server { listen 80; server_name a; ${lua} } server { server_name b; ${PASS} }`)),
    ).toEqual(['80 a', '80 b']);
  });

  test('a stream serves whoever connects', () => {
    expect(names('stream { server { listen 80; proxy_pass db:5432; } }')).toEqual(['80 _']);
  });

  test('its certificates, by themselves or for all, by paths from the folder of the main file', () => {
    const dump = `# configuration file /etc/nginx/nginx.conf:
http {
  ssl_certificate all.crt;
  ssl_certificate_key all.key;
  server { listen 443 ssl; server_name a; ${PASS} }
  server { listen 80; server_name a; ${PASS} }
  include conf.d/b.conf;
}
# configuration file /etc/nginx/conf.d/b.conf:
server {
  listen 443 ssl;
  server_name b;
  ssl_certificate /tls/rsa.crt; ssl_certificate_key /tls/rsa.key;
  ssl_certificate /tls/ec.crt; ssl_certificate_key data:$key;
  ssl_verify_client on;
  ${PASS}
}
`;
    const all = { certificate: '/etc/nginx/all.crt', key: '/etc/nginx/all.key' };
    expect(servedNames(dump)).toEqual([
      { port: 443, name: 'a', isTls: true, certificates: [all] },
      { port: 80, name: 'a', isTls: false },
      {
        port: 443,
        name: 'b',
        isTls: true,
        certificates: [
          { certificate: '/tls/rsa.crt', key: '/tls/rsa.key' },
          { certificate: '/tls/ec.crt', key: 'data:$key' },
        ],
        asksClients: true,
      },
    ]);
  });

  test('HTTPS also where older servers say so by a line of their own', () => {
    expect(names(http(`ssl on; server { listen 8443; server_name a; ${PASS} }`))).toEqual(['8443s a']);
  });
});
