import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Plan } from '../../../src/deploy/planning/plan.ts';
import { LABEL } from '../../../src/model/labels.ts';
import type { EdgePort, EnvironmentSpec, NginxSpec } from '../../../src/model/spec.ts';
import { World } from '../world/world.ts';
import { servers, service, shop } from './specs.ts';
import { complaintOf, convergence, rest } from './story.ts';

/** The edge is replaced by one of another image, or with other ports, and nobody notices. */

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => expect(complaintOf(world)).toBeUndefined());

/** The shop with other settings of nginx, and another image of its service. */
function file(nginx: Partial<NginxSpec> = {}, image = 'api:1', on = servers(1)): EnvironmentSpec {
  const spec = shop([service('api', { image, servers: on.length })], on);
  return { ...spec, nginx: { ...spec.nginx, ...nginx } };
}

const NEWER: Partial<NginxSpec> = { image: 'nginx:1.31', ports: ['443/tcp'] };

async function deployed(on = servers(1)): Promise<void> {
  world.addServers(on);
  await world.deploy(file({}, 'api:1', on));
  await rest(world);
}

/** What the container with the ports of a server is made of. */
function edge(server = 'a'): { image: string | undefined; ports: string[] } {
  const { request } = world.machine(server).need('switchyard_edge');
  return { image: request.Image, ports: Object.keys(request.HostConfig?.PortBindings ?? {}) };
}

/** The containers of edges, bridges and what goes with them. */
function around(server = 'a'): string[] {
  return [...world.machine(server).containers.values()]
    .filter(({ labels }) => (labels[LABEL.role] ?? '').startsWith('edge') || labels[LABEL.role] === 'helper')
    .map(({ name }) => name);
}

const UPGRADED = { image: 'nginx:1.31', ports: ['80/tcp', '443/tcp'] };

describe('another image, and a port more', () => {
  test('are in the plan, and come without a lost request', async () => {
    await deployed();
    expect((await world.describe(file(NEWER))).slice(1)).toEqual([
      '  api 1: unchanged on a',
      '  · pull nginx:1.31 on a',
      '  · make the new routes ready on a',
      '  · give a its routes',
      '  · see that a has its routes',
      '  · upgrade the edge on a: nginx 1.30 → 1.31, publish 443',
      '  · send new connections on a to the new edge, and wait until those of the old one are over',
      '  · stop switchyard_edge on a',
      '  · remove switchyard_edge on a',
      '  · give the edge its ports on a',
      '  · upgrade the sidecar on a: nginx 1.30 → 1.31',
      '  · give the name of the sidecar on a to the new one, past shop_production_nginx',
      '  · drain shop_production_nginx on a (at most 120 s)',
      '  · stop shop_production_nginx on a',
      '  · remove shop_production_nginx on a',
    ]);
    const { drift, findings } = await world.plan(file(NEWER));
    expect(JSON.stringify(drift)).not.toContain('its ports');
    expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
    await world.deploy(file(NEWER));
    expect(edge()).toEqual(UPGRADED);
    await rest(world);
    expect(around()).toEqual(['switchyard_edge']);
    expect((await world.plan(file(NEWER))).changed).toBe(false);
  });

  test('that nobody is led to, for once, takes requests along: the simulation notices', async () => {
    await deployed();
    const withoutDivert = (plan: Plan) => {
      const divert = plan.steps.find(({ step }) => step.kind === 'divert')!;
      plan.steps = plan.steps.filter((planned) => planned !== divert);
      for (const planned of plan.steps)
        planned.needs = planned.needs.flatMap((need) => (need === divert.id ? divert.needs : [need]));
    };
    await world.tryDeploy(file(NEWER), { meddle: withoutDivert });
    expect(complaintOf(world)).toMatch(/at a api\.example\.com: a request was open on switchyard_edge/);
    world = new World();
  });

  test('come in the same run as a new version, after it', async () => {
    await deployed();
    const next = file(NEWER, 'api:2');
    await world.deploy(next);
    expect(edge()).toEqual(UPGRADED);
    expect(await convergence(world, next)).toBeUndefined();
  });

  test('go the same way as they came', async () => {
    await deployed();
    await world.deploy(file(NEWER));
    await rest(world);
    await world.deploy(file());
    expect(edge()).toEqual({ image: 'nginx:1.30', ports: ['80/tcp'] });
    expect(await convergence(world, file())).toBeUndefined();
  });

  test('wait for streams that are open on the old edge', async () => {
    await deployed();
    world.users.streamMs = 60_000;
    await world.deploy(file(NEWER));
    expect(edge()).toEqual(UPGRADED);
    expect(world.users.cut).toEqual([]);
  });
});

