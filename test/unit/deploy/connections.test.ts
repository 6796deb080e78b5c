import { describe, expect, test } from '@jest/globals';
import { ConnectionWatch, connectionsTo, listeningPorts } from '../../../src/deploy/steps/connections.ts';
import { explainRefusal, type Listeners, watchRefusals } from '../../../src/deploy/steps/listeners.ts';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const HEAD6 =
  '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

/** Lines as a kernel 6.1 wrote them: nginx at 172.18.0.3 connected to an app at 172.18.0.4:3000. */
const LISTEN =
  '   0: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 51203 1 0000000000000000 100 0 0 10 0\n';
const ESTABLISHED =
  '   1: 040012AC:0BB8 030012AC:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 51290 1 0000000000000000 20 4 30 10 -1\n';
const OUTGOING =
  '   2: 040012AC:9C40 050012AC:1538 01 00000000:00000000 02:000006D3 00000000     0        0 51300 2 0000000000000000 20 4 28 10 -1\n';
const LOOPBACK =
  '   3: 0100007F:0BB8 0100007F:8F2C 01 00000000:00000000 00:00000000 00000000     0        0 51310 1 0000000000000000 20 0 0 10 -1\n';
const DUAL_STACK =
  '   1: 0000000000000000FFFF0000040012AC:0BB8 0000000000000000FFFF0000030012AC:D2F4 01 00000000:00000000 00:00000000 00000000     0        0 52101 1 0000000000000000 20 4 30 10 -1\n';
const DUAL_LOOPBACK =
  '   2: 0000000000000000FFFF00000100007F:0BB8 0000000000000000FFFF00000100007F:8F2E 01 00000000:00000000 00:00000000 00000000     0        0 52102 1 0000000000000000 20 4 30 10 -1\n';
const V6_LOOPBACK =
  '   3: 00000000000000000000000001000000:0BB8 00000000000000000000000001000000:8F30 01 00000000:00000000 00:00000000 00000000     0        0 52103 1 0000000000000000 20 4 30 10 -1\n';
const V6 =
  '   4: 000080FE000000000000000004000000:0BB8 000080FE000000000000000001000000:8F30 01 00000000:00000000 00:00000000 00000000     0        0 52104 1 0000000000000000 20 4 30 10 -1\n';

describe('live connections', () => {
  const countConnections = (table: string, ports?: number[]) => connectionsTo(table, ports).length;

  test('tcp and tcp6 count together: a dual-stack app shows its clients in tcp6 only', () => {
    expect(countConnections(HEAD + LISTEN + ESTABLISHED + HEAD6 + DUAL_STACK + V6, [3000])).toBe(3);
  });

  test('neither who listens nor what the app opened itself counts', () => {
    expect(countConnections(HEAD + LISTEN + OUTGOING, [3000])).toBe(0);
  });

  test('the container itself does not count, however loopback is written', () => {
    expect(countConnections(HEAD + LOOPBACK + HEAD6 + DUAL_LOOPBACK + V6_LOOPBACK, [3000])).toBe(0);
  });

  test.each([
    ['01', 'ESTABLISHED', 1],
    ['02', 'SYN_SENT', 0],
    ['03', 'SYN_RECV', 1],
    ['04', 'FIN_WAIT1', 1],
    ['05', 'FIN_WAIT2', 1],
    ['06', 'TIME_WAIT', 0],
    ['07', 'CLOSE', 0],
    ['08', 'CLOSE_WAIT', 1],
    ['09', 'LAST_ACK', 0],
    ['0A', 'LISTEN', 0],
  ])('state %s, %s, counts %i', (state, _name, count) => {
    expect(countConnections(HEAD + ESTABLISHED.replace(' 01 ', ` ${state} `), [3000])).toBe(count);
  });

  test('without ports those count that are listened on, and not what the container opened itself', () => {
    expect(countConnections(HEAD + LISTEN + ESTABLISHED + OUTGOING)).toBe(1);
    expect(countConnections(HEAD + ESTABLISHED)).toBe(0);
    expect(countConnections(HEAD + ESTABLISHED, [4000])).toBe(0);
  });

  test('an empty table has none', () => {
    expect(countConnections('', [3000])).toBe(0);
    expect(countConnections(HEAD + HEAD6, [3000])).toBe(0);
  });
});

describe('connections that are closed at one end', () => {
  const table = (state: string, ...remotes: string[]) =>
    remotes.map((remote) => ESTABLISHED.replace('D2F0', remote).replace(' 01 ', ` ${state} `)).join('');
  const stateOf = (lines: string) => connectionsTo(HEAD + lines, [3000]).map(({ halfClosed }) => halfClosed);

  test.each([
    ['01', undefined],
    ['04', undefined],
    ['05', 'FIN_WAIT2'],
    ['08', 'CLOSE_WAIT'],
  ])('state %s is %s', (state, halfClosed) => {
    expect(stateOf(table(state, 'D2F0'))).toEqual([halfClosed]);
  });

  test('are not, as long as something is on its way to the other end', () => {
    expect(stateOf(table('08', 'D2F0').replace(' 00000000:00000000', ' 00002D00:00000000'))).toEqual([
      undefined,
    ]);
  });

  const lookAt = (watch: ConnectionWatch, lines: string, now: number) =>
    watch.look(connectionsTo(HEAD + lines, [3000]), now);

  test('are waited for ten seconds, each from when it was seen so first, and then counted apart', () => {
    const watch = new ConnectionWatch();
    const none = { CLOSE_WAIT: 0, FIN_WAIT2: 0 };
    const first = table('01', 'A001', 'A002') + table('08', 'A003');
    expect(lookAt(watch, first, 0)).toEqual({ used: 2, open: 3, abandoned: none });
    const second = table('08', 'A001', 'A003') + table('01', 'A002');
    expect(lookAt(watch, second, 9_999)).toEqual({ used: 1, open: 3, abandoned: none });
    const last = table('08', 'A001', 'A003') + table('05', 'A002');
    expect(lookAt(watch, last, 10_000)).toEqual({
      used: 0,
      open: 2,
      abandoned: { CLOSE_WAIT: 1, FIN_WAIT2: 0 },
    });
    expect(lookAt(watch, last, 20_000)).toEqual({
      used: 0,
      open: 0,
      abandoned: { CLOSE_WAIT: 2, FIN_WAIT2: 1 },
    });
  });

  test('that came back under the same addresses have their time again', () => {
    const watch = new ConnectionWatch();
    lookAt(watch, table('08', 'A001'), 0);
    lookAt(watch, table('01', 'A001'), 8_000);
    expect(lookAt(watch, table('08', 'A001'), 12_000).open).toBe(1);
  });
});

