import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { KeyPair } from '../../src/nginx/certificates.ts';
import { type Authority, startAuthority } from '../lab/ca.ts';
import { makeCertificate } from '../lab/certificates.ts';
import { resetServer } from '../lab/reset.ts';
import { borrow, type LentServers, seedOf } from './fleet.ts';
import { HandMade, secureFrontConfig } from './hand-made.ts';
import { type HttpsVisitors, startHttpsVisitors } from './https-visitors.ts';
import type { Project } from './project.ts';
import { said } from './said.ts';
import { newProject, webService } from './web-shop.ts';

jest.setTimeout(5 * 60_000);

const SHOP = ['shop.example.com', 'www.example.com'];
const API = 'api.example.com';

/** A front that serves HTTPS is taken over, and its certificates come along. */
describe('A server with a front that serves HTTPS with certificates of its own', () => {
  let lab: LentServers;
  let byHand: HandMade;
  let authority: Authority;
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

  /** Visitors of two of the domains, who believe whoever signs for the front, and the authority. */
  function startVisitors(): HttpsVisitors {
    const roots = [root.chain, authority.root];
    return startHttpsVisitors({ host: byHand.server.host, domains: [SHOP[0]!, API], roots });
  }

  const serialOf = ({ chain }: KeyPair) => new X509Certificate(chain).serialNumber;

  test('is taken over with them, and later they are replaced: no request and no handshake is lost', async () => {
    await makeByHand();
    const shop = await shopByHand();
    const plan = said(await shop.deploy({ 'dry-run': 'true' }));
    expect(plan).toContain(`take the certificate of ${API} over from front on ${byHand.server.host}`);
    expect(plan).toContain('send new connections to port 80 and 443');
    const visitors = startVisitors();
    await visitors.untilSent(50);
    const run = await shop.deploy();
    await visitors.untilSent(200);
    const { sent, losses, repeated, serials } = await visitors.leave();
    console.log(`taken over in ${run.ms} ms: ${JSON.stringify({ sent, lost: losses.length, repeated })}`);
    expect(losses).toEqual([]);
    // The authority was not asked: what the front has is good for weeks.
    expect(serials).toEqual({ [SHOP[0]!]: [serialOf(ofShop)], [API]: [serialOf(ofApi)] });
    expect(await byHand.settled()).toEqual([
      'shop_production_nginx',
      'shop_production_web',
      'switchyard_edge',
    ]);
    expect(run.log).not.toContain('PRIVATE KEY');
    expect((await shop.deploy()).outputs.changed).toBe('false');

    const later = startVisitors();
    await later.untilSent(20);
    expect(await shop.run('certificates', { action: 'issue' })).toMatchObject({ code: 0 });
    await later.untilSent(100);
    const seen = await later.leave();
    console.log(`replaced: ${JSON.stringify({ sent: seen.sent, lost: seen.losses.length })}`);
    expect(seen.losses).toEqual([]);
    for (const [domain, before] of Object.entries(serials))
      expect(seen.serials[domain]).toEqual([...before, expect.any(String)]);
  });

  test('is not touched while a certificate cannot come along: what it lacks is named', async () => {
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
});
