import { describe, expect, test } from '@jest/globals';
import type { EdgeOptions } from '../../../src/model/edge-options.ts';
import type { HttpRequest } from '../world/container.ts';
import { World } from '../world/world.ts';
import { deployed, NOTHING, planFor } from './deployed.ts';
import { service, shop } from './specs.ts';
import { rest } from './story.ts';

const LOCKED: EdgeOptions = {
  basicAuth: { anna: '$apr1$Zu7hzkqN$sa40jxNUo5CdAdBecGcQQ1' },
  deny: ['198.51.100.7'],
  rateLimit: { requests: 1, per: 'minute', burst: 1 },
};

const api = (image: string, edge?: EdgeOptions) => {
  const one = service('api', { image });
  return shop([{ ...one, route: { ...one.route, ...(edge && { edge }) } }]);
};
const BASE = 'shop_production_api';

describe('a service behind locked edge options', () => {
  test('is toggled, and the probe sees what the app answers', async () => {
    const world = await deployed(api('api:1', LOCKED));
    const { probes } = await world.deploy(api('api:2', LOCKED));
    await rest(world);
    expect(probes.get('api')).toMatchObject({ lost: 0, unknown: 0 });
    expect(probes.get('api')?.sent).toBeGreaterThan(0);
    expect(world.running()).toEqual([`${BASE}_secondary`]);
  });

  test('whose new version fails behind the edge shows it: they hide nothing from the probe', async () => {
    const world = new World();
    const isOfNginx = ({ from }: HttpRequest) => from === '10.200.0.3';
    const failing = { status: 503, headers: {}, body: '' };
    world.registry.define('api:2', { answers: (request) => (isOfNginx(request) ? failing : undefined) });
    await world.deploy(api('api:1', LOCKED));
    await rest(world);
    const { probes } = await world.deploy(api('api:2', LOCKED));
    expect(probes.get('api')?.losses[0]).toBe('a edge: answered 503');
  });

  test('with lines of nginx of its own is toggled, and loses nothing', async () => {
    const nginx = {
      http: {
        text: 'map $host $kind { default 1; }\nlimit_req_zone $limited_client zone=all:1m rate=100r/s;',
      },
      server: { text: 'location = /robots.txt { return 200 none; }' },
      location: {
        text: 'expires 1h; add_header X-Kind $kind; proxy_set_header X-Tenant acme; limit_req zone=all;',
      },
    };
    const world = await deployed(api('api:1', { nginx }));
    const { probes } = await world.deploy(api('api:2', { nginx }));
    await rest(world);
    expect(probes.get('api')).toMatchObject({ lost: 0, unknown: 0 });
    expect(await world.describe(api('api:2', { nginx }))).toEqual(NOTHING);
    const { changes } = await planFor(
      world,
      api('api:2', { nginx: { ...nginx, location: { text: 'expires 2h;' } } }),
    );
    expect(changes[0]?.reasons).toEqual(['edge.nginx.location.text']);
  });

  test('that needs a module which its edge has not is told before anything starts', async () => {
    const world = await deployed(api('api:1'));
    const brotli = { brotli: { types: [], level: 4, minBytes: 1024 } };
    const kinds = (await planFor(world, api('api:2', brotli))).steps.map(({ step }) => step.kind);
    expect(kinds).toContain('find modules');
    await expect(world.deploy(api('api:2', brotli))).rejects.toThrow('its nginx has no module for brotli');
    expect(world.running()).toEqual([BASE]);
  });

  test('keeps its container when the lock changes, and is told in the words of the file', async () => {
    const world = await deployed(api('api:1'));
    const { id } = world.container(BASE);
    const { changes } = await planFor(world, api('api:1', LOCKED));
    expect(changes[0]?.reasons).toEqual(['edge']);
    await world.deploy(api('api:1', LOCKED));
    await rest(world);
    expect(world.container(BASE).id).toBe(id);
    const other = { ...LOCKED, basicAuth: { berta: '$apr1$Zu7hzkqN$sa40jxNUo5CdAdBecGcQQ1' } };
    const again = await planFor(world, api('api:1', other));
    expect(again.changes[0]?.reasons).toEqual(['edge.basic_auth.anna', 'edge.basic_auth.berta']);
    expect(await world.describe(api('api:1', LOCKED))).toEqual(NOTHING);
  });
});

describe('a line of nginx of its own that nginx refuses', () => {
  const WRONG: EdgeOptions = { nginx: { location: { text: 'expires soon;' } } };
  const web = (image: string) => service('web', { image });
  const both = (image: string, edge?: EdgeOptions) => shop([...api(image, edge).services, web(image)]);

  test('fails the deploy of its service with its place, and what was served is served on', async () => {
    const world = await deployed(both('api:1'));
    await expect(world.deploy(both('api:2', WRONG))).rejects.toThrow(
      /nginx refuses edge.nginx, line 1 of edge.nginx.location \(api\)/,
    );
    expect(world.running()).toEqual([BASE, 'shop_production_web']);
  });

  test('holds no deploy of another service up', async () => {
    const world = await deployed(both('api:1'));
    const wanted = both('api:2', WRONG);
    await expect(world.deploy(wanted, { services: ['api'] })).rejects.toThrow(/nginx refuses edge.nginx/);
    await world.deploy(wanted, { services: ['web'] });
    await rest(world);
    expect(world.running()).toEqual([BASE, 'shop_production_web_secondary']);
  });

  test('holds nobody else of its edge up', async () => {
    const world = await deployed(api('api:1'));
    await expect(world.deploy(api('api:2', WRONG))).rejects.toThrow(/nginx refuses edge.nginx/);
    await world.deploy({ ...shop([web('web:1')]), project: 'blog' });
    expect(world.running()).toContain('blog_production_web');
  });
});
