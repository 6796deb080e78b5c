import { X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { KeyPair } from '../../src/nginx/certificates.ts';
import { type Authority, startAuthority } from '../lab/ca.ts';
import { makeCertificate } from '../lab/certificates.ts';
import { resetServer } from '../lab/reset.ts';
import { borrow, type LentServers, seedOf } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { HandMade, secureFrontConfig } from './hand-made.ts';
import { type HttpsVisited, type HttpsVisitors, startHttpsVisitors } from './https-visitors.ts';
import { describeMoment, isChosen, momentsOf, strike } from './moments.ts';
import { once } from './once.ts';
import type { Project } from './project.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { newProject, webService } from './web-shop.ts';

jest.setTimeout(size.killMatrixMinutes * 60_000);

const SHOP = ['shop.example.com', 'www.example.com'];
const API = 'api.example.com';

/** A front that serves HTTPS is taken over, and its certificates come along. */
describe('A server with a front that serves HTTPS with certificates of its own', () => {
  let lab: LentServers;
  let byHand: HandMade;
  let authority: Authority;
  let visitors: HttpsVisitors | undefined;
  let root: KeyPair;
  let ofShop: KeyPair;
  let ofApi: KeyPair;

  beforeAll(async () => {
    lab = await borrow(1);
    byHand = new HandMade(lab, lab.servers[0]!);
    root = await makeCertificate(['root.example.com']);
    ofShop = await makeCertificate(SHOP, { signer: root });
    ofApi = await makeCertificate([API], { signer: root });
    authority = await startAuthority({ httpPort: 80 });
    for (const name of [...SHOP, API]) await authority.dns.address(name, byHand.server.host);
  });

  afterEach(async () => {
    await visitors?.leave();
    visitors = undefined;
  });

  afterAll(async () => {
    await authority?.stop();
    lab?.giveBack();
  });

  /** Two domains share a certificate, which lies on the server as certbot leaves it; the third has one in the container. */
  async function makeByHand(): Promise<void> {
    const { server } = byHand;
    await resetServer(server, seedOf(lab));
    await byHand.network('hand');
    await byHand.app('old-web', 'hand', 'v1');
    await byHand.write('/etc/letsencrypt/archive/shop/fullchain1.pem', ofShop.chain);
    await byHand.write('/etc/letsencrypt/archive/shop/privkey1.pem', ofShop.privateKey);
    await server.exec(['mkdir', '-p', '/etc/letsencrypt/live/shop']);
    for (const name of ['fullchain', 'privkey'])
      await server.exec([
        ...['ln', '-s', `../../archive/shop/${name}1.pem`, `/etc/letsencrypt/live/shop/${name}.pem`],
      ]);
    const live = '/etc/letsencrypt/live/shop';
    await byHand.secureNginx('front', 'hand', {
      config: secureFrontConfig('old-web', [
        { domains: SHOP, certificate: `${live}/fullchain.pem`, key: `${live}/privkey.pem` },
        // Below the folder of the configuration.
        { domains: [API], certificate: 'tls/api.crt', key: 'tls/api.key' },
      ]),
      files: { 'tls/api.crt': ofApi.chain, 'tls/api.key': ofApi.privateKey },
      options: ['--publish', '443:443', '--volume', '/etc/letsencrypt:/etc/letsencrypt:ro'],
    });
  }

  async function shopByHand(): Promise<Project> {
    const web = { ...webService(lab, 'shop', 1), image: lab.images.web('v2'), adopt: 'old-web' };
    const shop = await newProject(lab, 'shop', [byHand.server], { web: { ...web, domain: [...SHOP, API] } });
    return shop.edit((config) => {
      config.sidecar = { ...lab.sidecar, adopt: 'front' };
      const { url, ca } = authority.directory;
      config.tls = { email: 'ops@example.com', directory: url, directory_ca: ca };
    });
  }

  /** Visitors of two of the domains come, who believe whoever signs for the front, and the authority. */
  async function startVisitors(): Promise<void> {
    const roots = [root.chain, authority.root];
    visitors = startHttpsVisitors({ host: byHand.server.host, domains: [SHOP[0]!, API], roots });
    await visitors.untilSent(30);
  }

  /** What they have seen when each kind has come as often again. */
  async function endVisitors(): Promise<HttpsVisited> {
    await visitors!.untilSent(30);
    return await visitors!.leave();
  }

  /** By domain, as visitors see them. */
  function serialsOfFront(): HttpsVisited['serials'] {
    const serialOf = ({ chain }: KeyPair) => new X509Certificate(chain).serialNumber;
    return { [SHOP[0]!]: [serialOf(ofShop)], [API]: [serialOf(ofApi)] };
  }

  async function expectTakenOver(shop: Project): Promise<void> {
    const ours = ['shop_production_nginx', 'shop_production_web', 'switchyard_edge'];
    expect(await byHand.settled()).toEqual(ours);
    expect((await shop.deploy()).outputs.changed).toBe('false');
  }

  /** A deploy over what was made by hand, under load; what it went through. */
  const takenOver = once(async () => {
    await makeByHand();
    const shop = await shopByHand();
    const plan = said(await shop.deploy({ 'dry-run': 'true' }));
    expect(plan).toContain(`take the certificate of ${API} over from front on ${byHand.server.host}`);
    expect(plan).toContain('send new connections to port 80 and 443');
    await startVisitors();
    const { ms, log } = await shop.deploy();
    const { sent, losses, repeated, serials } = await endVisitors();
    console.log(`taken over in ${ms} ms: ${JSON.stringify({ sent, lost: losses.length, repeated })}`);
    expect(losses).toEqual([]);
    // The authority was not asked: what the front has is good for weeks.
    expect(serials).toEqual(serialsOfFront());
    expect(log).not.toContain('PRIVATE KEY');
    await expectTakenOver(shop);
    return { shop, moments: momentsOf(log) };
  });

  test('is taken over with them: no request and no handshake is lost, and nobody sees another one', async () => {
    await takenOver();
  });

  test('has left them to an edge that replaces them: no request and no handshake is lost', async () => {
    const { shop } = await takenOver();
    await startVisitors();
    expect(await shop.run('certificates', { action: 'issue' })).toMatchObject({ code: 0 });
    const { sent, losses, serials } = await endVisitors();
    console.log(`replaced: ${JSON.stringify({ sent, lost: losses.length })}`);
    expect(losses).toEqual([]);
    for (const [domain, before] of Object.entries(serialsOfFront()))
      expect(serials[domain]).toEqual([...before, expect.any(String)]);
  });

  fullSizeTest('is not touched while a certificate cannot come along: what it lacks is named', async () => {
    await makeByHand();
    const before = await byHand.containers();
    const shop = await shopByHand();
    shop.edit((config) => {
      config.services.web!.domain = [...SHOP, API];
      delete config.tls;
    });
    expect(said(await shop.failToDeploy())).toContain(
      `front serves HTTPS for ${SHOP.join(', ')}, ${API}, which the file serves over HTTP alone`,
    );
    expect(await byHand.containers()).toEqual(before);
  });

  fullSizeTest('is taken over by the next run, where one was killed: nobody notices', async () => {
    const { moments } = await takenOver();
    const taking = moments.filter(({ kind }) =>
      ['adopt certificate', 'divert', 'stop', 'remove', 'prepare'].includes(kind),
    );
    const wrong: string[] = [];
    for (const moment of taking.filter((one) => isChosen({ moment: one }))) {
      const title = `SIGKILL ${describeMoment(moment)}`;
      console.log(title);
      await makeByHand();
      const shop = await shopByHand();
      await startVisitors();
      const run = shop.start('toggle-deploy');
      await strike(run, moment, () => run.signal('SIGKILL'));
      const { state } = await run.done;
      await shop.run('post', {}, { STATE_lease: state.lease ?? '' });
      await shop.deploy();
      const { losses, serials } = await endVisitors();
      expect({ title, serials }).toEqual({ title, serials: serialsOfFront() });
      wrong.push(...losses.map((loss) => `${title}: ${loss}`));
      await expectTakenOver(shop);
    }
    expect(wrong).toEqual([]);
  });
});
