import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type AcmeAccountKey, newAccountKey } from '../../../src/acme/account.ts';
import { renewalId } from '../../../src/acme/certificate.ts';
import type { CertificateError } from '../../../src/acme/failure.ts';
import {
  type CertificateOrder,
  type IssuedCertificate,
  issueCertificate,
  renewalWindow,
  revokeCertificate,
} from '../../../src/acme/issue.ts';
import type { ChallengeSolver } from '../../../src/acme/solver.ts';
import { renewalAt } from '../../../src/model/certificate.ts';
import { type Clock, systemClock } from '../../../src/model/clock.ts';
import type { Log } from '../../../src/model/log.ts';
import { FakeCa, type Instead } from './fake-ca.ts';

/** A clock that goes so many times faster: a request still takes a while by it, and a minute is over soon. */
const FASTER = 20;
const started = systemClock.now();
function fast(clock: Clock): Clock {
  return {
    now: () => started + (clock.now() - started) * FASTER,
    sleep: (ms) => clock.sleep(ms / FASTER),
    endingWith: (signal) => fast(clock.endingWith(signal)),
  };
}

const NAMES = ['shop.example.test', 'www.shop.example.test'];
const URN = 'urn:ietf:params:acme:error';

let ca: FakeCa;
let account: AcmeAccountKey;
let said: string[];
let solved: string[];
let solver: ChallengeSolver;
beforeEach(async () => {
  ca = await new FakeCa().start();
  account = await newAccountKey();
  said = [];
  solved = [];
  solver = {
    type: 'http-01',
    present: async (challenges) => void solved.push(`shown ${challenges.length}`),
    cleanUp: async (challenges) => void solved.push(`gone ${challenges.length}`),
  };
});
afterEach(() => ca.stop());

const log: Log = {
  debug: (line) => said.push(line),
  info: (line) => said.push(line),
  warning: (line) => said.push(line),
  group: (_title, work) => work(),
};

const clock = fast(systemClock);
const order = (other: Partial<CertificateOrder> = {}): Promise<IssuedCertificate> =>
  issueCertificate({ directory: { url: ca.url() }, account, names: NAMES, solver, clock, log, ...other });

async function failureOf(work: Promise<unknown>): Promise<CertificateError> {
  return await work.then(
    () => {
      throw new Error('nothing failed');
    },
    (error) => error as CertificateError,
  );
}

const problem = (type: string, status: number, detail: string, more: Partial<Instead> = {}): Instead => ({
  ...{ status, body: { type: `${URN}:${type}`, detail, status } },
  ...more,
});
const times = (count: number, answer: Instead): Instead[] => Array.from({ length: count }, () => answer);

test('a certificate is ordered, proven, signed and fetched; its key is new each time, and no secret is in the log', async () => {
  const eab = { keyId: 'k', hmacKey: Buffer.from('between us').toString('base64url') };
  const first = await order({ directory: { url: ca.url(), eab, email: 'ops@example.test' } });
  expect(first).toMatchObject({ names: NAMES, notAfter: Math.floor(ca.validity.until / 1000) * 1000 });
  expect(ca.asked[0]?.payload).toMatchObject({
    termsOfServiceAgreed: true,
    contact: ['mailto:ops@example.test'],
  });
  expect((await order()).privateKey).not.toBe(first.privateKey);
  expect(solved).toContain('gone 2');
  for (const secret of [first.privateKey, account.privateKey, eab.hmacKey]) {
    expect(said.join('\n')).not.toContain(secret.split('\n')[1] ?? secret);
  }
});

