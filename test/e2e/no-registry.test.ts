import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { isNameInTransfer } from '../../src/model/transferred-image.ts';
import type { LabServer } from '../lab/lab.ts';
import type { ActionRun, RunningAction } from './action.ts';
import { ask, untilServed } from './ask.ts';
import { borrow, type Fleet, fleet, type LentServers } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { type BuilderName, type LabBuilder, labBuilder } from './lab-builders.ts';
import type { Inputs, Project } from './project.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { newProject } from './web-shop.ts';

jest.setTimeout(900_000);

/** What the image weighs beside Node, in MB: nothing in it can be packed. */
const BALLAST = size.isFull ? 220 : 4;

const server = (version: string) =>
  `import { createServer } from 'node:http';
const server = createServer((_request, response) => response.end('${version}'));
server.listen(3000);
process.on('SIGTERM', () => server.close(() => process.exit()));
`;

/**
 * The builder keeps what it has built, and servers what they were brought: with another seed nothing of it is there before. With
 * the same one a layer is the same, also where the builder has to make it anew.
 */
const dockerfile = ({ images }: Pick<Fleet, 'images'>, seed: string) => {
  const layer = (n: number) => {
    const cipher = `require('crypto').createCipheriv('aes-128-ctr', '${seed}', Buffer.alloc(16, ${n}))`;
    const content = `${cipher}.update(Buffer.alloc(${(BALLAST / 4) * 1e6}))`;
    const path = `'/ballast-${n}'`;
    return `RUN node -e "fs.writeFileSync(${path}, ${content}); fs.utimesSync(${path}, 0, 0)"`;
  };
  const layers = [1, 2, 3, 4].map(layer).join('\n');
  return `FROM ${images.node}\n${layers}\nCOPY server.mjs /app/\nCMD ["node", "/app/server.mjs"]\n`;
};

/** A shop whose image goes from the runner to its servers, and the job that builds and deploys it. */
class Shop {
  readonly project: Project;
  readonly lab: Fleet;
  readonly domain: string;
  readonly servers: readonly LabServer[];
  readonly #builder: LabBuilder;
  /** The folder that a runner empties between two jobs. */
  #temporary = mkdtempSync(join(tmpdir(), 'switchyard-job-'));
  images = '';
  /** The version that was deployed last. */
  #version = '';

  private constructor(lab: Fleet, project: Project, servers: readonly LabServer[], builder: LabBuilder) {
    this.lab = lab;
    this.project = project;
    this.domain = `${project.config.project}.example.com`;
    this.servers = servers;
    this.#builder = builder;
  }

  /** open writes the shop's repository; nothing is built yet. */
  static async open(
    lab: Fleet,
    name: string,
    servers: readonly LabServer[],
    builder: BuilderName = 'engine',
  ): Promise<Shop> {
    const service = {
      build: '.',
      port: 3000,
      domain: `${name}.example.com`,
      servers: servers.length,
      healthcheck: { path: '/' },
      drain: { timeout: '5s' },
    };
    const project = await newProject(lab, name, servers, { api: service });
    project.edit((config) => {
      config.registry = 'none';
    });
    const shop = new Shop(lab, project, servers, await labBuilder(builder, lab));
    await shop.commit({
      Dockerfile: dockerfile(lab, randomBytes(8).toString('hex')),
      '.dockerignore': '*\n!server.mjs\n',
    });
    return shop;
  }

