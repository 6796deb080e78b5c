import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Plan, stepsOf } from '../../../src/deploy/planning/plan.ts';
import { describeStep } from '../../../src/deploy/steps/index.ts';
import type { EnvironmentSpec, TlsSpec } from '../../../src/model/spec.ts';
import { readInstalled } from '../../../src/nginx/certificates.ts';
import { signedCertificate } from '../world/signed.ts';
import { comeOverHttps, type Visitors } from '../world/visitors.ts';
import { type HandMade, World } from '../world/world.ts';
import { servers, service, shop } from './specs.ts';
import { complaintOf, rest } from './story.ts';

const DOMAIN = 'api.example.com';
const TLS: TlsSpec = {
  mode: 'http-01',
  domains: {},
  policy: 'intermediate',
  redirect: true,
  hstsSeconds: 60,
  acme: { url: 'https://ca.example.com/directory' },
};

let world: World;
let visitors: Visitors[];
beforeEach(() => {
  world = new World();
  visitors = [];
});
/** No request is lost, and no handshake. */
afterEach(() => {
  expect(complaintOf(world)).toBeUndefined();
  for (const { complaints } of visitors) expect([...complaints]).toEqual([]);
});

/** A file that takes over the front of each server, and serves its domain over HTTPS. */
function fileOf(count = 1, tls: Partial<TlsSpec> = {}, drop: string[] = []): EnvironmentSpec {
  const api = service('api', { servers: count, adopt: { container: 'old-api', drop: [] } });
  const file = shop([api], servers(count));
  const adopt = { container: 'front', drop };
  return { ...file, nginx: { ...file.nginx, tls: { ...TLS, ...tls }, ports: ['443/tcp'], adopt } };
}

/** A front on a server that serves the domain over HTTPS, with a certificate of its own; its serial. */
async function makeFront(server = 'a', daysLeft = 60, made: Partial<HandMade> = {}): Promise<string> {
  const pair = await signedCertificate([DOMAIN, 'www.example.com'], { now: world.clock.now(), daysLeft });
  world.makeByHand(server, { name: 'old-api' });
  world.makeByHand(server, {
    name: 'front',
    published: { 80: 80, 443: 443 },
    passes: { [DOMAIN]: 'old-api:3000' },
    shows: { [DOMAIN]: pair },
    ...made,
  });
  return new X509Certificate(pair.chain).serialNumber;
}

/** Servers that are there, so that something can be made on them by hand. */
async function rested(count = 1): Promise<void> {
  world.addServers(servers(count));
}

async function visited(server = 'a'): Promise<void> {
  await rest(world);
  visitors.push(comeOverHttps(world, server, DOMAIN));
}

/** What the edge of a server has for the domain. */
function installedOn(server = 'a') {
  const path = `/etc/switchyard/certificates/shop_production.${DOMAIN}.crt`;
  return readInstalled(world.machine(server).find('switchyard_edge')?.readFile(path) ?? '');
}

function told({ steps }: Plan): string[] {
  return steps
    .filter(({ step }) => /certif|divert/.test(step.kind))
    .map(({ step }) => describeStep(step).replace(/,.*/, ''));
}

async function isSettled(file: EnvironmentSpec): Promise<boolean> {
  return !(await world.plan(file)).changed;
}

const TAKEN_OVER = 'take the certificate of api.example.com over from front on a';
const DIVERTED = 'send new connections to port 80 and 443 of a to the edge';