describe('an authority with a bad day', () => {
  test('a few refused nonces are nothing; when every one is refused it ends after 16', async () => {
    ca.instead.set('/newOrder', times(9, problem('badNonce', 400, 'no good')));
    expect((await order()).names).toEqual(NAMES);
    ca.instead.set('/newOrder', times(100, problem('badNonce', 400, 'no good')));
    const before = ca.count('/newOrder');
    expect((await failureOf(order())).message).toMatch(/no good \(badNonce\)$/);
    expect(ca.count('/newOrder') - before).toBe(16);
  });

  test.each([429, 503])('%i and "in two seconds": it is asked again after them', async (status) => {
    const later = problem('rateLimited', status, 'busy', { headers: { 'retry-after': '2' } });
    ca.instead.set('/newOrder', [later, later]);
    const begun = clock.now();
    await order();
    expect(clock.now() - begun).toBeGreaterThanOrEqual(4_000);
    expect(ca.count('/newOrder')).toBe(3);
  });

  test('too many certificates: the error says until when, and it is asked once', async () => {
    const again = new Date(Date.UTC(2099, 0, 2, 3, 4, 5));
    const limited = problem('rateLimited', 429, 'too many certificates (5) for this exact set', {
      headers: { 'retry-after': again.toUTCString() },
    });
    ca.instead.set('/newOrder', [limited]);
    const failure = await failureOf(order());
    expect(failure).toMatchObject({ because: 'rate limit', retryAt: again.getTime() });
    expect(failure.message).toMatch(/too many certificates \(5\).*asked again at 2099-01-02T03:04:05/);
    expect(ca.count('/newOrder')).toBe(1);
  });

  test('an error of its own is tried three times, and then told as its', async () => {
    ca.instead.set('/newOrder', times(2, { status: 500 }));
    expect((await order()).names).toEqual(NAMES);
    ca.instead.set('/newOrder', times(9, { status: 502, body: 'Bad Gateway' }));
    expect(await failureOf(order())).toMatchObject({ because: 'unreachable' });
    expect(ca.count('/newOrder')).toBe(6);
  });

  test('one that takes connections and never answers, and one that is not there', async () => {
    ca.instead.set('/directory', times(9, { status: 0, isSilent: true }));
    const silent = await failureOf(order());
    expect([silent.because, silent.message]).toEqual([
      'unreachable',
      expect.stringMatching(/did not answer within 20 s$/),
    ]);
    const nobody = await failureOf(order({ directory: { url: 'http://127.0.0.1:1/directory' } }));
    expect([nobody.because, nobody.message]).toEqual([
      'unreachable',
      expect.stringMatching(/127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/),
    ]);
  });

  test('a run that is cancelled waits no longer, and says why', async () => {
    ca.instead.set('/order', times(99, { status: 200, body: { status: 'pending' } }));
    const cancelled = new AbortController();
    setTimeout(() => cancelled.abort(new Error('cancelled by hand')), 100);
    const work = order({ clock: systemClock.endingWith(cancelled.signal) });
    await expect(work).rejects.toThrow('cancelled by hand');
  });
});

describe('what an authority objects to', () => {
  test('one name of two: where it asked, what it saw, and which name is good; all is cleaned up', async () => {
    ca.bad.set('www.shop.example.test', {
      error: { type: `${URN}:unauthorized`, detail: 'Invalid response: 404\n::error::<html>', status: 403 },
      validationRecord: [
        {
          url: 'http://www.shop.example.test/.well-known/acme-challenge/t',
          addressUsed: '192.0.2.7',
          addressesResolved: ['192.0.2.7', '2001:db8::7'],
        },
      ],
    });
    const failure = await failureOf(order());
    expect(failure.failures).toEqual([
      {
        name: 'www.shop.example.test',
        reason: expect.stringMatching(
          /^it asked for http:\/\/www\.shop\S+ at 192\.0\.2\.7 \(the name also leads to 2001:db8::7\): Invalid response: 404 ::error::<html> \(unauthorized\)/,
        ),
      },
    ]);
    expect(failure.goodNames).toEqual(['shop.example.test']);
    expect(solved).toEqual(['shown 2', 'gone 2']);
  });

  test('names that it never takes are told by its subproblems', async () => {
    const detail = 'Cannot issue for one';
    const subproblems = [
      {
        type: `${URN}:rejectedIdentifier`,
        detail: 'on a list',
        identifier: { type: 'dns', value: NAMES[1] },
      },
    ];
    ca.instead.set('/newOrder', [{ status: 400, body: { type: `${URN}:malformed`, detail, subproblems } }]);
    expect(await failureOf(order())).toMatchObject({
      failures: [{ name: NAMES[1], reason: 'on a list' }],
      goodNames: [NAMES[0]],
    });
  });

  test('what could not be shown is cleaned up too, and the reason is kept', async () => {
    solver.present = () => Promise.reject(new Error('no DNS'));
    solver.cleanUp = () => Promise.reject(new Error('no DNS either'));
    await expect(order()).rejects.toThrow('no DNS');
    expect(said.join()).toMatch(/still there: no DNS either/);
  });
});

