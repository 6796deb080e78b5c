import { describe, expect, test } from '@jest/globals';
import { selfSigned } from '../../../src/acme/certificate.ts';
import { AcmeRefusal, CertificateError, explained, namesRefused } from '../../../src/acme/failure.ts';
import { endingIn } from '../../../src/commands/status.ts';
import type { Plan } from '../../../src/deploy/planning/plan.ts';
import { describeStep } from '../../../src/deploy/steps/index.ts';
import type { EnvironmentSpec, TlsSpec } from '../../../src/model/spec.ts';
import { readInstalled } from '../../../src/nginx/certificates.ts';
import { renderStatus } from '../../../src/report/status.ts';
import type { World } from '../world/world.ts';
import { NOTHING, newWorld, planFor } from './deployed.ts';
import { servers, service, shop } from './specs.ts';
import { rest } from './story.ts';

const DOMAIN = 'api.example.com';
const DAY_MS = 86_400_000;
const TLS: TlsSpec = {
  mode: 'http-01',
  domains: {},
  policy: 'intermediate',
  redirect: true,
  hstsSeconds: 60,
  acme: { url: 'https://ca.example.com/directory' },
};

/** secured returns an environment whose domains are served over HTTPS. */
function secured(wanted: EnvironmentSpec, tls: Partial<TlsSpec> = {}): EnvironmentSpec {
  return { ...wanted, nginx: { ...wanted.nginx, tls: { ...TLS, ...tls }, ports: ['443/tcp'] } };
}

/** A shop with api on so many servers. */
const on = (count: number, tls: Partial<TlsSpec> = {}) =>
  secured(shop([service('api', { servers: count })], servers(count)), tls);

/** serialOn returns the serial of the certificate that the edge of a server has for a domain. */
function serialOn(world: World, server: string, domain = DOMAIN): string | undefined {
  const path = `/etc/switchyard/certificates/shop_production.${domain}.crt`;
  return readInstalled(world.machine(server).find('switchyard_edge')?.readFile(path) ?? '')?.serial;
}

/** told returns what a plan does about certificates. */
function told({ steps }: Plan): string[] {
  return steps.filter(({ step }) => /certif|account/.test(step.kind)).map(({ step }) => describeStep(step));
}

