import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { BareSuite } from '../lab/recipes.ts';
import type { ActionRun } from './action.ts';
import { knock, versionOf } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { type ConfigFile, Project, serversOf } from './project.ts';
import { webService } from './web-shop.ts';

jest.setTimeout(600_000);

describe('A bare server', () => {
  const removals: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(removals.splice(0).map((remove) => remove()));
  });

  /** A project with one web service on a server that has nothing but sshd. */
  async function shopOnBare(
    name: string,
    suite: BareSuite,
    bootstrap: unknown = true,
  ): Promise<{ lab: Fleet; server: LabServer; shop: Project }> {
    const lab = await fleet();
    const server = await lab.newBareServer(suite);
    removals.push(server.remove);
    const environment = { provider: 'static', user: 'deploy', bootstrap, servers: serversOf([server]) };
    const config: ConfigFile = {
      project: name,
      sidecar: lab.sidecar,
      environments: { production: environment },
      services: { web: webService(lab, name, 1) },
    };
    return { lab, server, shop: await Project.create(lab, config) };
  }

  fullSizeTest('is looked at, and nothing is changed', async () => {
    const { server, shop } = await shopOnBare('from-outside', 'trixie');
    const planned = await shop.run('provision');
    expect(planned).toMatchObject({ code: 0, outputs: { changed: 'true' } });
    const lacking = await shop.run('doctor', { 'exit-code': 'true' });
    expect(lacking.code).not.toBe(0);
    expect(lacking.log).toMatch(/docker/);
    expect((await server.exec(['id', 'deploy'])).code).not.toBe(0);
    expect((await server.exec(['docker', 'version'])).code).not.toBe(0);
  });

  test('becomes one that a deploy answers from, and a second run changes nothing', async () => {
    const { server, shop } = await shopOnBare('from-nothing', 'trixie');
    const applied = await shop.run('provision', { mode: 'apply' });
    expect(applied.log).toContain('docker: has now Docker');
    expect(applied).toMatchObject({ code: 0, outputs: { changed: 'true' } });
    await shop.deploy();
    expect(await versionOf(server, 'from-nothing.example.com')).toBe('v1');
    await opensNoOtherPort(server, shop);

    const again = await shop.run('provision', { mode: 'apply' });
    expect(again).toMatchObject({ code: 0, outputs: { changed: 'false' } });
    expect(await shop.run('doctor', { 'exit-code': 'true' })).toMatchObject({ code: 0 });
  });

  fullSizeTest('of the older Debian comes to the same', async () => {
    const { server, shop } = await shopOnBare('from-old', 'bookworm');
    await provisions(shop);
    await shop.deploy();
    expect(await versionOf(server, 'from-old.example.com')).toBe('v1');
    await opensNoOtherPort(server, shop);
    expect(await shop.run('provision', { mode: 'apply' })).toMatchObject({ outputs: { changed: 'false' } });
  });

  fullSizeTest('that is killed between any two phases is finished by the next run', async () => {
    const { server, shop } = await shopOnBare('from-killed', 'trixie');
    for (const phase of ['docker', 'user', 'updates', 'ssh', 'firewall']) {
      const run = shop.start('provision', { mode: 'apply' });
      await run.says(new RegExp(`: ${phase}: `));
      run.signal('SIGKILL');
      await run.done;
    }
    await provisions(shop);
    expect(await shop.run('provision', { mode: 'apply' })).toMatchObject({ outputs: { changed: 'false' } });
    await shop.deploy();
    expect(await versionOf(server, 'from-killed.example.com')).toBe('v1');
  });

  fullSizeTest('with containers and rules of others keeps them', async () => {
    const { lab, server, shop } = await shopOnBare('from-used', 'trixie');
    await installs(server, 'docker.io', 'docker-cli', 'iptables');
    await server.docker(
      'run',
      '-d',
      '--name',
      'theirs',
      '-p',
      '8080:3000',
      '--restart=always',
      lab.images.web('v2'),
    );
    await server.exec(['iptables', '-I', 'INPUT', '-p', 'tcp', '--dport', '9999', '-j', 'DROP']);
    const [id] = (await server.docker('ps', '-q')).split('\n');

    const asked = await shop.run('provision', { mode: 'apply' });
    expect(asked.code).toBe(1);
    expect(asked.log).toContain('other containers publish 8080/tcp there, which the firewall would close');
    expect((await server.exec(['id', 'deploy'])).code).not.toBe(0);

    shop.edit(({ environments }) => {
      environments.production!.bootstrap = { open_ports: [8080] };
    });
    const applied = await provisions(shop);
    expect(applied.log).toContain('left alone: containers that run already: theirs');
    expect((await server.docker('ps', '-q')).split('\n')[0]).toBe(id);
    expect(await knock(server.host, 8080)).toBe('open');
    expect((await server.exec(['iptables', '-S', 'INPUT'])).stdout).toContain('--dport 9999 -j DROP');
  });

  fullSizeTest('whose sshd would not let the deploy user in is opened again', async () => {
    const { server, shop } = await shopOnBare('from-locked', 'trixie');
    // Something of the server's own forgets who may come in as soon as sshd is told to read again.
    const dropIn =
      '[Service]\\nExecReload=\\nExecReload=/bin/sh -c "echo AllowUsers nobody >/etc/ssh/sshd_config.d/50-theirs.conf; kill -HUP $MAINPID"\\n';
    await server.exec([
      'sh',
      '-c',
      `mkdir -p ${THEIRS} && printf '${dropIn}' >${THEIRS}/theirs.conf && systemctl daemon-reload`,
    ]);
    const failed = await shop.run('provision', { mode: 'apply' });
    expect(failed.code).toBe(1);
    expect(failed.log).toContain('nobody came in after the phase ssh, so it was undone');
    expect((await server.exec(['ls', '/etc/ssh/sshd_config.d/00-switchyard.conf'])).code).not.toBe(0);

    await server.exec([
      'sh',
      '-c',
      `rm -r ${THEIRS} /etc/ssh/sshd_config.d/50-theirs.conf && systemctl daemon-reload && systemctl reload ssh`,
    ]);
    await provisions(shop);
  });

  fullSizeTest('of a distribution that is not known is refused before anything is changed', async () => {
    const { server, shop } = await shopOnBare('from-other', 'trixie');
    await server.exec([
      'sed',
      '-i',
      's/^ID=.*/ID=fedora/; s/^VERSION_ID=.*/VERSION_ID=43/',
      '/etc/os-release',
    ]);
    const refused = await shop.run('provision', { mode: 'apply' });
    expect(refused.log).toContain('fedora 43 cannot be set up');
    expect((await server.exec(['id', 'deploy'])).code).not.toBe(0);
  });
});