  async commit(files: Record<string, string>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.project.folder, path)), { recursive: true });
      writeFileSync(join(this.project.folder, path), text);
    }
    await this.project.git('add', '--all');
    // A version that was built before is none: another commit all the same.
    await this.project.git('commit', '--quiet', '--allow-empty', '--message', 'Another version');
  }

  /** becomes is another version of the app, and the image of it. */
  async becomes(version: string): Promise<void> {
    await this.commit({ 'server.mjs': server(version) });
    const built = await this.run('build-push');
    if (built.code !== 0) throw new Error(`the build failed:\n${built.log}`);
    this.images = built.outputs.images ?? '';
  }

  /** becomesAnother is another version, in an image of which no layer was there before but those of Node. */
  async becomesAnother(): Promise<void> {
    await this.commit({ Dockerfile: dockerfile(this.lab, randomBytes(8).toString('hex')) });
    await this.becomes('another');
  }

  run(action: string, inputs: Inputs = {}): Promise<ActionRun> {
    return this.start(action, inputs).done;
  }

  start(action: string, inputs: Inputs = {}): RunningAction {
    const env = { ...this.#builder.env, RUNNER_TEMP: this.#temporary };
    const images: Inputs = ['build-push', 'rollback'].includes(action) ? {} : { images: this.images };
    return this.project.start(action, { ...images, ...inputs }, env);
  }

  /** stands is how a story begins: this version serves, whatever an earlier story did. */
  async stands(version: string): Promise<void> {
    if (this.#version === version) return;
    await this.becomes(version);
    await this.deploy();
    this.#version = version;
  }

  /** deploy deploys what was built last; it throws with the whole log when that fails. */
  async deploy(): Promise<ActionRun> {
    const run = await this.run('toggle-deploy');
    if (run.code !== 0) throw new Error(`the deploy failed:\n${run.log}`);
    this.#version = '';
    return run;
  }

  /** isElse says that it is no longer what was deployed last. */
  isElse(): void {
    this.#version = '';
  }

  /** nextJob is on a runner that knows nothing of this one. */
  nextJob(): void {
    rmSync(this.#temporary, { recursive: true });
    this.#temporary = mkdtempSync(join(tmpdir(), 'switchyard-job-'));
  }

  /** The digest of what was built last. */
  get digest(): string {
    return this.images.split('@')[1]!;
  }

  get imageOnServers(): string {
    return this.images.replace('api=', '').replace('@sha256:', ':sha256-');
  }

  async answers(): Promise<string[]> {
    const all = await Promise.all(this.servers.map((one) => ask(one, this.domain, '/')));
    return all.map(({ body }) => body);
  }

  async leave(): Promise<void> {
    await this.project.leave();
    await this.#builder.forget(`${this.project.config.project}-production-*`);
    rmSync(this.#temporary, { recursive: true });
  }
}

/** sentIn returns how many MB a run has sent to a server, as its registry has counted them. */
function sentIn({ log }: Pick<ActionRun, 'log'>, { host }: LabServer): number {
  const found = new RegExp(`^${host}: \\S+ is there, ([\\d.]+) MB of it were sent$`, 'm').exec(log)?.[1];
  return found === undefined ? 0 : Number(found);
}

const namesOn = async ({ docker }: LabServer): Promise<string[]> =>
  (await docker('image', 'ls', '--all', '--no-trunc', '--format', '{{.Repository}}:{{.Tag}}@{{.Digest}}'))
    .trim()
    .split('\n');

/** From source to what answers on servers with engines 26.1 and 20.10, and nothing in between but SSH. */
describe('a project without a registry', () => {
  let lab: Fleet;
  let shop: Shop;

  beforeAll(async () => {
    lab = await fleet();
    shop = await Shop.open(lab, 'carried', lab.servers.slice(0, 2));
  });

  afterAll(() => shop?.leave());

  test('is built, brought to the servers, deployed by digest, and answers', async () => {
    await shop.becomes('one');
    expect(shop.images).toMatch(/^api=carried-production-api@sha256:[0-9a-f]{64}$/);
    const planned = await shop.run('plan');
    const { log } = await shop.deploy();
    expect(await shop.answers()).toEqual(['one', 'one']);
    for (const one of shop.servers) {
      expect(planned.log).toMatch(
        new RegExp(`^${one.host}: image: transfer [\\d.]+ MB of [\\d.]+ MB: ${shop.imageOnServers}$`, 'm'),
      );
      expect(sentIn({ log }, one)).toBeGreaterThanOrEqual(BALLAST);
      const names = await namesOn(one);
      expect(names.filter((name) => name.startsWith(shop.imageOnServers))).toHaveLength(1);
      expect(names.filter(isNameInTransfer)).toEqual([]);
    }
    const { services } = await shop.project.state();
    const { image_digest } = (await shop.project.release('api', services.api!.release))!;
    expect(image_digest).toBe(`carried-production-api@${shop.digest}`);
  });

  test('has nothing built, transferred and deployed by a second run', async () => {
    await shop.stands('one');
    const before = await shop.project.standing();
    const built = await shop.run('build-push');
    expect(built.outputs.built).toMatch('"outcome":"present"');
    expect(built.outputs.images).toBe(shop.images);
    const { log } = await shop.deploy();
    expect(log).not.toMatch('transfer');
    expect(await shop.project.standing()).toEqual(before);
  });

  test('has the layer alone transferred that has changed', async () => {
    await shop.stands('one');
    await shop.becomes('two');
    const planned = await shop.run('plan');
    const { log } = await shop.deploy();
    expect(await shop.answers()).toEqual(['two', 'two']);
    for (const one of shop.servers) expect(sentIn({ log }, one)).toBeLessThan(0.1);
    for (const one of shop.servers) {
      expect(planned.log).toMatch(new RegExp(`^${one.host}: image: transfer 0\\.0 MB of`, 'm'));
    }
  });

  fullSizeTest('is built and deployed by one step', async () => {
    await shop.stands('one');
    await shop.commit({ 'server.mjs': server('of one step') });
    const { code, outputs } = await shop.run('toggle-deploy', { images: '' });
    shop.isElse();
    expect([code, await shop.answers()]).toEqual([0, ['of one step', 'of one step']]);
    expect(outputs.images).toMatch(/^api=carried-production-api@sha256:/);
  });

  fullSizeTest('is not deployed again when another job has built the same again', async () => {
    await shop.stands('one');
    const { digest } = shop;
    const before = await shop.project.standing();
    shop.nextJob();
    await shop.becomes('one');
    expect(shop.digest).not.toBe(digest);
    const { log } = await shop.deploy();
    expect(log).not.toMatch('transfer');
    expect(await shop.project.standing()).toEqual(before);
  });

  fullSizeTest('goes back to what the servers still have, in a job that has built nothing', async () => {
    await shop.stands('one');
    await shop.stands('two');
    shop.nextJob();
    const back = await shop.run('rollback', { service: 'api' });
    shop.isElse();
    expect([back.code, await shop.answers()]).toEqual([0, ['one', 'one']]);
    expect(back.log).not.toMatch('transfer ');
  });

  fullSizeTest('is told when what it would go back to is on no server any more', async () => {
    const [first] = shop.servers as [LabServer];
    await shop.stands('one');
    const { services } = await shop.project.state();
    const { release } = services.api!;
    const { container } = (await shop.project.release('api', release))!;
    await shop.stands('two');
    await first.docker('image', 'rm', container.image);
    const before = await shop.project.standing();
    const failed = await shop.run('rollback', { service: 'api', to: String(release) });
    expect(failed.code).toBe(1);
    expect(said(failed)).toMatch(
      new RegExp(
        `${first.host}: the image ${container.image} is not there, and this run does not have it\n→ With registry: none`,
      ),
    );
    expect(await shop.project.standing()).toEqual(before);
  });

  fullSizeTest('is transferred on when the first try was killed in the middle', async () => {
    await shop.stands('one');
    await shop.becomesAnother();
    const killed = shop.start('toggle-deploy');
    await killed.says(await untilFirstLayer(shop));
    killed.signal('SIGKILL');
    await killed.done;
    expect(await shop.answers()).toEqual(['one', 'one']);
    const { log } = await shop.deploy();
    expect(await shop.answers()).toEqual(['another', 'another']);
    const sent = shop.servers.map((one) => sentIn({ log }, one));
    expect(Math.min(...sent)).toBeLessThanOrEqual(BALLAST * 0.8);
    for (const one of shop.servers) expect((await namesOn(one)).filter(isNameInTransfer)).toEqual([]);
  });

  /** What a run says when a server has the first of the new layers. */
  async function untilFirstLayer({ servers }: Shop): Promise<RegExp> {
    const known = await servers[0]!.docker(
      'image',
      'inspect',
      '--format',
      '{{len .RootFS.Layers}}',
      lab.images.node,
    );
    const some = [1, 2, 3].map((count) => Number(known) + count);
    return new RegExp(`: transferring \\S+: (?:${some.join('|')}) of`);
  }
});

/** The builder writes what such a project needs; an engine with its own store has to be asked for it afterwards. */
fullSizeTest('a project whose images are written as an OCI layout by their builder', async () => {
  const lab = await fleet();
  const shop = await Shop.open(lab, 'carried-layout', lab.servers.slice(0, 2), 'containerd');
  await shop.becomes('one');
  const first = await shop.deploy();
  expect(await shop.answers()).toEqual(['one', 'one']);
  for (const one of shop.servers) expect(sentIn(first, one)).toBeGreaterThanOrEqual(BALLAST);
  expect((await shop.run('build-push')).outputs).toMatchObject({ images: shop.images });
  await shop.becomes('two');
  const second = await shop.deploy();
  expect(await shop.answers()).toEqual(['two', 'two']);
  for (const one of shop.servers) expect(sentIn(second, one)).toBeLessThan(0.1);
  await shop.leave();
});

/** What is changed of sshd or disk is undone by whoever borrows the server next. */
if (size.isFull)
  describe('a server that does not do its part', () => {
    let lab: LentServers;
    let one: LabServer;
    let shop: Shop;

    beforeAll(async () => {
      lab = await borrow(1);
      [one] = lab.servers as [LabServer];
      shop = await Shop.open(lab, 'carried-hardly', [one]);
    });

    afterAll(async () => {
      await shop?.leave();
      lab?.giveBack();
    });

    fullSizeTest(
      'whose disk is full: the version before serves on, and the next run finds room',
      async () => {
        await shop.stands('one');
        await shop.becomesAnother();
        await one.stopEngine();
        // What comes lies there until it is unpacked.
        const small =
          'mount -t tmpfs -o size=4m tmpfs /mnt && mkdir /mnt/tmp && mount --bind /mnt/tmp /var/lib/docker/tmp';
        expect(await one.exec(['sh', '-ec', small])).toMatchObject({ code: 0 });
        await one.startEngine();
        await untilServed(one, shop.domain);
        const failed = await shop.run('toggle-deploy');
        expect(said(failed)).toMatch(
          new RegExp(
            `${one.host}: transferring .*: the Docker engine refuses: .*no space left on device\n→ The disk of that server is full`,
          ),
        );
        expect(await shop.answers()).toEqual(['one']);
        expect(await one.exec(['umount', '/var/lib/docker/tmp'])).toMatchObject({ code: 0 });
        await shop.deploy();
        expect(await shop.answers()).toEqual(['another']);
      },
    );

    fullSizeTest(
      'whose sshd forwards no port: the image goes as a whole, and the line to change is said',
      async () => {
        const forbid = `printf 'Match User deploy\\n  AllowTcpForwarding local\\n' >>/etc/ssh/sshd_config && pkill -HUP -o -x sshd`;
        expect(await one.exec(['sh', '-ec', forbid])).toMatchObject({ code: 0 });
        await shop.becomes('of a strict server');
        const { log } = await shop.deploy();
        expect(said({ log })).toMatch(
          /sshd does not forward a port to this run \(set "AllowTcpForwarding yes"/,
        );
        expect(await shop.answers()).toEqual(['of a strict server']);
        expect(sentIn({ log }, one)).toBeGreaterThanOrEqual(BALLAST);
      },
    );
  });
