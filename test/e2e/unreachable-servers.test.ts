import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import type { ActionRun } from './action.ts';
import { untilServed } from './ask.ts';
import { type FaultsLab, openFaultsLab } from './faults-lab.ts';
import { type Inputs, Project, serversOf } from './project.ts';
import { said } from './said.ts';
import { startUsers } from './users.ts';

jest.setTimeout(300_000);

const LONGEST_MS = 20_000;
const DOMAIN = 'api.unreachable.example';

/** Case 10: what is wrong on the way to a server is said, each in its own words, before anything changes. */
describe('A server that cannot be used', () => {
  let lab: FaultsLab;
  let first: LabServer;
  let second: LabServer;
  let shop: Project;
  /** Servers of the file as they should be. */
  let right: Record<string, unknown>[];

  beforeAll(async () => {
    lab = await openFaultsLab('unreached');
    [first, second] = lab.servers as [LabServer, LabServer];
    right = serversOf(lab.servers);
    shop = await Project.create(lab, {
      project: 'unreachable',
      sidecar: { image: lab.images.nginx, keepalive_min_timeout: '2s' },
      environments: { production: { provider: 'static', user: 'deploy', servers: right } },
      services: {
        api: {
          image: lab.images.web('v1'),
          port: 3000,
          domain: DOMAIN,
          servers: 2,
          healthcheck: { path: '/health' },
        },
      },
    });
    await shop.deploy();
  });

  afterAll(async () => {
    await lab?.down();
  });

  beforeEach(() => {
    change({ user: 'deploy', servers: right });
    // Whatever gets through would be deployed: a run that fails for another reason would be seen.
    shop.edit(({ services }) => {
      services.api!.image = lab.images.web('v2');
    });
  });

  describe('while all that runs serves on', () => {
    let traffic: HttpTraffic;

    beforeAll(async () => {
      traffic = await startTraffic();
    });

    afterAll(async () => {
      const { lost, losses, ok } = await traffic.stop();
      expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
      expect(ok).toBeGreaterThan(500);
    });

    test('another host key than the configured one', async () => {
      change({ servers: [{ ...right[0], host_key: second.hostKeys[0] }, right[1]] });
      const failed = await refused();
      expect(failed).toMatch(
        /172\.30\.\d+\.11:22: the host key is not the configured one; the server shows SHA256:\S+/,
      );
      expect(failed).toMatch('Somebody may be in between');
    });

    test('a host key of a type that the server has not', async () => {
      // An RSA key of 512 bits: only its type matters.
      const rsa = `ssh-rsa ${Buffer.concat([sized('ssh-rsa'), sized('\x01\x00\x01'), sized('A'.repeat(64))]).toString('base64')}`;
      change({ servers: [{ ...right[0], host_key: rsa }, right[1]] });
      expect(await refused()).toMatch('the server has no host key of the types given in host_key');
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

    test('an SSH key that the servers do not know', async () => {
      const failed = await refused({ 'ssh-private-key': lab.keys.other });
      for (const { host } of lab.servers) {
        expect(failed).toMatch(`deploy@${host}:22: the server did not accept the SSH key`);
      }
    });

    test('no SSH key', async () => {
      expect(await refused({ 'ssh-private-key': ' ' })).toMatch('the SSH private key is empty');
    });

    test('a host name that does not resolve', async () => {
      change({ servers: [{ ...right[0], host: 'no-such-server.invalid' }, right[1]] });
      expect(await refused()).toMatch('deploy@no-such-server.invalid:22: the host name does not resolve');
    });

    test('an address where no machine is', async () => {
      const nowhere = first.host.replace(/\d+$/, '200');
      change({ servers: [{ ...right[0], host: nowhere }, right[1]] });
      expect(await refused()).toMatch(`deploy@${nowhere}:22: the server did not answer`);
    });

    test('a port where nothing listens', async () => {
      change({ servers: [{ ...right[0], port: 2222 }, right[1]] });
      expect(await refused()).toMatch(`deploy@${first.host}:2222: the connection was refused`);
    });

    test('a firewall that drops what comes', async () => {
      await drop(second, async () => {
        expect(await refused()).toMatch(`deploy@${second.host}:22: the server did not answer`);
      });
    });

    test('a firewall between a jump host and the server', async () => {
      change({ servers: [right[0], behindJump()] });
      await drop(second, async () => {
        expect(await refused()).toMatch(
          `deploy@${second.privateIp}:22 through ${first.host}: the server did not answer`,
        );
      });
    });

    test('a jump host that forbids forwarding', async () => {
      change({ servers: [right[0], behindJump({ user: 'noforward' })] });
      expect(await refused()).toMatch(`through ${first.host}: sshd of ${first.host} forbids TCP forwarding`);
    });

    test('a jump host that is not who it should be', async () => {
      change({ servers: [right[0], behindJump({ host_key: second.hostKeys[0] })] });
      expect(await refused()).toMatch(`${first.host}:22: the host key is not the configured one`);
    });

    test('no Docker', async () => {
      change({ servers: [right[0], ...serversOf([lab.bare])] });
      expect(await refused()).toMatch(`${lab.bare.host}: Docker is not installed there, or does not run`);
    });

    test('a user without the right to use Docker', async () => {
      change({ user: 'norights' });
      expect(await refused()).toMatch(`${first.host}: the user norights may not use Docker`);
    });

    test('an sshd that forbids forwarding', async () => {
      change({ user: 'noforward' });
      const failed = await refused();
      expect(failed).toMatch(`${first.host}: sshd forbids TCP forwarding`);
      expect(failed).toMatch('AllowTcpForwarding');
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

    test('each server for its own reason: both are named', async () => {
      change({ servers: [{ ...right[0], host_key: second.hostKeys[0] }, right[1]] });
      await second.cutOff();
      try {
        const failed = await refused();
        expect(failed).toMatch(`${first.host}:22: the host key is not the configured one`);
        expect(failed).toMatch(`deploy@${second.host}:22: the server did not answer`);
      } finally {
        await second.reconnect();
      }
    });

    test('a server that is frozen', async () => {
      await second.pause();
      try {
        expect(await refused()).toMatch(`deploy@${second.host}:22: the SSH handshake took too long`);
      } finally {
        await second.unpause();
      }
    });

    test('its engine only', async () => {
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
    test('an sshd that forbids only forwarding to sockets: through docker system dial-stdio', async () => {
      change({ user: 'nostreamlocal' });
      const traffic = await startTraffic();
      const run = await shop.deploy();
      await traffic.untilVersion('v2');
      expect(JSON.parse(run.outputs.releases!)).toEqual({ api: (await shop.state()).services.api!.release });
      expect(await traffic.stop()).toMatchObject({ lost: 0, losses: [] });
    });

    test('a server behind a jump host', async () => {
      change({ servers: [right[0], behindJump()] });
      shop.edit(({ services }) => {
        services.api!.image = lab.images.web('v3');
      });
      const traffic = await startTraffic();
      await shop.deploy();
      await traffic.untilVersion('v3');
      expect(await traffic.stop()).toMatchObject({ lost: 0, losses: [] });
      const { stdout } = await second.exec(['grep', 'Accepted publickey', '/var/log/sshd.log']);
      expect(stdout.trim().split('\n').at(-1)).toMatch(`from ${first.privateIp} `);
    });
  });

  /** Deploys, wants the refusal, and that it came in time and changed nothing; returns what was said. */
  async function refused(inputs: Inputs = {}): Promise<string> {
    const isUp = await Promise.all(
      lab.servers.map(
        async (server) => (await server.exec(['timeout', '5', 'docker', 'version'])).code === 0,
      ),
    );
    const standing = () =>
      Promise.all(
        lab.servers
          .filter((_server, index) => isUp[index])
          .map((server) => server.docker('ps', '--no-trunc', '--format', '{{.Names}} {{.ID}}')),
      );
    const before = await standing();
    const record = await shop.recordId();
    const failed = await shop.failToDeploy(inputs);
    expectPlainRefusal(failed);
    expect(await standing()).toEqual(before);
    expect(await shop.recordId()).toBe(record);
    expect(await shop.lease()).toMatchObject({ released: true });
    return said(failed);
  }

  function expectPlainRefusal(failed: ActionRun): void {
    expect(failed.ms).toBeLessThan(LONGEST_MS);
    expect(failed.log).toMatch(/^::error title=Switchyard::/m);
    expect(failed.log).not.toMatch('please report it');
    expect(failed.log).not.toMatch('production: plan');
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
