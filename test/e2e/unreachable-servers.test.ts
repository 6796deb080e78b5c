import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { untilServed } from './ask.ts';
import { borrow, type LentServers } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { type Project, serversOf } from './project.ts';
import { releasesOf } from './recorded.ts';
import { expectPlainRefusal, said } from './said.ts';
import { startUsers } from './users.ts';
import { newWebShop } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'unreachable.example.com';

/**
 * Case 10: what only real servers show. What a run says of all others that it cannot use is in refusals.test.ts,
 * whose servers are scripted.
 */
describe('A server that cannot be used', () => {
  let lab: LentServers;
  let first: LabServer;
  let second: LabServer;
  let shop: Project;
  /** Servers of the file as they should be. */
  let right: Record<string, unknown>[];

  beforeAll(async () => {
    lab = await borrow(2);
    [first, second] = lab.servers as [LabServer, LabServer];
    right = serversOf(lab.servers);
    shop = await newWebShop(lab, 'unreachable', lab.servers);
  });

  afterAll(() => lab?.giveBack());

  beforeEach(async () => {
    await shop.stands();
    // Whatever gets through would be deployed: a run that fails for another reason would be seen.
    shop.edit(({ services }) => {
      services.web!.environment = { ROUND: String(Date.now()) };
    });
  });

  describe('while all that runs serves on', () => {
    let traffic: HttpTraffic;

    beforeAll(async () => {
      await shop.stands();
      traffic = await startTraffic();
    });

    afterAll(async () => {
      await traffic.untilSent(200);
      const { lost, losses, ok } = await traffic.stop();
      expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
      expect(ok).toBeGreaterThanOrEqual(200);
    });

    test('no host key: the run prints fingerprint and line, and the line works', async () => {
      const { host_key: _, ...keyless } = right[0]!;
      change({ servers: [keyless, right[1]] });
      const failed = await refused();
      expect(failed).toMatch(/no host_key is configured; the server shows SHA256:\S+/);
      const [, line] = /add to it: host_key: "([^"]+)"/.exec(failed) ?? [];
      expect(first.hostKeys).toContain(line);
      change({ servers: [{ ...keyless, host_key: line }, right[1]] });
      expect((await shop.deploy({ 'dry-run': 'true' })).outputs.changed).toBe('true');
    });

    fullSizeTest(
      'a host key of a type that the server has not, and a firewall that drops what comes',
      async () => {
        // An RSA key of 512 bits: only its type matters.
        const rsa = `ssh-rsa ${Buffer.concat([sized('ssh-rsa'), sized('\x01\x00\x01'), sized('A'.repeat(64))]).toString('base64')}`;
        change({ servers: [{ ...right[0], host_key: rsa }, right[1]] });
        await drop(second, async () => {
          const failed = await refused();
          expect(failed).toMatch('the server has no host key of the types given in host_key');
          expect(failed).toMatch(`deploy@${second.host}:22: the server did not answer`);
        });
      },
    );

    fullSizeTest(
      'an address where no machine is, and a firewall between a jump host and the server',
      async () => {
        const nowhere = first.host.replace(/\d+$/, '200');
        change({ servers: [{ ...right[0], host: nowhere }, behindJump()] });
        await drop(second, async () => {
          const failed = await refused();
          expect(failed).toMatch(`deploy@${nowhere}:22: the server did not answer`);
          expect(failed).toMatch(
            `deploy@${second.privateIp}:22 through ${first.host}: the server did not answer`,
          );
        });
      },
    );

    fullSizeTest('a jump host that forbids forwarding', async () => {
      change({ servers: [right[0], behindJump({ user: 'noforward' })] });
      expect(await refused()).toMatch(`through ${first.host}: sshd of ${first.host} forbids TCP forwarding`);
    });

    fullSizeTest('an sshd that forbids forwarding, and a user without the right to use Docker', async () => {
      change({
        servers: [
          { ...right[0], user: 'noforward' },
          { ...right[1], user: 'norights' },
        ],
      });
      const failed = await refused();
      expect(failed).toMatch(`${first.host}: sshd forbids TCP forwarding`);
      expect(failed).toMatch('AllowTcpForwarding');
      expect(failed).toMatch(`${second.host}: the user norights may not use Docker`);
    });
  });

  describe('when one of two is down', () => {
    test('the whole server', async () => {
      await second.kill();
      try {
        const failed = await refused();
        expect(failed).toMatch(`deploy@${second.host}:22: the server did not answer`);
        expect(failed).not.toMatch(`deploy@${first.host}`);
      } finally {
        await second.start();
      }
      // What was reloaded comes up again after a power cut, as what was only started does.
      await untilServed(second, DOMAIN);
    });

    fullSizeTest('each server for its own reason: both are named', async () => {
      change({ servers: [{ ...right[0], host_key: second.hostKeys[0] }, right[1]] });
      await second.cutOff();
      try {
        const failed = await refused();
        expect(failed).toMatch(
          /172\.30\.\d+\.\d+:22: the host key is not the configured one: host_key says SHA256:\S+, the server shows SHA256:\S+/,
        );
        expect(failed).toMatch(`deploy@${second.host}:22: the server did not answer`);
      } finally {
        await second.reconnect();
      }
    });

    fullSizeTest('a server that is frozen', async () => {
      await second.pause();
      try {
        expect(await refused()).toMatch(`deploy@${second.host}:22: the SSH handshake took too long`);
      } finally {
        await second.unpause();
      }
    });

    fullSizeTest('its engine only', async () => {
      await second.stopEngine();
      try {
        expect(await refused()).toMatch(
          new RegExp(
            `${second.host}: (Docker is not installed there, or does not run|the Docker engine does not answer)`,
          ),
        );
      } finally {
        await second.startEngine();
      }
    });
  });

  describe('that is reached another way', () => {
    test('an sshd that forbids only forwarding to sockets, and one behind a jump host', async () => {
      change({ servers: [{ ...right[0], user: 'nostreamlocal' }, behindJump()] });
      const traffic = await startTraffic();
      // Through docker system dial-stdio at the first, and through the first one at the second.
      const run = await shop.deploy();
      const { release } = await shop.recorded('web');
      expect(releasesOf(run)).toEqual({ web: release });
      await traffic.untilSent((await traffic.snapshot()).sent + 50);
      expect(await traffic.stop()).toMatchObject({ lost: 0, losses: [] });
      const { stdout } = await second.exec(['grep', 'Accepted publickey', '/var/log/sshd.log']);
      expect(stdout.trim().split('\n').at(-1)).toMatch(`from ${first.privateIp} `);
      change({ servers: right });
    });
  });

  /** Deploys, wants the refusal, and that it came in time and changed nothing; returns what was said. */
  async function refused(): Promise<string> {
    const before = await standingWhereItAnswers();
    const record = await shop.recordId();
    const failed = await shop.failToDeploy();
    expectPlainRefusal(failed);
    expect(await standingWhereItAnswers()).toEqual(before);
    expect(await shop.recordId()).toBe(record);
    expect(await shop.lease()).toMatchObject({ released: true });
    return said(failed);
  }

  /** What runs on the servers whose engines answer. */
  async function standingWhereItAnswers(): Promise<string[]> {
    const listing = ['timeout', '5', 'docker', 'ps', '--no-trunc', '--format', '{{.Names}} {{.ID}}'];
    const found = await Promise.all(lab.servers.map((server) => server.exec(listing)));
    return found.map(({ code, stdout }) => (code === 0 ? stdout : ''));
  }

  function change(environment: Record<string, unknown>): void {
    shop.edit(({ environments }) => {
      Object.assign(environments.production!, environment);
    });
  }

  /** The second server as a file has it whose runner reaches only the first one. */
  function behindJump(jump: Record<string, unknown> = {}): Record<string, unknown> {
    const host = { host: first.host, user: 'deploy', host_key: first.hostKeys[0], ...jump };
    return { ...right[1], host: second.privateIp, jump: host };
  }

  async function startTraffic(): Promise<HttpTraffic> {
    // Containers start again some time after the engine does.
    await Promise.all(lab.servers.map((server) => untilServed(server, DOMAIN)));
    return startUsers(lab.servers, DOMAIN);
  }
});

/** drop runs `work` while a server drops, unanswered, all that knocks at its sshd. */
async function drop(server: LabServer, work: () => Promise<void>): Promise<void> {
  const rule = ['INPUT', '-p', 'tcp', '--dport', '22', '--syn', '-j', 'DROP'];
  await server.exec(['iptables', '-I', ...rule]);
  try {
    await work();
  } finally {
    await server.exec(['iptables', '-D', ...rule]);
  }
}

/** A field of an SSH key: its length in four bytes, and its content (RFC 4251 §5). */
function sized(content: string): Buffer {
  const bytes = Buffer.from(content, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
