import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import { type Fleet, fleet } from './fleet.ts';
import type { Project } from './project.ts';
import { startUsers } from './users.ts';
import { newProject, webService } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'pasted.example.com';

/** What Compose files have beside an image and a port: several ports, a worker, configs, files of the repository, secrets. */
describe('Blocks of Compose', () => {
  let lab: Fleet;
  let servers: LabServer[];
  let shop: Project;

  beforeAll(async () => {
    lab = await fleet();
    servers = lab.servers.slice(2, 4);
    shop = await newProject(lab, 'pasted', servers, { web: web(1), mailer: mailer(1) });
    shop.edit((config) => {
      config.configs = { limits: { content: 'most = 1' } };
      config.secrets = { api_token: { environment: 'MAILER_TOKEN' } };
    });
    write('conf/app.conf', 'round 1');
    write('app.env', 'COLOR=blue\nSIDE=from the file');
    await shop.deploy(secrets(1));
  });

  afterAll(async () => {
    await shop.leave();
  });

  /** A web app that greets on a second port, with its files. */
  function web(round: number): Record<string, unknown> {
    return {
      ...webService(lab, 'pasted', 2),
      image: lab.images.web(`v${round}`),
      extra_ports: { greeting: 9100 },
      env_file: 'app.env',
      environment: {
        TCP_PORT: '9100',
        EXPOSE_ENV: '1',
        DATABASE_URL: `postgres://app:\${DB_PASSWORD}@db/pasted`,
      },
      configs: [{ source: 'limits', target: '/etc/limits.conf' }],
      volumes: ['./conf:/etc/app:ro'],
    };
  }

  /** It has no port: it is well when it has run for two seconds. */
  function mailer(round: number): Record<string, unknown> {
    return {
      image: lab.images.web(`v${round}`),
      command: ['node', '-e', 'process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1000)'],
      user: '1000:1000',
      depends_on: ['web'],
      secrets: ['api_token'],
      healthcheck: { start_period: '2s' },
      stop_grace_period: '5s',
    };
  }

  function secrets(round: number): Record<string, string> {
    return { secrets: JSON.stringify({ DB_PASSWORD: `pass word ${round}`, MAILER_TOKEN: `token ${round}` }) };
  }

  function write(path: string, text: string): void {
    const file = join(shop.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** Runs a program in the newest container of a service, as the user that the service runs as. */
  async function inside(service: string, ...argv: string[]): Promise<string> {
    const [home] = await shop.homesOf(service);
    const { copies } = await shop.recorded(service);
    const { container } = copies.find(({ server }) => server === home!.host)!;
    return await home!.docker('exec', container, ...argv);
  }

  /** What the app says on its second port to who depends on it. */
  function greeting(): Promise<string> {
    const script = `
      const { SWITCHYARD_WEB_HOST: host, SWITCHYARD_WEB_PORT_GREETING: port } = process.env;
      require('net').connect(port, host).once('data', (data) => { console.log(String(data)); process.exit(0); });`;
    return inside('mailer', 'node', '-e', script);
  }

  /** All that a round of it has, as the apps see it. */
  async function expectRound(round: number): Promise<void> {
    expect(await greeting()).toMatch(`hello v${round}`);
    expect(await inside('web', 'cat', '/etc/app/app.conf')).toBe(`round ${round}`);
    expect(await inside('web', 'cat', '/etc/limits.conf')).toBe(`most = ${round}`);
    const environment = await inside('web', 'printenv', 'DATABASE_URL', 'COLOR');
    expect(environment).toBe(`postgres://app:pass word ${round}@db/pasted\nblue`);
    const token = ['-c', 'cat /run/secrets/api_token; stat -c " %a %u" -L /run/secrets/api_token'];
    expect(await inside('mailer', 'sh', ...token)).toBe(`token ${round} 400 1000`);
  }

  test('run as they are: further ports, files, and secrets for their user alone', async () => {
    await expectRound(1);
    for (const server of servers) expect(await shop.containers(server, 'web')).toHaveLength(1);
  });

  test('change together under load, and come back together; nobody loses anything, and no secret is written down', async () => {
    const users = startUsers(servers, DOMAIN);
    await users.untilSent(50);
    shop.edit((config) => {
      config.services = { web: web(2), mailer: mailer(2) };
      config.configs = { limits: { content: 'most = 2' } };
    });
    write('conf/app.conf', 'round 2');
    await shop.deploy(secrets(2));
    await expectRound(2);
    expect((await shop.deploy(secrets(2))).outputs).toMatchObject({ changed: 'false' });

    await shop.rollback(['web', 'mailer']);
    await expectRound(1);
    const { lost, losses } = await users.stop();
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    expect(await shop.inOrigin('log', '--all', '-p')).not.toMatch(/pass word \d|token \d/);
  });
});