describe('the certificate of a front', () => {
  test('comes along before a connection goes past it, and serves on: no CA is asked', async () => {
    await rested();
    const serial = await makeFront();
    await visited();
    const { plan } = await world.plan(fileOf());
    expect(told(plan)).toEqual([TAKEN_OVER, DIVERTED]);
    const [adopted] = plan.steps.filter(({ step }) => step.kind === 'adopt certificate');
    const [divert] = plan.steps.filter(({ step }) => step.kind === 'divert');
    expect(divert!.needs).toContain(adopted!.id);
    await world.deploy(fileOf());
    expect(world.machine('a').find('front')).toBeUndefined();
    expect(installedOn()).toMatchObject({ origin: 'adopted', serial });
    expect([...visitors[0]!.serials]).toEqual([serial]);
    expect(world.authority.issued).toEqual([]);
    expect(await isSettled(fileOf())).toBe(true);
  });

  test('that does not come along, for once, is missed: the simulation notices', async () => {
    await rested();
    await makeFront();
    await visited();
    const withoutIt = (plan: Plan) => {
      const left = plan.steps.filter(({ step }) => step.kind === 'adopt certificate').map(({ id }) => id);
      plan.steps = plan.steps.filter(({ id }) => !left.includes(id));
      for (const planned of plan.steps) planned.needs = planned.needs.filter((need) => !left.includes(need));
    };
    await world.tryDeploy(fileOf(), { meddle: withoutIt });
    const [unhappy] = visitors.splice(0);
    expect([...unhappy!.complaints]).toContain('switchyard_edge_bridge shows no certificate');
  });

  test('is replaced by one of our own when it is due, without a gap', async () => {
    await rested();
    // A third of its lifetime is left in eight hours.
    const serial = await makeFront('a', 15.5);
    await world.deploy(fileOf());
    await world.clock.pass(12 * 3_600_000);
    await visited();
    expect(told((await world.plan(fileOf())).plan)[0]).toBe('replace the certificate of api.example.com');
    await world.deploy(fileOf());
    await rest(world);
    expect(world.authority.issued).toEqual([DOMAIN]);
    expect([...visitors[0]!.serials]).toEqual([serial, installedOn()?.serial]);
    expect(await isSettled(fileOf())).toBe(true);
  });

  test('that is due already comes along, and is replaced in the same run, when the edge has its ports', async () => {
    await rested();
    const serial = await makeFront('a', 5);
    await visited();
    const { plan } = await world.plan(fileOf());
    expect(told(plan)).toEqual([
      TAKEN_OVER,
      DIVERTED,
      'replace the certificate of api.example.com',
      'install the certificate of api.example.com on a',
    ]);
    const account = plan.steps.find(({ step }) => step.kind === 'share account')!;
    const certify = plan.steps.find(({ step }) => step.kind === 'certify')!;
    const open = plan.steps.filter(({ step }) => step.kind === 'prepare').at(-1)!;
    expect(open.step).toMatchObject({ edge: 'open' });
    expect([certify.needs, account.needs]).toEqual([[account.id], [open.id]]);
    await world.deploy(fileOf());
    await rest(world);
    expect([...visitors[0]!.serials]).toEqual([serial, installedOn()?.serial]);
    expect(await isSettled(fileOf())).toBe(true);
  });

  test('of each server serves on there, and that of one goes to a server that has none', async () => {
    await rested(3);
    const serials = [await makeFront('a'), await makeFront('b')];
    await visited('a');
    await visited('b');
    const wanted = fileOf(3);
    expect(told((await world.plan(wanted)).plan)).toContain(
      'copy the certificate of api.example.com from a to c',
    );
    await world.deploy(wanted);
    expect(['a', 'b'].map((server) => installedOn(server)?.serial)).toEqual(serials);
    expect(installedOn('c')).toMatchObject({ origin: 'adopted', serial: serials[0] });
    expect(await isSettled(wanted)).toBe(true);
  });

  test('stays behind where another server has one of our own: that is shown, before a connection goes past the front', async () => {
    await world.deploy(fileOf(1));
    await rested(2);
    const serial = await makeFront('b');
    await visited('b');
    const wanted = fileOf(2);
    expect(told((await world.plan(wanted)).plan)[0]).toBe(
      'copy the certificate of api.example.com from a to b',
    );
    await world.deploy(wanted);
    expect([...visitors[0]!.serials]).toEqual([serial, installedOn('a')?.serial]);
    expect(await isSettled(wanted)).toBe(true);
  });

  test('stays behind where people give one: theirs is shown before a connection goes past the front', async () => {
    await rested();
    await makeFront();
    await visited();
    const given = await signedCertificate([DOMAIN], { now: world.clock.now() });
    const wanted = fileOf(1, { mode: 'files', files: { certificate: 'CERT', key: 'KEY' } });
    const tlsSecrets = { CERT: given.chain, KEY: given.privateKey };
    const { plan } = await world.plan(wanted, { tlsSecrets });
    expect(told(plan)).toEqual(['install the certificate of api.example.com on a', DIVERTED]);
    await world.deploy(wanted, { tlsSecrets });
    expect(installedOn()?.origin).toBe('files CERT');
  });

  test('that nobody believes is replaced in the same run', async () => {
    await rested();
    const pair = await world.authority.selfSigned(DOMAIN);
    await makeFront('a', 60, { shows: { [DOMAIN]: pair } });
    await visited();
    await world.deploy(fileOf());
    expect(world.authority.issued).toEqual([DOMAIN]);
    await rest(world);
    expect(await isSettled(fileOf())).toBe(true);
  });

  test('stays behind where the file says that nobody comes by HTTPS: the edge gets its own', async () => {
    await rested();
    await makeFront();
    const wanted = fileOf(1, {}, ['443']);
    expect(stepsOf((await world.plan(wanted)).plan, 'adopt certificate')).toEqual([]);
    await world.deploy(wanted);
    expect(installedOn()?.origin).toBe('acme https://ca.example.com/directory');
    expect(await isSettled(wanted)).toBe(true);
  });
});

describe('a front that a run was taking over', () => {
  test.each([
    /^begins: adopt certificate/,
    /PUT http:\S+\/keys\//,
    /PUT http:\S+\/certificates\//,
    /^ends: adopt certificate/,
    /^moment: divert: diverted/,
    /^ends: remove: remove old-api/,
    /^ends: remove: remove front/,
    /^ends: prepare: give the edge its ports/,
  ])(
    'when it was cut off at "%s" leaves with the next one, and nobody sees another certificate',
    async (moment) => {
      await rested();
      const serial = await makeFront();
      await visited();
      await world.deployUntil(moment, fileOf());
      await rest(world);
      await world.deploy(fileOf());
      expect(world.machine('a').find('front')).toBeUndefined();
      expect([...visitors[0]!.serials]).toEqual([serial]);
      expect(installedOn()).toMatchObject({ serial });
      expect(await isSettled(fileOf())).toBe(true);
    },
  );
});

test('what has port 443 alone, beside an edge that serves HTTP, is named before anything changes', async () => {
  const plain = shop([service('api', { image: 'api:1' })]);
  await world.deploy(plain);
  await rest(world);
  world.makeByHand('a', { name: 'tls-proxy', published: { 443: 8443 } });
  const before = world.running();
  const wanted = { ...shop([service('api', { image: 'api:2' })]) };
  const secured = { ...wanted, nginx: { ...wanted.nginx, tls: TLS, ports: ['443/tcp' as const] } };
  await expect(world.deploy(secured)).rejects.toThrow('a: tls-proxy has port 443');
  expect(world.running()).toEqual(before);
  await world.deploy({ ...secured, nginx: wanted.nginx });
  await rest(world);
});