/** Where what changes a service of systemd lies. */
const THEIRS = '/etc/systemd/system/ssh.service.d';

/** provisions applies; it throws with the whole log when that fails. */
async function provisions(shop: Project): Promise<ActionRun> {
  const run = await shop.run('provision', { mode: 'apply' });
  if (run.code !== 0) throw new Error(`provision failed:\n${run.log}`);
  return run;
}

/** Something that Docker publishes, and something that does not know Docker, are both closed to the world; SSH and the web are open. */
async function opensNoOtherPort(server: LabServer, shop: Project): Promise<void> {
  await server.docker('run', '-d', '--name', 'published', '-p', '8080:3000', shop.lab.images.web('v1'));
  await server.exec([
    'sh',
    '-c',
    'setsid socat TCP-LISTEN:9090,fork,reuseaddr SYSTEM:true >/dev/null 2>&1 &',
  ]);
  const within = await server.exec(['sh', '-c', LISTENING]);
  expect(within.code).toBe(0);
  expect(await knock(server.host, 22)).toBe('open');
  expect(await knock(server.host, 80)).toBe('open');
  expect(await knock(server.host, 8080)).toBe('no answer');
  expect(await knock(server.host, 9090)).toBe('no answer');
  await server.docker('rm', '-f', 'published');
}

/** Waits until both answer on the server itself, so that what is closed is closed by the firewall. */
const LISTENING =
  'for port in 8080 9090; do n=0; until socat -u OPEN:/dev/null TCP:127.0.0.1:$port; do n=$((n+1)); [ $n -lt 100 ] || exit 1; sleep 0.1; done; done';

async function installs(server: LabServer, ...packages: string[]): Promise<void> {
  const line =
    'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"';
  const { code, stderr } = await server.exec(['sh', '-c', line, 'sh', ...packages]);
  if (code !== 0) throw new Error(stderr);
}