describe('accounts', () => {
  test('one that was forgotten in the middle is registered again', async () => {
    ca.instead.set('/newOrder', [problem('accountDoesNotExist', 400, 'who?')]);
    expect((await order()).names).toEqual(NAMES);
    expect(ca.count('/newAccount')).toBe(2);
  });

  test('one that was deactivated is told', async () => {
    ca.instead.set('/newAccount', [problem('unauthorized', 403, 'it is deactivated')]);
    const failure = await failureOf(order());
    expect([failure.because, failure.hint]).toEqual(['account', expect.stringMatching(/new account key/)]);
  });
});

describe('profiles and renewals', () => {
  test('a profile is asked for by its name; one that is not offered is told with those that are', async () => {
    ca.directory = { meta: { profiles: { classic: '', shortlived: '' } } };
    await order({ directory: { url: ca.url(), profile: 'shortlived' } });
    expect(ca.asked.find(({ path }) => path === '/newOrder')?.payload.profile).toBe('shortlived');
    const failure = await failureOf(order({ directory: { url: ca.url(), profile: 'long' } }));
    expect(failure.hint).toBe('It has classic, shortlived.');
  });

  test('the authority says when, and hears which certificate is replaced', async () => {
    ca.directory = { renewalInfo: ca.url('/renewal') };
    const first = await order();
    const id = renewalId(first.chain) ?? '';
    const window = { start: '2027-01-01T00:00:00Z', end: '2027-01-03T00:00:00Z' };
    ca.instead.set(`/renewal/${id}`, [{ status: 200, body: { suggestedWindow: window } }]);
    const told = await renewalWindow({ url: ca.url() }, first.chain, clock);
    expect(renewalAt(first, told)).toBe(Date.UTC(2027, 0, 2));
    await order({ replaces: first.chain });
    expect(ca.asked.findLast(({ path }) => path === '/newOrder')?.payload.replaces).toBe(id);
    ca.instead.set('/newOrder', [problem('alreadyReplaced', 409, 'replaced before')]);
    expect((await order({ replaces: first.chain })).names).toEqual(NAMES);
    expect(ca.asked.findLast(({ path }) => path === '/newOrder')?.payload).not.toHaveProperty('replaces');
  });

  test('no word of the authority, for whatever reason, is no failure', async () => {
    const { chain } = await order();
    expect(await renewalWindow({ url: ca.url() }, chain, clock)).toBeUndefined();
    ca.directory = { renewalInfo: ca.url('/renewal') };
    ca.instead.set(`/renewal/${renewalId(chain)}`, [{ status: 404 }]);
    expect(await renewalWindow({ url: ca.url() }, chain, clock)).toBeUndefined();
    expect(await renewalWindow({ url: 'http://127.0.0.1:1/' }, chain, clock)).toBeUndefined();
  });

  test('a clock that is wrong is told, and the certificate is taken', async () => {
    ca.validity = { from: clock.now() + 86_400_000, until: clock.now() + 9 * 86_400_000 };
    await order();
    expect(said.join('\n')).toMatch(/is valid from .* one of the two clocks is wrong/);
  });

  test('what was revoked before is fine, what is another account’s is told', async () => {
    const { chain } = await order();
    ca.instead.set('/revokeCert', [
      problem('alreadyRevoked', 400, 'it is'),
      problem('unauthorized', 403, 'not yours'),
    ]);
    const revocation = { directory: { url: ca.url() }, account, certificate: chain, clock };
    await revokeCertificate({ ...revocation, reason: 'unspecified' });
    expect((await failureOf(revokeCertificate({ ...revocation, reason: 'superseded' }))).message).toMatch(
      /does not revoke the certificate for shop\.example\.test.*not yours/,
    );
  });
});