describe('a run that was cut off', () => {
  const moments = [
    /^moment: upgrade: stands beside/,
    /^ends: upgrade/,
    /^moment: divert: diverted/,
    /a POST containers\/switchyard_edge\/kill/,
    /^ends: divert/,
    /^ends: stop: stop switchyard_edge/,
    /^ends: remove: remove switchyard_edge/,
    /^ends: prepare: give the edge its ports/,
  ];

  test.each(moments)('at "%s" is finished by the next one', async (moment) => {
    await deployed();
    await world.deployUntil(moment, file(NEWER));
    await rest(world);
    expect(await convergence(world, file(NEWER))).toBeUndefined();
    expect(edge()).toEqual(UPGRADED);
    expect(around()).toEqual(['switchyard_edge']);
  });

  test.each(moments)('at "%s" is taken back by who has changed their mind', async (moment) => {
    await deployed();
    await world.deployUntil(moment, file(NEWER));
    await rest(world);
    expect(await convergence(world, file())).toBeUndefined();
    expect(edge()).toEqual({ image: 'nginx:1.30', ports: ['80/tcp'] });
    expect(around()).toEqual(['switchyard_edge']);
  });

  test.each(moments)('at "%s" is in nobody\'s way who brings a new version', async (moment) => {
    await deployed();
    await world.deployUntil(moment, file(NEWER));
    await world.deploy(file(NEWER, 'api:2'));
    expect(edge()).toEqual(UPGRADED);
    expect(await convergence(world, file(NEWER, 'api:2'))).toBeUndefined();
  });
});

describe('what does not come up', () => {
  test('is found out beside the edge that is there, which serves on', async () => {
    await deployed();
    world.registry.defineNginx('nginx:1.22', '1.22.1');
    await expect(world.deploy(file({ image: 'nginx:1.22' }))).rejects.toThrow('is too old');
    expect(edge().image).toBe('nginx:1.30');
    expect(around()).toEqual(['switchyard_edge']);
    expect(await convergence(world, file())).toBeUndefined();
  });

  /** The edge needs a port that is not that of HTTPS, for which a container would be named earlier. */
  const published = (wanted: EnvironmentSpec): EnvironmentSpec => ({
    ...wanted,
    nginx: { ...wanted.nginx, ports: ['8443/tcp'] },
  });

  test('for a port of the server that somebody else has is found out before anything changes', async () => {
    await deployed();
    world.makeByHand('a', { name: 'proxy', published: { 8443: 3000 } });
    await rest(world);
    const wanted = published(file(NEWER));
    const { findings } = await world.plan(wanted);
    expect(findings.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'port 8443, which the edge needs, is taken by proxy' },
    ]);
    await expect(world.deploy(wanted)).rejects.toThrow(/switchyard_edge_trial cannot start.*8443/);
    expect(edge()).toEqual({ image: 'nginx:1.30', ports: ['80/tcp'] });
    expect(around()).toEqual(['switchyard_edge']);
  });

  test('is found out on the first of several servers', async () => {
    await deployed(servers(3));
    const wanted = published(file(NEWER, 'api:1', servers(3)));
    const { plan } = await world.plan(wanted);
    const [first, ...others] = plan.steps.filter(({ step }) => step.kind === 'upgrade');
    for (const { needs } of others) expect(needs).toContain(first!.id);
    world.makeByHand('a', { name: 'proxy', published: { 8443: 3000 } });
    await expect(world.deploy(wanted)).rejects.toThrow('8443');
    for (const { name } of servers(3)) expect(edge(name).image).toBe('nginx:1.30');
  });

  test('where connections cannot be diverted changes nothing', async () => {
    await deployed();
    world.machine('a').hasIptables = false;
    await expect(world.deploy(file(NEWER))).rejects.toThrow('connections cannot be diverted');
    expect(edge().image).toBe('nginx:1.30');
  });
});

describe('an edge that is shared', () => {
  const blog = (nginx: Partial<NginxSpec> = {}): EnvironmentSpec => {
    const spec = shop([service('web')]);
    return { ...spec, project: 'blog', nginx: { ...spec.nginx, ...nginx } };
  };
  const ports = (...names: EdgePort[]) => ({ ports: names });

  test('has the newest image that one of them names, and the ports of all', async () => {
    await deployed();
    await world.deploy(blog(ports('53/udp')));
    await rest(world);
    await world.deploy(file(NEWER));
    expect(edge()).toEqual({ image: 'nginx:1.31', ports: ['53/udp', '80/tcp', '443/tcp'] });
    await rest(world);
    expect((await world.plan(blog(ports('53/udp')))).changed).toBe(false);
    expect((await world.plan(file(NEWER))).changed).toBe(false);
  });

  test('serves both all the time, whichever of them upgrades it', async () => {
    await deployed();
    await world.deploy(blog());
    await rest(world);
    await world.deploy(blog(NEWER));
    expect(world.answering('web.example.com')).toEqual(['blog_production_web']);
    expect(world.answering('api.example.com')).toEqual(['shop_production_api']);
    expect(await convergence(world, file())).toBeUndefined();
  });

  test('that one of them upgrades takes the routes that another one changes meanwhile', async () => {
    await deployed();
    await world.deploy(blog());
    await rest(world);
    world.users.streamMs = 60_000;
    const upgrade = world.start(blog(NEWER));
    await world.clock.pass(20_000);
    expect(around()).toContain('switchyard_edge_divert');
    const changed = shop([service('api', { domains: ['api.example.com', 'www.example.com'] })]);
    const deploy = world.start(changed);
    const ended = await world.finish(upgrade, deploy);
    expect(ended.map(({ how }) => how)).toEqual(['done', 'done']);
    expect(world.answering('www.example.com')).toEqual(['shop_production_api']);
    expect(edge().image).toBe('nginx:1.31');
  });

  test('with images of which none is newer is refused', async () => {
    await deployed();
    await expect(world.deploy(blog({ image: 'acme/nginx:1' }))).rejects.toThrow(
      'with another image: nginx:1.30 there, acme/nginx:1 here',
    );
    expect(edge().image).toBe('nginx:1.30');
  });
});
