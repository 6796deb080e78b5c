import { describe, expect, test } from '@jest/globals';
import { compose, firstFiles, scopeWish } from '../../../src/nginx/compose.ts';
import type { NginxKind, Route } from '../../../src/nginx/routes.ts';
import { parseTree, routesOf } from '../../../src/nginx/tree.ts';
import { at, LONDON_A, LONDON_B, SETTINGS, SHOP } from './routes-of-shop.ts';

const MQTT: Route = {
  service: 'mqtt',
  ports: [
    {
      protocol: 'tcp',
      containerPort: 1883,
      internalPort: 5200,
      hostPort: 8200,
      domains: [],
      published: { numbers: [1883, 8883] },
      provePath: '/',
    },
    {
      name: 'dns',
      protocol: 'udp',
      containerPort: 53,
      internalPort: 5201,
      hostPort: 8201,
      domains: [],
      published: { numbers: [53], responses: 1 },
      provePath: '/',
    },
  ],
  idleTimeoutMs: 300_000,
  copies: [at(LONDON_A, 'base'), at(LONDON_B, 'base')],
};

const wishOf = (kind: NginxKind, routes: Route[], scope = SHOP) =>
  scopeWish(kind, {
    scope,
    repository: 'shop',
    settings: SETTINGS,
    routes,
    on: LONDON_A,
    servers: [LONDON_A, LONDON_B],
  });
const first = (kind: NginxKind) => parseTree(firstFiles(kind, SHOP, SETTINGS));

describe('what is published', () => {
  test('the edge passes on to the sidecar, whichever copy has the traffic', () => {
    const { files } = wishOf('edge', [MQTT]);
    expect(files.get('stream/shop_production/mqtt.conf')).toBe(`upstream shop_production_mqtt {
    zone shop_production_mqtt 256k;
    server shop_production_nginx:5200 resolve max_fails=0;
}
server {
    listen 1883 so_keepalive=60s:10s:6;
    proxy_pass shop_production_mqtt;
    # The default of 10 min cuts idle database pools.
    proxy_timeout 300s;
    access_log /dev/stderr proof if=$is_touched;
}
server {
    listen 8883 so_keepalive=60s:10s:6;
    proxy_pass shop_production_mqtt;
    # The default of 10 min cuts idle database pools.
    proxy_timeout 300s;
    access_log /dev/stderr proof if=$is_touched;
}
`);
    const moved = { ...MQTT, copies: [at(LONDON_A, 'secondary'), at(LONDON_B, 'secondary')] };
    expect(wishOf('edge', [moved])).toEqual(wishOf('edge', [MQTT]));
  });

  test('by udp is listened to so that the datagrams of a client stay together, and forgets it soon', () => {
    const text = wishOf('edge', [MQTT]).files.get('stream/shop_production/mqtt.dns.conf');
    expect(text).toContain('    listen 53 udp reuseport;\n');
    expect(text).toContain('    proxy_timeout 60s;\n    proxy_responses 1;\n');
  });

  test('by udp is proven by a connection, which counts against no server', () => {
    const text = wishOf('sidecar', [MQTT]).files.get('stream/shop_production/mqtt.dns.conf');
    expect(text).toContain('server 10.0.0.3:8201 resolve max_fails=0');
    expect(text).toMatch(/listen 15201;[^}]*proxy_next_upstream off;[^}]*access_log \/dev\/stdout proof;/);
  });

  test('is known again from a manifest, of which the edge names no copies', () => {
    const { files, folder } = compose('edge', first('edge'), wishOf('edge', [MQTT]));
    const tree = parseTree(files);
    expect(routesOf(tree.folders[folder].manifest?.scopes.shop_production)).toEqual([
      { ...MQTT, copies: [] },
    ]);
  });

  test('has an edge without it read nothing of streams', () => {
    const none = { ...MQTT, ports: MQTT.ports.map(({ published: _, ...port }) => port) };
    const mainOf = (routes: Route[]) =>
      compose('edge', first('edge'), wishOf('edge', routes)).files.get('b/main.conf');
    expect(mainOf([none])).not.toContain('stream {');
    expect(mainOf([MQTT])).toContain('stream {');
  });

  test('belongs to the first project that has it on a server', () => {
    const { files } = compose('edge', first('edge'), wishOf('edge', [MQTT]));
    const tree = parseTree(new Map([...files, ['nginx.conf', 'include /etc/switchyard/b/main.conf;\n']]));
    const other = wishOf('edge', [{ ...MQTT, service: 'broker' }], {
      project: 'blog',
      environment: 'production',
    });
    expect(() => compose('edge', tree, other)).toThrow(
      'port 1883/tcp is already published on this server for shop production',
    );
  });
});