describe('what a container listens on', () => {
  const listening = (local: string) =>
    `   0: ${local} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 51203 1 0000000000000000 100 0 0 10 0\n`;
  const LOCAL_8080 = listening('0100007F:1F90');
  const LOCAL_V6 = listening('00000000000000000000000001000000:1F90');
  const ANY_V6 = listening('00000000000000000000000000000000:1F90');
  const RESOLVER = listening('0B00007F:A3F1');

  test.each<[string, string, Listeners['listening']]>([
    ['every address', LISTEN, [{ port: 3000, reach: 'all' }]],
    ['127.0.0.1 only', LOCAL_8080, [{ port: 8080, reach: '127.0.0.1' }]],
    ['::1 only', LOCAL_V6, [{ port: 8080, reach: '::1' }]],
    ['both of them', LOCAL_8080 + LOCAL_V6, [{ port: 8080, reach: '127.0.0.1 and ::1' }]],
    ['every address of IPv6, and so of IPv4 too as a rule', ANY_V6, [{ port: 8080, reach: 'IPv6' }]],
    ['127.0.0.1 and every address of IPv6', LOCAL_8080 + ANY_V6, [{ port: 8080, reach: 'IPv6' }]],
    [
      'every address, by two sockets',
      LISTEN + ANY_V6.replace('1F90', '0BB8'),
      [{ port: 3000, reach: 'all' }],
    ],
    ["nothing, beside Docker's resolver and clients", RESOLVER + ESTABLISHED, []],
  ])('%s', (_where, table, ports) => {
    expect(listeningPorts(HEAD + table)).toEqual(ports);
  });

  test.each<[string, Listeners, string | undefined]>([
    [
      'another port',
      { listening: [{ port: 8080, reach: 'all' }], exposed: [8080] },
      'nothing listens on port 3000 of the container, which listens on 8080; its image exposes 8080',
    ],
    [
      'several, one of them for itself',
      {
        listening: [
          { port: 8080, reach: '127.0.0.1' },
          { port: 9090, reach: 'IPv6' },
        ],
        exposed: [],
      },
      'nothing listens on port 3000 of the container, which listens on 8080 (of 127.0.0.1 only), 9090',
    ],
    [
      'the right port for itself only',
      { listening: [{ port: 3000, reach: '127.0.0.1' }], exposed: [] },
      'the app listens on port 3000 of 127.0.0.1 only, where nobody outside of its container reaches it',
    ],
    [
      'the right port for itself only, by IPv6',
      { listening: [{ port: 3000, reach: '::1' }], exposed: [] },
      'the app listens on port 3000 of ::1 only, where nobody outside of its container reaches it',
    ],
    [
      'the right port, by IPv6 only',
      { listening: [{ port: 3000, reach: 'IPv6' }], exposed: [] },
      'the app listens on port 3000 of IPv6 addresses only, and it is reached by IPv4',
    ],
    [
      'nothing yet',
      { listening: [], exposed: [80, 443] },
      'nothing listens on port 3000 of the container, which listens on no port at all; its image exposes 80, 443',
    ],
    ['the right port by now', { listening: [{ port: 3000, reach: 'all' }], exposed: [] }, undefined],
  ])('is said where a connection was refused: %s', (_what, found, why) => {
    expect(explainRefusal(3000, found, true)?.why).toBe(why);
  });

  test('not of IPv6 where the container itself was refused something: the app may take IPv4 by the same socket', () => {
    const found: Listeners = { listening: [{ port: 3000, reach: 'IPv6' }], exposed: [] };
    expect(explainRefusal(3000, found, false)).toBeUndefined();
  });
});

describe('why connections are refused is certain', () => {
  const onIpv6: Listeners = { listening: [{ port: 3000, reach: 'IPv6' }], exposed: [] };

  test('when two looks have seen the same, however few tries a health check has', async () => {
    const ask = watchRefusals(async () => onIpv6, 3000, 1);
    expect(await ask(true)).toMatchObject({ isCertain: false });
    expect(await ask(true)).toMatchObject({ isCertain: true });
  });

  test('not when the app came up between a connection and the look', async () => {
    const nothing: Listeners = { listening: [], exposed: [] };
    const seen = [nothing, onIpv6];
    const ask = watchRefusals(async () => seen.shift(), 3000, 1);
    expect([(await ask(true)).isCertain, (await ask(true)).isCertain]).toEqual([false, false]);
  });
});