describe('certificates', () => {
  test('are had once for all servers, in the run that brings the domain', async () => {
    const world = newWorld();
    expect(told(await planFor(world, on(2)))).toEqual([
      'have one account with certificate authorities on a, b',
      'issue a certificate for api.example.com, by http-01',
      'install the certificate of api.example.com on a',
      'install the certificate of api.example.com on b',
    ]);
    await world.deploy(on(2));
    expect(world.authority.issued).toEqual([DOMAIN]);
    expect(serialOn(world, 'a')).toBeDefined();
    expect(serialOn(world, 'b')).toBe(serialOn(world, 'a'));
    expect(await world.describe(on(2))).toEqual(NOTHING);
  });

  test('come after all services serve, and no service waits for them', async () => {
    const { steps } = await planFor(newWorld(), on(1));
    const certify = steps.find(({ step }) => step.kind === 'certify')!;
    const proves = steps.filter(({ step }) => step.kind === 'prove').map(({ id }) => id);
    const account = steps.find(({ step }) => step.kind === 'share account')!;
    expect(account.needs).toEqual(proves);
    expect(certify.needs).toEqual([account.id]);
    const waiting = steps.filter(({ needs }) => needs.includes(certify.id));
    expect(waiting.map(({ step }) => step.kind)).toEqual(['install certificate']);
  });

  test('that a CA refuses fail the run, which names the domain, and keeps what it has deployed', async () => {
    const world = newWorld();
    world.authority.refused.add(DOMAIN);
    const two = secured(shop([service('api'), service('web')]));
    await expect(world.deploy(two)).rejects.toThrow('api.example.com gets no certificate');
    expect(world.answering(DOMAIN)).toEqual(['shop_production_api']);
    expect(world.authority.issued).toEqual(['web.example.com']);
    world.authority.refused.clear();
    await world.deploy(two);
    expect(world.authority.issued).toEqual(['web.example.com', DOMAIN]);
    expect(await world.describe(two)).toEqual(NOTHING);
  });

  test('go to a server that comes later, and no CA is asked', async () => {
    const world = newWorld();
    await world.deploy(on(1));
    expect(told(await planFor(world, on(2)))).toEqual([
      'copy the certificate of api.example.com from a to b',
      'have one account with certificate authorities on a, b',
    ]);
    await world.deploy(on(2));
    expect(world.authority.issued).toHaveLength(1);
    expect(serialOn(world, 'b')).toBe(serialOn(world, 'a'));
    expect(await world.describe(on(2))).toEqual(NOTHING);
  });

  test('are renewed when their CA wants it, by the account that there is', async () => {
    const world = newWorld();
    await world.deploy(on(2));
    const first = serialOn(world, 'a');
    world.authority.wantsAnew.add(first!);
    expect(told(await planFor(world, on(2)))[1]).toMatch(
      /^renew the certificate of api.example.com \(\d\d days left\), by http-01$/,
    );
    await world.deploy(on(2));
    expect(serialOn(world, 'a')).not.toBe(first);
    expect(serialOn(world, 'b')).toBe(serialOn(world, 'a'));
    expect(world.authority.accounts.size).toBe(1);
    expect(await world.describe(on(2))).toEqual(NOTHING);
  });

  test.each([
    [59, []],
    [60, ['renew the certificate of api.example.com (29 days left), by http-01']],
  ])(
    'are renewed by their lifetime where the CA says nothing: after %d of 90 days',
    async (days, renewal) => {
      const world = newWorld();
      world.authority.issuesDaysBefore = days;
      await world.deploy(on(2));
      expect(told(await planFor(world, on(2))).filter((line) => line.startsWith('renew'))).toEqual(renewal);
      world.authority.issuesDaysBefore = 0;
      await world.deploy(on(2));
      expect(world.authority.issued).toHaveLength(1 + renewal.length);
      expect(await world.describe(on(2))).toEqual(NOTHING);
    },
  );

  test('are renewed while a server is not reached that the CA asks as well', async () => {
    const world = newWorld();
    await world.deploy(on(2));
    const first = serialOn(world, 'a');
    world.authority.wantsAnew.add(first!);
    await world.deploy(on(2), { excludedServers: ['b'] });
    expect(serialOn(world, 'a')).not.toBe(first);
    expect(serialOn(world, 'b')).toBe(first);
    await world.deploy(on(2));
    expect(serialOn(world, 'b')).toBe(serialOn(world, 'a'));
    expect(world.authority.issued).toHaveLength(2);
  });

  test('are replaced when they shall come from elsewhere', async () => {
    const world = newWorld();
    await world.deploy(on(1, { mode: 'self-signed' }));
    expect(told(await planFor(world, on(1)))[1]).toBe(
      'replace the certificate of api.example.com, by http-01',
    );
    await world.deploy(on(1));
    expect(world.authority.issued).toEqual([DOMAIN]);
    expect(await world.describe(on(1))).toEqual(NOTHING);
  });

  test('leave with their domain, and those of others stay', async () => {
    const world = newWorld();
    await world.deploy(secured(shop([service('api'), service('web')])));
    await world.deploy(on(1));
    expect(serialOn(world, 'a', 'web.example.com')).toBeUndefined();
    expect(serialOn(world, 'a')).toBeDefined();
  });

  test.each([
    /moment: share account: account is kept/,
    /moment: certify: challenge is answered/,
    /moment: certify: issued/,
    /begins: install certificate/,
  ])('are had by the next run where one was killed at %s', async (moment) => {
    const world = newWorld();
    await world.deployUntil(moment, on(2));
    await rest(world);
    await world.deploy(on(2));
    expect(serialOn(world, 'a')).toBeDefined();
    expect(serialOn(world, 'b')).toBe(serialOn(world, 'a'));
    expect(await world.describe(on(2))).toEqual(NOTHING);
  });
});

