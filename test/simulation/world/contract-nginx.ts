import { expect } from '@jest/globals';
import { connectionsTo } from '../../../src/deploy/steps/connections.ts';
import type { Server } from '../../../src/fleet/server.ts';
import { readFrontCertificate, readFrontPair } from '../../../src/nginx/front-certificates.ts';
import { servedNames } from '../../../src/nginx/served-names.ts';
import { type Case, type Given, start, until } from './contract.ts';
import { signedCertificate } from './signed.ts';

const FOLDER = '/etc/switchyard';
const PORT = 8099;
const STREAM_PORT = 8098;
/** Made before: to make one takes time that no virtual clock knows of. */
const PAIR = await signedCertificate(['a.example.com'], { now: Date.now() });

/** NGINX_CONTRACT is what the product relies on of nginx, in a network of an engine. */
export const NGINX_CONTRACT: readonly Case[] = [
  {
    title: 'nginx says what is wrong with a configuration, and takes what is right',
    async run(given, own) {
      const nginx = await startNginx(given, own, { main: answering('one') });
      expect(await nginx.test('nginx.conf')).toBe('');
      const refused = async (text: string) => {
        await nginx.write({ other: text });
        return await nginx.test('other');
      };
      expect(await refused(config({ http: 'nonsense on;' }))).toMatch(
        /\[emerg\] .*unknown directive "nonsense"/,
      );
      expect(await refused(config({ http: 'server { location / { expires soon; } }' }))).toMatch(
        /\[emerg\] .*"expires" directive invalid value/,
      );
      expect(await refused(`${config({})} }`)).toMatch(/\[emerg\] .*unexpected "}"/);
      expect(await refused('http {')).toMatch(/\[emerg\] .*unexpected end of file/);
      expect(await refused(`include ${FOLDER}/none.conf;\n${config({})}`)).toMatch(/\[emerg\] .*none\.conf/);
      const unknown = config({ http: 'server { listen 81; location / { proxy_pass http://nowhere; } }' });
      expect(await refused(unknown)).toMatch(/\[emerg\] .*host not found in upstream "nowhere"/);
      const twice = 'upstream a { server 127.0.0.1:1; } upstream a { server 127.0.0.1:1; }';
      expect(await refused(config({ http: twice }))).toMatch(/\[emerg\] .*duplicate upstream "a"/);
    },
  },
  {
    title: 'a password is asked for where a variable says so, and a header is left out where it is empty',
    async run(given, own) {
      const twice = `map $host $realm { default Restricted; open.example.com off; }`;
      const nginx = await startNginx(given, own, {
        main: config({
          http: `${identity('one')} ${twice} ${twice}
          map $http_switchyard_token $told { default ''; open told; }
          server { listen 8097; location / { return 204; } }
          server { listen 8096; auth_basic $realm; auth_basic_user_file ${FOLDER}/$server_port.conf;
            add_header X-Told $told always;
            location / { proxy_pass http://127.0.0.1:8097; } }`,
        }),
        8096: 'anna:{PLAIN}open-sesame\n',
      });
      const ask = async (headers: Record<string, string>, host = 'shop.example.com') => {
        const target = { address: nginx.address, port: 8096, path: '/', host, headers };
        const answer = await given.server.http.get(target, 5_000);
        return [answer.status, answer.headers['x-told']];
      };
      const authorization = `Basic ${Buffer.from('anna:open-sesame').toString('base64')}`;
      expect(await ask({})).toEqual([401, undefined]);
      expect(await ask({ authorization })).toEqual([204, undefined]);
      expect(await ask({ 'switchyard-token': 'open' }, 'open.example.com')).toEqual([204, 'told']);
    },
  },
  {
    title:
      'what lies beside an nginx is read in its container: certificates alone, whether a key says that it is encrypted, and a key',
    async run(given, own) {
      const { chain, privateKey } = PAIR;
      await startNginx(given, own, {
        main: answering('one'),
        both: `${privateKey}${chain}`,
        encrypted: '-----BEGIN ENCRYPTED PRIVATE KEY-----\n',
      });
      const front = { server: given.server, id: own };
      const path = (name: string) => `${FOLDER}/${name}.conf`;
      const both = { certificate: path('both'), key: path('both') };
      expect(await readFrontCertificate(front, both)).toEqual({ ...both, chain });
      expect(await readFrontPair(front, both)).toEqual({ chain, privateKey });
      const lacking = { certificate: path('none'), key: path('none') };
      const unreadable = { ...lacking, chain: '', keyFault: 'unreadable' };
      expect(await readFrontCertificate(front, lacking)).toEqual(unreadable);
      const encrypted = { ...both, key: path('encrypted') };
      expect(await readFrontCertificate(front, encrypted)).toMatchObject({ keyFault: 'encrypted' });
    },
  },
  {
    title: 'a HUP makes nginx serve what lies there, and a broken configuration changes nothing',
    async run(given, own) {
      const nginx = await startNginx(given, own, { main: answering('one') });
      expect(await nginx.ask('/identity')).toMatchObject({ status: 200, body: 'one' });
      await nginx.write({ main: answering('two') });
      await given.clock.sleep(300);
      expect((await nginx.ask('/identity')).body).toBe('one');
      await nginx.reload();
      await until(given.clock, async () => (await nginx.ask('/identity')).body === 'two' || undefined);
      await nginx.write({ main: 'nonsense;' });
      await nginx.reload();
      await until(given.clock, async () => /\[emerg\]/.test(await nginx.complaints()) || undefined);
      expect((await nginx.ask('/identity')).body).toBe('two');
    },
  },
  {
    title: 'an nginx that cannot read its configuration ends, and is started again and again',
    async run({ server: { engine }, images, clock }, own) {
      await startNginx(
        { server: { engine }, images } as Given,
        own,
        { main: 'nonsense;' },
        { awaitsAnswer: false },
      );
      const found = await until(clock, async () => {
        const one = await engine.inspectContainer(own);
        return (one.RestartCount ?? 0) > 0 ? one : undefined;
      });
      expect(found.State?.Running).toBe(true);
      expect((await engine.logs(own, { tail: 5 })).stderr).toMatch(
        /\[emerg\] .*unknown directive "nonsense"/,
      );
    },
  },
  {
    title: 'a HUP is no stop: an nginx that crashes after it is started again',
    async run(given, own) {
      const nginx = await startNginx(given, own, { main: answering('one') });
      await nginx.reload();
      await given.crash(own);
      await until(given.clock, async () => {
        const { RestartCount } = await given.server.engine.inspectContainer(own);
        return (RestartCount === 1 && (await nginx.answers())) || undefined;
      });
    },
  },
  {
    title: 'a port that is taken keeps the whole configuration from coming to life',
    async run(given, own) {
      const nginx = await startNginx(given, own, { main: answering('one') });
      const { engine } = given.server;
      await start(engine, `${own}_holder`, {
        Image: given.images.app,
        Env: ['PORT=8097'],
        HostConfig: { NetworkMode: `container:${own}` },
      });
      const said = async () => (await engine.logs(`${own}_holder`, { tail: 1 })).stdout;
      await until(given.clock, async () => /listening/.test(await said()) || undefined);
      await nginx.write({ main: config({ http: `${identity('two')} server { listen 8097; return 204; }` }) });
      expect(await nginx.test('main')).toBe('');
      await nginx.reload();
      await until(
        given.clock,
        async () => /still could not bind/.test(await nginx.complaints()) || undefined,
      );
      expect(await nginx.complaints()).toMatch(/\[emerg\] .*bind\(\) to 0\.0\.0\.0:8097 failed \(98: /);
      expect((await nginx.ask('/identity')).body).toBe('one');
    },
  },
  {
    title: 'names, ports and paths decide who answers, and what is passed on may be for the own server alone',
    async run(given, own) {
      const servers = `
        server { listen 8090 default_server; return 404; }
        server { listen 8090; server_name one.example.com *.two.example.com; location / { return 200 "first"; } }
        server { listen 8090; server_name x.two.example.com; location / { return 200 "third"; }
          location = /exact { return 201 "exact"; } location /long { return 202 "long"; } }
        server { listen 8091; allow 192.0.2.1; deny all; location / { proxy_pass http://127.0.0.1:8090; }
          location = /returned { return 200 "everybody"; } }
        server { listen 8092; allow GATEWAY; deny all; location / { proxy_pass http://127.0.0.1:8090; } }`;
      const { engine } = given.server;
      await engine.createNetwork({ Name: own, Driver: 'bridge' });
      const gateway = (await engine.findNetwork(own))?.IPAM?.Config?.[0]?.Gateway ?? '';
      const main = config({ http: identity('one') + servers.replace('GATEWAY', gateway) });
      const nginx = await startNginx(given, own, { main });
      const ask = async (host: string, path = '/', port = 8090) => {
        const { status, body } = await nginx.ask(path, { host, port });
        return `${status} ${/^[a-z]*$/.test(body) ? body : ''}`.trim();
      };
      expect([
        await ask('one.example.com'),
        await ask('y.two.example.com'),
        await ask('x.two.example.com'),
        await ask('x.two.example.com', '/exact'),
        await ask('x.two.example.com', '/exact/no'),
        await ask('x.two.example.com', '/long/path'),
        await ask('other.example.com'),
        await ask('any', '/', 8091),
        await ask('any', '/', 8092),
        await ask('any', '/returned', 8091),
      ]).toEqual([
        '200 first',
        '200 first',
        '200 third',
        '201 exact',
        '200 third',
        '202 long',
        '404',
        '403',
        '404',
        '200 everybody',
      ]);
      const { stdout } = await engine.exec(own, ['nginx', '-T', '-c', `${FOLDER}/nginx.conf`]);
      expect(servedNames(stdout).map(({ name, port }) => `${name}:${port}`)).toEqual(
        expect.arrayContaining(['one.example.com:8090', '*.two.example.com:8090', 'x.two.example.com:8090']),
      );
    },
  },
  {
    title: 'a flag is put and taken away by those who have the word, and counts from the next request on',
    async run(given, own) {
      const http = `${identity('one')}
        server { listen 8090; return 200 "first"; }
        server { listen 8091; return 200 "second"; }
        upstream first { server 127.0.0.1:8090; }
        upstream second { server 127.0.0.1:8091; }
        server { listen 8092;
          location / { set $side first; if (-f ${FOLDER}/flags/shop.web) { set $side second; }
            rewrite ^/prove/[^/]+(/.*)$ $1 break; proxy_pass http://\${side}; }
          location /flags/ { if ($http_switchyard_token != "open") { return 403; } alias ${FOLDER}/flags/;
            client_body_temp_path ${FOLDER}/flags; dav_methods PUT DELETE; } }`;
      const nginx = await startNginx(given, own, { main: config({ http }) });
      const target = { address: nginx.address, port: 8092, path: '/flags/shop.web' };
      const { http: over } = given.server;
      const told = { ...target, headers: { 'switchyard-token': 'open' } };
      const answers = async () => (await nginx.ask('/prove/web/any', { port: 8092 })).body;
      expect(await answers()).toBe('first');
      expect((await over.put(target, 'x', 5_000)).status).toBe(403);
      expect([(await over.put(told, 'x', 5_000)).status, await answers()]).toEqual([201, 'second']);
      expect([(await over.put(told, 'x', 5_000)).status, await answers()]).toEqual([204, 'second']);
      const files = await given.server.engine.readFiles(own, FOLDER);
      expect([...files.keys()].filter((path) => path.includes('/flags/'))).toEqual([
        'switchyard/flags/shop.web',
      ]);
      expect([(await over.delete(told, 5_000)).status, await answers()]).toEqual([204, 'first']);
      expect((await over.delete(told, 5_000)).status).toBe(404);
      const { date } = (await nginx.ask('/identity')).headers;
      expect(Math.abs(Date.parse(String(date)) - given.clock.now())).toBeLessThan(120_000);
    },
  },
  {
    title: 'an answer is put together of a file and of the path that was asked for',
    async run(given, own) {
      const http = `${identity('one')}
        server { listen 8090; location ^~ /asked/ { default_type text/plain; ssi on; ssi_types text/plain;
          root ${FOLDER}/answers; rewrite "^/asked/(?<token>[A-Za-z0-9_-]+)$" /shop.conf break; return 404; } }`;
      const nginx = await startNginx(given, own, {
        main: config({ http }),
        'answers/shop': '<!--# echo var="token" -->.rest',
      });
      const ask = async (path: string) => {
        const { status, body } = await nginx.ask(path, { port: 8090 });
        return status === 200 ? body : status;
      };
      expect(await ask('/asked/some_token-1')).toBe('some_token-1.rest');
      expect([await ask('/asked/'), await ask('/asked/a/b')]).toEqual([404, 404]);
    },
  },
  {
    title: 'a location has a path and what is below it, and says by a pattern what of it is passed on',
    async run(given, own) {
      const entry = (name: string) => `
          if ($request_uri !~ "^/${name}(?:[/?]|$)") { return 400; }
          set $passed "";
          if ($request_uri ~ "^/${name}/?(?<rest>.*)$") { set $passed "/$rest"; }
          set $group first;
          if (-f ${FOLDER}/flags/shop.${name}) { set $group second; }
          proxy_pass http://$group$passed;`;
      const http = `${identity('one')}
        server { listen 8090; location / { return 200 "root"; } location /users { return 200 "users"; } }
        server { listen 8091; return 200 "second"; }
        upstream first { server 127.0.0.1:8090; }
        upstream second { server 127.0.0.1:8091; }
        server { listen 8092;
          location = /api {${entry('api')} } location /api/ {${entry('api')} }
          location = /old { if ($request_uri ~ "^/old(?<rest>.*)$") { return 200 "new$rest"; } }
          location / { set $passed ""; proxy_pass http://second$passed; }
          location /flags/ { alias ${FOLDER}/flags/; client_body_temp_path ${FOLDER}/flags; dav_methods PUT DELETE; } }`;
      const nginx = await startNginx(given, own, { main: config({ http }) });
      const answers = async (path: string) => (await nginx.ask(path, { port: 8092 })).body;
      const all = ['/api', '/api/', '/api?x', '/api/users', '/api/users?x', '/apiary', '/old?x'];
      expect(await Promise.all(all.map(answers))).toEqual([
        'root',
        'root',
        'root',
        'users',
        'users',
        'second',
        'new?x',
      ]);
      const flag = { address: nginx.address, port: 8092, path: '/flags/shop.api' };
      expect((await given.server.http.put(flag, 'x', 5_000)).status).toBe(201);
      expect([await answers('/api/users'), await answers('/api')]).toEqual(['second', 'second']);
    },
  },
  {
    title: 'what a server returns may be answered at another path of it, with another status',
    async run(given, own) {
      const http = `${identity('one')}
        map $uri $is_let_in { volatile; default ''; "~^/(?:open|sorry)$" 1; }
        server { listen 8090; set $closed 1; if ($is_let_in) { set $closed ''; }
          error_page 520 =503 /sorry; if ($closed) { return 520; }
          location = /sorry { internal; add_header X-Closed yes always; return 404 "sorry"; }
          location = /open { return 200 "open"; } }`;
      const nginx = await startNginx(given, own, { main: config({ http }) });
      const told = async (path: string) => {
        const { status, body, headers } = await nginx.ask(path, { port: 8090 });
        return [status, body, headers['x-closed']];
      };
      expect(await told('/any')).toEqual([503, 'sorry', 'yes']);
      expect(await told('/open')).toEqual([200, 'open', undefined]);
    },
  },
  {
    title: 'names and maps know patterns, which come after texts',
    async run(given, own) {
      const http = `${identity('one')}
        map $host $told { default none; "~^(\\w+)\\.two\\." $1; one.example.com text; "~^one" pattern; }
        server { listen 8090 default_server; return 404; }
        server { listen 8090; server_name four.example.com; location / { return 200 "four"; } }
        server { listen 8090; server_name ~^ ""; location / { return 200 "$told"; } }`;
      const nginx = await startNginx(given, own, { main: config({ http }) });
      const told = async (host: string) => (await nginx.ask('/', { host, port: 8090 })).body;
      const hosts = [
        'one.example.com',
        'one.example.org',
        'x.two.example.com',
        'three.com',
        'four.example.com',
      ];
      expect(await Promise.all(hosts.map(told))).toEqual(['text', 'pattern', 'x', 'none', 'four']);
    },
  },
  {
    title: 'a backup gets nothing while a primary answers, and everything when none does',
    async run(given, own) {
      const backends = `server ${own}_a:3000 resolve max_fails=0; server ${own}_b:3000 resolve max_fails=0 backup;`;
      const nginx = await startNginx(given, own, { main: passing(backends) });
      const a = await nginx.backend('a');
      const b = await nginx.backend('b');
      await until(given.clock, async () => (await nginx.whoAnswers()) === a || undefined);
      expect(await nginx.whoAnswer(6)).toEqual(new Set([a]));
      await given.server.engine.stopContainer(`${own}_a`, 5);
      await until(given.clock, async () => (await nginx.whoAnswers()) === b || undefined);
      expect(await nginx.whoAnswer(6)).toEqual(new Set([b]));
      await given.server.engine.stopContainer(`${own}_b`, 5);
      const { status, headers } = await nginx.ask('/');
      // Refused, or waited for in vain.
      expect([502, 504]).toContain(status);
      expect(headers['x-answered']).toMatch(/-$/);
    },
  },
  {
    title:
      'who is sent to a container that has just gone is answered by the backup, if nginx is told to ask again',
    async run(given, own) {
      const backends = `server ${own}_a:3000 resolve max_fails=0; server ${own}_b:3000 resolve max_fails=0 backup;`;
      const again = `error_page 502 = @again; } location @again {
        if ($upstream_addr !~ "app$") { return 502; } proxy_pass http://app;`;
      const nginx = await startNginx(given, own, { main: passing(backends, again) });
      const a = await nginx.backend('a');
      await nginx.backend('b');
      await until(given.clock, async () => (await nginx.whoAnswers()) === a || undefined);
      await given.server.engine.stopContainer(`${own}_a`, 5);
      const answers = await Promise.all([1, 2, 3, 4].map(() => nginx.ask('/')));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    },
  },
  {
    title: 'a name in a variable is asked for with each request; where nobody takes it, the upstream does',
    async run(given, own) {
      const http = `${identity('one')}
        upstream app { zone app 64k; server ${own}_b:3000 resolve max_fails=0; }
        server { listen 8090;
          set $group app; set $own ${own}_a:3000;
          set $side $own; set $pooled "";
          location / { error_page 502 = @again; proxy_pass http://$side$pooled;
            add_header X-Upstream "$upstream_addr" always; }
          location @again {
            set $tried "$upstream_addr $upstream_connect_time";
            if ($tried !~ "app(?:_unpooled)? |^[^,]* -?$") { return 502; }
            proxy_pass http://\${group};
            add_header X-Upstream "$upstream_addr" always; } }`;
      const nginx = await startNginx(given, own, { main: config({ http }) });
      const answered = async () => {
        const { status, headers } = await nginx.ask('/version', { port: 8090 });
        return [
          status,
          String(headers['x-upstream'])
            .split(/[ ,:]+/)
            .slice(-2)
            .join(':'),
        ];
      };
      const b = await nginx.backend('b');
      await given.clock.sleep(2_000);
      // Nobody has the name, then somebody has, and then he has gone.
      expect(await answered()).toEqual([200, b]);
      const a = await nginx.backend('a');
      expect(await answered()).toEqual([200, a]);
      await given.server.engine.stopContainer(`${own}_a`, 5);
      expect(await answered()).toEqual([200, b]);
    },
  },
  {
    title: 'a container that runs and does not listen is passed over at once',
    async run(given, own) {
      const backends = `server ${own}_a:3001 resolve max_fails=0; server ${own}_b:3000 resolve max_fails=0 backup;`;
      const nginx = await startNginx(given, own, { main: passing(backends) });
      const a = (await nginx.backend('a')).replace(/3000$/, '3001');
      const b = await nginx.backend('b');
      await until(given.clock, async () => (await nginx.whoAnswers()) === b || undefined);
      await given.clock.sleep(1_500);
      expect((await nginx.ask('/')).headers['x-upstream']).toBe(`${a}, ${b}`);
    },
  },
  {
    title: 'so many are tried as the nearest place says',
    async run(given, own) {
      const backends = `server ${own}_a:3001 resolve max_fails=0; server ${own}_b:3001 resolve max_fails=0;
        server ${own}_c:3000 resolve max_fails=0 backup;`;
      const triedWith = async (more: string, name: string) => {
        await nginx.write({ main: passing(backends, more).replace('"one"', `"${name}"`) });
        await nginx.reload();
        await until(given.clock, async () => (await nginx.ask('/identity')).body === name || undefined);
        await given.clock.sleep(1_500);
        const { status, headers } = await nginx.ask('/');
        return [status, String(headers['x-upstream']).split(', ').length];
      };
      const nginx = await startNginx(given, own, { main: passing(backends) });
      for (const name of ['a', 'b', 'c']) await nginx.backend(name);
      expect(await triedWith('', 'two')).toEqual([502, 2]);
      expect(await triedWith('proxy_next_upstream_tries 3;', 'three')).toEqual([200, 3]);
    },
  },
  {
    title:
      'a name that means nothing is no obstacle, and is found within a second or two when it means something',
    async run(given, own) {
      const backends = `server ${own}_a:3000 resolve max_fails=0; server ${own}_b:3000 resolve max_fails=0 backup;`;
      const nginx = await startNginx(given, own, { main: passing(backends) });
      const nobody = await nginx.ask('/');
      expect([nobody.status, nobody.headers['x-upstream']]).toEqual([502, 'app']);
      const b = await nginx.backend('b');
      await until(given.clock, async () => (await nginx.whoAnswers()) === b || undefined);
      const a = await nginx.backend('a');
      const begun = given.clock.now();
      await until(given.clock, async () => (await nginx.whoAnswers()) === a || undefined);
      expect(given.clock.now() - begun).toBeLessThan(3_000);
    },
  },
  {
    title: 'primaries take turns by their weights, with least_conn too while nobody is connected',
    async run(given, own) {
      const backends = `least_conn; server ${own}_a:3000 resolve weight=3; server ${own}_b:3000 resolve;`;
      const nginx = await startNginx(given, own, { main: passing(backends) });
      const a = await nginx.backend('a');
      const b = await nginx.backend('b');
      await until(given.clock, async () => (await nginx.whoAnswer(8)).size === 2 || undefined);
      await given.clock.sleep(1_500);
      const seen: string[] = [];
      for (let sent = 0; sent < 40; sent++) seen.push(await nginx.whoAnswers());
      const ofA = seen.filter((one) => one === a).length;
      expect(seen.filter((one) => one === b).length).toBe(40 - ofA);
      // Each of the two workers may begin with whomever it likes.
      expect(ofA).toBeGreaterThanOrEqual(27);
      expect(ofA).toBeLessThanOrEqual(33);
    },
  },
  {
    title: 'a server that fails too often is left out for a while, and the others answer',
    async run(given, own) {
      const backends = `server ${own}_a:3000 resolve; server ${own}_b:3001 resolve max_fails=3 fail_timeout=30s;`;
      const nginx = await startNginx(given, own, { main: passing(backends) });
      const a = await nginx.backend('a');
      await nginx.backend('b');
      await until(given.clock, async () => (await nginx.whoAnswers()) === a || undefined);
      await given.clock.sleep(1_500);
      const tried: string[] = [];
      for (let sent = 0; sent < 30; sent++) {
        const { status, headers } = await nginx.ask('/');
        expect(status).toBe(200);
        tried.push(String(headers['x-upstream']));
      }
      expect(tried.slice(-6)).toEqual(Array(6).fill(a));
      const failed = tried.filter((one) => one.includes(','));
      expect(failed.length).toBeGreaterThan(0);
      expect(failed.every((one) => one.endsWith(`, ${a}`))).toBe(true);
    },
  },
  {
    title: 'a port of TCP leads to the backend, and the log says who was connected',
    async run(given, own) {
      const stream = `
        resolver 127.0.0.11 valid=1s ipv6=off;
        map $server_port $generation { default 7.abc; }
        log_format proof 'proof $generation $server_port $upstream_addr $status';
        upstream db { zone db 64k; server ${own}_a:3000 resolve max_fails=0; server ${own}_b:3000 resolve max_fails=0 backup; }
        server { listen ${STREAM_PORT}; proxy_pass db; access_log /dev/stdout proof; }`;
      const nginx = await startNginx(given, own, { main: config({ http: identity('one'), stream }) });
      const { server, clock } = given;
      const logged = async () =>
        (await server.engine.logs(own, { tail: 50 })).stdout
          .split('\n')
          .filter((line) => line.startsWith('proof'));
      const touch = async () => (await server.dial(nginx.address, STREAM_PORT)).destroy();
      await touch();
      expect(await until(clock, async () => (await logged())[0])).toBe(`proof 7.abc ${STREAM_PORT} db 502`);
      const a = await nginx.backend('a');
      await until(clock, async () => {
        await touch();
        return (await logged()).some((line) => line === `proof 7.abc ${STREAM_PORT} ${a} 200`) || undefined;
      });
      const connected = await connectionsOf(given, own);
      await until(clock, async () => (await connected()) === 0 || undefined);
      const open = await server.dial(nginx.address, STREAM_PORT);
      await until(clock, async () => (await connected()) === 1 || undefined);
      open.destroy();
      await until(clock, async () => (await connected()) === 0 || undefined);
    },
  },
  {
    title:
      'a worker that goes takes no new connection of TCP, and one that says nothing is logged where it was asked for',
    async run(given, own) {
      const leadingTo = (backend: string) =>
        config({
          http: identity(backend),
          stream: `
            resolver 127.0.0.11 valid=1s ipv6=off;
            map "$server_addr $remote_addr $bytes_received" $is_touched { default ''; "~^(\\d+\\.\\d+\\.)\\S+ \\1\\S+ 0$" 1; }
            log_format proof 'proof $server_port $upstream_addr $status';
            upstream db { zone db 64k; server ${own}_${backend}:3000 resolve max_fails=0; }
            server { listen ${STREAM_PORT}; proxy_pass db; access_log /dev/stderr proof if=$is_touched; }`,
        });
      const nginx = await startNginx(given, own, { main: leadingTo('a') });
      const { server, clock } = given;
      const a = await nginx.backend('a');
      const b = await nginx.backend('b');
      const logged = async () =>
        (await server.engine.logs(own, { tail: 200, stderrOnly: true })).stderr
          .split('\n')
          .filter((line) => line.startsWith('proof'));
      const touch = async () => (await server.dial(nginx.address, STREAM_PORT)).destroy();
      const line = (backend: string) => `proof ${STREAM_PORT} ${backend} 200`;
      await until(clock, async () => {
        await touch();
        return (await logged()).includes(line(a)) || undefined;
      });
      await nginx.write({ main: leadingTo('b') });
      await nginx.reload();
      await until(clock, async () => (await nginx.ask('/identity')).body === 'b' || undefined);
      await until(clock, async () => {
        await touch();
        return (await logged()).includes(line(b)) || undefined;
      });
      await clock.sleep(1_000);
      const before = (await logged()).length;
      for (let turn = 0; turn < 6; turn++) await touch();
      await until(clock, async () => (await logged()).length === before + 6 || undefined);
      expect((await logged()).slice(before)).toEqual(Array(6).fill(line(b)));
    },
  },
  {
    title: 'who would get a datagram is told by a connection to the same upstream, which is refused',
    async run(given, own) {
      const stream = `
        resolver 127.0.0.11 valid=1s ipv6=off;
        log_format proof 'proof $upstream_addr $status';
        upstream dns { zone dns 64k; server ${own}_a:5353 resolve max_fails=0; server ${own}_b:5353 resolve max_fails=0 backup; }
        server { listen ${STREAM_PORT} udp reuseport; proxy_pass dns; }
        server { listen ${STREAM_PORT - 1}; proxy_pass dns; proxy_next_upstream off; access_log /dev/stdout proof; }`;
      const nginx = await startNginx(given, own, { main: config({ http: identity('one'), stream }) });
      const { server, clock } = given;
      const address = (await nginx.backend('a')).replace(':3000', ':5353');
      await nginx.backend('b');
      await until(clock, async () => {
        (await server.dial(nginx.address, STREAM_PORT - 1)).destroy();
        const { stdout } = await server.engine.logs(own, { tail: 50 });
        return stdout.split('\n').includes(`proof ${address} 502`) || undefined;
      });
    },
  },
  {
    title: 'nginx keeps idle connections to a backend for a while, and lets go of them when it reads anew',
    async run(given, own) {
      const backends = `server ${own}_a:3000 resolve; keepalive 32; keepalive_timeout 60s;`;
      const nginx = await startNginx(given, own, { main: passing(backends) });
      const { clock } = given;
      const a = await nginx.backend('a');
      await until(clock, async () => (await nginx.whoAnswers()) === a || undefined);
      const connected = await connectionsOf(given, own);
      await nginx.whoAnswers();
      expect(await connected()).toBeGreaterThan(0);
      await nginx.reload();
      await until(clock, async () => (await connected()) === 0 || undefined);
    },
  },
  {
    title: 'a connection to a backend that serves one request is not kept',
    async run(given, own) {
      const backends = `server ${own}_a:3000 resolve; keepalive 1; keepalive_requests 1;`;
      const nginx = await startNginx(given, own, { main: passing(backends) });
      const a = await nginx.backend('a');
      await until(given.clock, async () => (await nginx.whoAnswers()) === a || undefined);
      const connected = await connectionsOf(given, own);
      await nginx.whoAnswers();
      await until(given.clock, async () => (await connected()) === 0 || undefined);
    },
  },
  {
    title: 'after a HUP a client that was idle may bring one more request to the old workers',
    async run(given, own) {
      const answer = (status: number) =>
        config({ http: `${identity(String(status))} server { listen 8090; return ${status}; }` });
      const nginx = await startNginx(given, own, { main: answer(201) });
      const { http } = given.server;
      const idle = http.keepAlive({ address: nginx.address, port: 8090 });
      const get = () => idle.get({ path: '/', host: 'any', isLast: false }, 5_000);
      expect(await get()).toBe(201);
      await nginx.write({ main: answer(202) });
      await nginx.reload();
      await until(given.clock, async () => (await nginx.ask('/identity')).body === '202' || undefined);
      await given.clock.sleep(300);
      expect([await get(), await get()]).toEqual([201, 202]);
      await idle.close();
    },
  },
  {
    title: 'an nginx that is told to quit takes nothing new, and ends when nobody is connected any more',
    async run(given, own) {
      const stream = `server { listen ${STREAM_PORT}; proxy_pass 127.0.0.1:${PORT}; }`;
      const nginx = await startNginx(given, own, { main: config({ http: identity('one'), stream }) });
      const { server, clock } = given;
      const open = await server.dial(nginx.address, STREAM_PORT);
      await clock.sleep(200);
      await server.engine.signalContainer(own, 'QUIT');
      await until(clock, async () => !(await nginx.answers()) || undefined);
      expect((await server.engine.inspectContainer(own)).State?.Status).toBe('running');
      open.destroy();
      const ended = await until(clock, async () => {
        const one = await server.engine.inspectContainer(own);
        return one.State?.Status === 'exited' ? one : undefined;
      });
      // The stop signal is a stop, whatever the policy.
      expect(ended).toMatchObject({ RestartCount: 0, State: { ExitCode: 0 } });
    },
  },
];

/** config returns a whole configuration with these lines in it. */
function config({ http = '', stream }: { http?: string; stream?: string }): string {
  return `# The stream module of Debian's nginx is loaded from here.
include /etc/nginx/modules-enabled/*.conf;
worker_processes 2;
pid /run/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 512; }
http {
    access_log off;
    resolver 127.0.0.11 valid=1s ipv6=off;
    keepalive_min_timeout 5s;
    proxy_http_version 1.1;
    proxy_connect_timeout 2s;
    proxy_next_upstream error timeout;
    proxy_next_upstream_tries 2;
    ${http}
}
${stream === undefined ? '' : `stream { ${stream} }`}
`;
}

function identity(text: string): string {
  return `server { listen ${PORT}; location = /identity { return 200 "${text}"; } }`;
}

function answering(text: string): string {
  return config({ http: identity(text) });
}

/** A configuration that passes everything on to the upstream `app`; `more` stands at the end of its location. */
function passing(backends: string, more = ''): string {
  return config({
    http: `upstream app { zone app 128k; ${backends} }
    server { listen ${PORT}; location / {
      proxy_pass http://app/version;
      proxy_set_header Connection "";
      add_header X-Upstream "$upstream_addr" always;
      add_header X-Answered "$upstream_header_time" always;
      ${more}
    } location = /identity { return 200 "one"; } }`,
  });
}

/** An nginx of a case. */
interface RunningNginx {
  address: string;
  /** write writes files by their names without `.conf`. */
  write(files: Record<string, string>): Promise<void>;
  /** test has nginx check a file, and returns what it says against it. */
  test(file: string): Promise<string>;
  reload(): Promise<void>;
  /** answers tells whether it takes a request now. */
  answers(): Promise<boolean>;
  ask(path: string, to?: { host?: string; port?: number }): ReturnType<Server['http']['get']>;
  complaints(): Promise<string>;
  /** backend starts an app in its network, and returns its address and port. */
  backend(name: string): Promise<string>;
  /** whoAnswers sends a request, and returns the address and port of who answered. */
  whoAnswers(): Promise<string>;
  /** whoAnswer sends so many requests, and returns who answered. */
  whoAnswer(requests: number): Promise<Set<string>>;
}

/** connectionsOf returns how many connections the backend `a` has: asked from within its network, as a drain asks. */
async function connectionsOf({ server, images }: Given, own: string): Promise<() => Promise<number>> {
  await start(server.engine, `${own}_helper`, {
    Image: images.nginx,
    Entrypoint: ['cat'],
    OpenStdin: true,
    HostConfig: { NetworkMode: `container:${own}_a` },
  });
  return async () => {
    const command = ['cat', '/proc/net/tcp', '/proc/net/tcp6'];
    const { stdout } = await server.engine.exec(`${own}_helper`, command);
    return connectionsTo(stdout, [3000]).length;
  };
}

/** startNginx starts one as the product does: its files lie in a volume, and it is started with a pointer to `main`. */
async function startNginx(
  { server, images, clock }: Given,
  own: string,
  files: Record<string, string>,
  { awaitsAnswer = true } = {},
): Promise<RunningNginx> {
  const { engine, http } = server;
  await engine.createNetwork({ Name: own, Driver: 'bridge' });
  await engine.createContainer(own, {
    Image: images.nginx,
    Entrypoint: ['nginx', '-c', `${FOLDER}/nginx.conf`, '-g', 'daemon off;'],
    Cmd: [],
    StopSignal: 'SIGQUIT',
    HostConfig: {
      NetworkMode: own,
      RestartPolicy: { Name: 'always' },
      Mounts: [{ Type: 'volume', Source: own, Target: FOLDER }],
    },
  });
  const write = async (texts: Record<string, string>) => {
    const named = Object.entries(texts).map(([name, text]) => [`${name}.conf`, text] as const);
    await engine.writeFiles(own, FOLDER, new Map(named));
  };
  await write({ ...files, nginx: `include ${FOLDER}/main.conf;\n` });
  await engine.startContainer(own);
  const address = (await engine.inspectContainer(own)).NetworkSettings?.Networks?.[own]?.IPAddress ?? '';
  const ask: RunningNginx['ask'] = (path, { host, port = PORT } = {}) =>
    http.get({ address, port, path, ...(host !== undefined && { host }) }, 5_000);
  const whoAnswers = async () => {
    const { headers } = await ask('/');
    return String(headers['x-answered'] ?? '').endsWith('-')
      ? 'nobody'
      : (String(headers['x-upstream']).split(', ').at(-1) ?? '');
  };
  if (awaitsAnswer) await until(clock, () => ask('/identity').catch(() => undefined));
  return {
    address,
    write,
    ask,
    answers: () =>
      ask('/identity').then(
        () => true,
        () => false,
      ),
    whoAnswers,
    test: async (file) => {
      const path = `${FOLDER}/${file.endsWith('.conf') ? file : `${file}.conf`}`;
      const { exitCode, stderr } = await engine.exec(own, ['nginx', '-t', '-q', '-c', path]);
      return exitCode === 0 ? '' : stderr;
    },
    reload: () => engine.signalContainer(own, 'HUP'),
    complaints: async () => (await engine.logs(own, { tail: 20 })).stderr,
    backend: async (name) => {
      const id = await start(engine, `${own}_${name}`, {
        Image: images.app,
        ExposedPorts: { '3000/tcp': {} },
        HostConfig: { NetworkMode: own },
      });
      const listens = async () => /listening/.test((await engine.logs(id, { tail: 1 })).stdout) || undefined;
      await until(clock, listens);
      return `${(await engine.inspectContainer(id)).NetworkSettings?.Networks?.[own]?.IPAddress}:3000`;
    },
    whoAnswer: async (requests) => {
      const answers = await Promise.all(Array.from({ length: requests }, whoAnswers));
      return new Set(answers);
    },
  };
}