describe('a domain that leads elsewhere', () => {
  const WEB = 'web.example.com';
  const two = secured(shop([service('api'), service('web')]));

  test('or nowhere is asked of no CA; the others have theirs, and the next run goes on', async () => {
    const world = newWorld();
    world.authority.leads.set(WEB, { seen: 'nothing', why: 'there is no such name' });
    await expect(world.deploy(two)).rejects.toMatchObject({
      message: 'web.example.com gets no certificate: it leads nowhere, DNS says that there is no such name',
      hint: expect.stringMatching(/^Let it lead to 192\.0\.2\.1 \(a\) by A or AAAA records/),
    });
    expect(world.authority.asked).toEqual([DOMAIN]);
    expect(serialOn(world, 'a')).toBeDefined();
    expect(world.answering(WEB)).toEqual(['shop_production_web']);
    world.authority.leads.clear();
    await world.deploy(two);
    expect(serialOn(world, 'a', WEB)).toBeDefined();
    expect(await world.describe(two)).toEqual(NOTHING);
  });

  test('is tried all the same: a CDN may stand there', async () => {
    const world = newWorld();
    world.authority.leads.set(WEB, { seen: 'addresses', addresses: ['198.51.100.9'] });
    await world.deploy(two);
    expect(serialOn(world, 'a', WEB)).toBeDefined();
  });

  test.each([
    [
      '198.51.100.9',
      /lead to 198\.51\.100\.9, and the servers are 192\.0\.2\.1 \(a\)\.$/,
      /^Let it lead to them; or/,
    ],
    ['192.0.2.1 2001:db8::9', /lead to 192\.0\.2\.1, 2001:db8::9, and/, /^2001:db8::9 is none of theirs/],
    ['192.0.2.1', /which is as it should be\.$/, /^Port 80 of these servers/],
  ])('and is refused is told with where it leads: %s', async (addresses, message, hint) => {
    const world = newWorld();
    world.authority.leads.set(WEB, { seen: 'addresses', addresses: addresses.split(' ') });
    world.authority.refused.add(WEB);
    await expect(world.deploy(two)).rejects.toMatchObject({
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });

  test('and has a certificate keeps it', async () => {
    const world = newWorld();
    await world.deploy(two);
    const before = serialOn(world, 'a', WEB);
    world.authority.wantsAnew.add(before!);
    world.authority.leads.set(WEB, { seen: 'nothing', why: 'the name has no address' });
    await expect(world.deploy(two)).rejects.toThrow('web.example.com gets no certificate');
    expect(serialOn(world, 'a', WEB)).toBe(before);
  });

  test('is asked of a CA of one’s own, which may know names that nobody else does', async () => {
    const world = newWorld();
    world.authority.leads.set(DOMAIN, { seen: 'nothing', why: 'there is no such name' });
    await world.deploy(on(1, { acme: { url: 'https://ca.internal/directory', ca: 'PEM' } }));
    expect(world.authority.issued).toEqual([DOMAIN]);
  });
});

describe('a CA with a bad day', () => {
  const host = 'ca.example.com';
  const says = (type: string, status: number, detail: string) =>
    explained(new AcmeRefusal({ type, status, detail, ofNames: [] }), host, [DOMAIN]) as Error;
  const unreachable = (what: string) =>
    new CertificateError(`the certificate authority ${host} ${what}`, { because: 'unreachable' });
  const unproven = (reason: string) => namesRefused(host, [DOMAIN], [{ name: DOMAIN, reason }]);

  const DAYS: [string, Error, RegExp][] = [
    ['is asked too often', says('rateLimited', 429, 'five failures'), /asked too often: five failures/],
    ['refuses every nonce', says('badNonce', 400, 'no good'), /no good \(badNonce\)/],
    ['has trouble', says('serverInternal', 500, 'oops'), /trouble of its own: oops \(500\)/],
    ['is down', unreachable('cannot be reached: ECONNREFUSED'), /cannot be reached: ECONNREFUSED/],
    ['is slow', unreachable('did not answer within 20 s'), /did not answer within 20 s/],
    ['meets a firewall', unproven('timeout on port 80 (connection)'), /timeout on port 80/],
    ['has forgotten the account', says('unauthorized', 403, 'unknown account'), /unknown account/],
    ['finds a clock wrong', unreachable('cannot be reached: CERT_NOT_YET_VALID'), /CERT_NOT_YET_VALID/],
  ];

  test.each(DAYS)(
    'that %s: the domain is named, what there was serves on, the next run goes on',
    async (_what, error, seen) => {
      const five = ['api', 'web', 'blog', 'docs', 'shop'].map((name) => service(name));
      const wanted = secured(shop(five));
      const world = newWorld();
      await world.deploy(wanted);
      const before = serialOn(world, 'a')!;
      const others = () =>
        ['web', 'blog', 'docs', 'shop'].map((name) => serialOn(world, 'a', `${name}.example.com`));
      const old = others();
      for (const serial of [before, ...old]) world.authority.wantsAnew.add(serial!);
      world.authority.failures.set(DOMAIN, error);

      const failure = await failureOf(world.deploy(wanted));

      expect(failure.message).toMatch(seen);
      expect(failure.message).toContain(DOMAIN);
      expect(serialOn(world, 'a')).toBe(before);
      for (const serial of others()) expect(old).not.toContain(serial);
      world.authority.failures.clear();
      await world.deploy(wanted);
      expect(serialOn(world, 'a')).not.toBe(before);
      expect(await world.describe(wanted)).toEqual(NOTHING);
    },
  );

  test('meets no account any more, as its key is lost: there is another one, and the servers answer for that', async () => {
    const world = newWorld();
    await world.deploy(on(2));
    for (const name of ['a', 'b'])
      world
        .machine(name)
        .find('switchyard_edge')
        ?.removeFile('/etc/switchyard_keys/accounts/shop_production.pem');
    world.authority.wantsAnew.add(serialOn(world, 'a')!);
    await world.deploy(on(2));
    expect(world.authority.accounts.size).toBe(2);
    expect(world.authority.issued).toHaveLength(2);
    expect(await world.describe(on(2))).toEqual(NOTHING);
  });

  test('meets a disk that is full: it is told where, and what there was serves on', async () => {
    const world = newWorld();
    await world.deploy(on(2));
    const before = serialOn(world, 'b')!;
    world.authority.wantsAnew.add(before);
    world.machine('b').isStubborn = true;
    await expect(world.deploy(on(2))).rejects.toThrow(/^b: edge .* does not take .*: it answers 500/);
    expect(serialOn(world, 'b')).toBe(before);
    world.machine('b').isStubborn = false;
    await world.deploy(on(2));
    expect(serialOn(world, 'b')).not.toBe(before);
    expect(await world.describe(on(2))).toEqual(NOTHING);
  });
});

async function failureOf(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => {
      throw new Error('nothing failed');
    },
    (error) => error as Error,
  );
}

describe('a certificate that is revoked', () => {
  const revoke = { domains: [DOMAIN], reason: 'key-compromise' as const };
  const asked = { routesOnly: true, revoke };
  const world = async (wanted = on(2)) => {
    const one = newWorld();
    await one.deploy(wanted);
    return { one, old: serialOn(one, 'a')! };
  };

  test('has to be from the CA that would be asked', async () => {
    const { one, old } = await world(on(2, { mode: 'self-signed' }));
    await expect(one.deploy(on(2), asked)).rejects.toThrow(
      'api.example.com has no certificate that could be revoked',
    );
    expect([one.authority.revoked, serialOn(one, 'a')]).toEqual([[], old]);
  });

  test('is replaced on all servers first, in one run', async () => {
    const { one, old } = await world();
    expect(told(await planFor(one, on(2), asked))).toEqual([
      'have one account with certificate authorities on a, b',
      expect.stringMatching(/^renew the certificate of api\.example\.com/),
      'install the certificate of api.example.com on a',
      'install the certificate of api.example.com on b',
      `revoke the certificate of api.example.com with the serial ${old} (key-compromise)`,
    ]);
    await one.deploy(on(2), asked);
    expect(one.authority.revoked).toEqual([{ serial: old, reason: 'key-compromise', by: 'account' }]);
    expect([serialOn(one, 'a'), serialOn(one, 'b')]).not.toContain(old);
    expect(await one.describe(on(2))).toEqual(NOTHING);
  });

  test('is not while there is no other: it serves on', async () => {
    const { one, old } = await world();
    one.authority.refused.add(DOMAIN);
    await expect(one.deploy(on(2), asked)).rejects.toThrow('gets no certificate');
    expect([one.authority.revoked, serialOn(one, 'a')]).toEqual([[], old]);
    expect(await one.describe(on(2))).toEqual(NOTHING);
  });

  test('by its own key, where the account is lost', async () => {
    const { one, old } = await world();
    for (const name of ['a', 'b'])
      one
        .machine(name)
        .find('switchyard_edge')
        ?.removeFile('/etc/switchyard_keys/accounts/shop_production.pem');
    await one.deploy(on(2), asked);
    expect(one.authority.revoked).toEqual([{ serial: old, reason: 'key-compromise', by: 'key' }]);
  });

  test('is by the next run where the CA was away, whatever that is for', async () => {
    const { one, old } = await world();
    const away = new CertificateError('the CA is away', { because: 'unreachable' });
    one.authority.failures.set(`revoke ${DOMAIN}`, away);
    await expect(one.deploy(on(2), asked)).rejects.toThrow('the CA is away');
    one.authority.failures.clear();
    await one.deploy(on(2));
    expect(one.authority.revoked.map(({ serial }) => serial)).toEqual([old]);
    expect(one.authority.issued).toHaveLength(2);
    expect(await one.describe(on(2))).toEqual(NOTHING);
  });

  test('and the CA refuses that for good: the run says so, and no later one asks again', async () => {
    const { one } = await world();
    const refused = new CertificateError('it is not yours', { because: 'refused' });
    one.authority.failures.set(`revoke ${DOMAIN}`, refused);
    await expect(one.deploy(on(2), asked)).rejects.toThrow('it is not yours');
    expect(await one.describe(on(2))).toEqual(NOTHING);
  });

  test.each([
    /moment: certify: issued/,
    /moment: certify: revocation is noted/,
    /begins: install certificate/,
    /ends: install certificate/,
    /begins: revoke certificate/,
  ])('in a run that was killed at %s is revoked by a run after that', async (moment) => {
    const { one, old } = await world();
    await one.deployUntil(moment, on(2), asked);
    await rest(one);
    await one.deploy(on(2));
    if (one.authority.revoked.length === 0) await one.deploy(on(2), asked);
    expect(one.authority.revoked.map(({ serial }) => serial)).toEqual([old]);
    expect([serialOn(one, 'a'), serialOn(one, 'b')]).not.toContain(old);
    expect(await one.describe(on(2))).toEqual(NOTHING);
  });
});

describe('a certificate near its end', () => {
  /** A world whose certificate is so old, and what `status` and `plan` say of it. */
  const aged = async (days: number, wanted = on(1)) => {
    const world = newWorld();
    world.authority.issuesDaysBefore = days;
    await world.deploy(wanted);
    const report = await world.status(wanted);
    return { world, failure: endingIn(report), warnings: renderStatus(report).warnings };
  };

  test('is nothing to tell while it is fine', async () => {
    expect(await aged(59)).toMatchObject({ failure: undefined, warnings: [] });
  });

  test('is warned of', async () => {
    const { failure, warnings } = await aged(70);
    expect([failure, warnings]).toEqual([
      undefined,
      [expect.stringMatching(/^certificate of api\.example\.com: 19 days left .* nothing has renewed it$/)],
    ]);
  });

  test.each([
    [85, /^certificates end soon: api\.example\.com, 4 days left \(until /],
    [95, /^certificates have expired: api\.example\.com, has expired on /],
  ])('fails who looks at it after %i of 90 days', async (days, message) => {
    expect((await aged(days)).failure?.message).toMatch(message);
  });

  test('fails who looks at it as early as the file says', async () => {
    const expiry = { warnBelow: { days: 25 }, failBelow: { days: 22 } };
    const { failure } = await aged(70, on(1, { expiry }));
    expect(failure?.message).toContain('19 days left');
  });

  test('is a warning in a plan that brings a new one', async () => {
    const { world } = await aged(85);
    const { findings } = await world.plan(on(1));
    expect(findings.filter(({ check }) => check === 'certificate')).toMatchObject([
      {
        level: 'warning',
        message: expect.stringMatching(/^api\.example\.com on a: 4 days .* deploy brings a new/),
      },
    ]);
  });

  test('is an error in a plan that does not: somebody has to buy one', async () => {
    const world = newWorld();
    const bought = await selfSigned([DOMAIN], { days: 90, now: world.clock.now() - 85 * DAY_MS });
    const files = on(1, { mode: 'files', files: { certificate: 'CERT', key: 'KEY' } });
    const tlsSecrets = { CERT: bought.chain, KEY: bought.privateKey };
    await world.deploy(files, { tlsSecrets });
    const { findings } = await world.plan(files, { tlsSecrets });
    expect(findings.filter(({ level }) => level === 'error')).toMatchObject([
      { check: 'certificate', hint: expect.stringMatching(/^Get a new one/) },
    ]);
  });
});

describe('an edge that was created before HTTPS was asked for', () => {
  test('gets its port by an upgrade, and its certificate in the same run', async () => {
    const world = newWorld();
    await world.deploy(shop([service('api')]));
    expect(await world.describe(on(1))).toContainEqual(expect.stringContaining('publish 443'));
    await world.deploy(on(1));
    expect(world.answering(DOMAIN)).toEqual(['shop_production_api']);
    expect(world.lost).toEqual([]);
    await rest(world);
    expect(await world.describe(on(1))).toEqual(NOTHING);
  });
});
