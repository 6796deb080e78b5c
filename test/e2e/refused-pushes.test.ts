import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { docker } from '../lab/command.ts';
import { buildImages } from '../lab/images.ts';
import type { LabServer } from '../lab/lab.ts';
import type { ActionRun } from './action.ts';
import { ask } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { type LabBuilder, labBuilder, TOLD } from './lab-builders.ts';
import type { Project } from './project.ts';
import { type RefusingFront, refuseAtRegistry } from './registry-front.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { newProject } from './web-shop.ts';

jest.setTimeout(600_000);

/** The registry keeps what earlier runs have pushed: nothing of this one is there before. */
const RUN = randomBytes(8).toString('hex');

/** An engine tries again what may pass, for more than a minute. */
const HERE = size.isFull ? TOLD : TOLD.slice(-1);

describe.each(HERE)('a registry that takes no pushes, of $words', ({ builder: kind }) => {
  const domain = `refused-${kind}.example.com`;
  let lab: Fleet;
  let home: LabServer;
  let builder: LabBuilder;
  let front: RefusingFront;
  let shop: Project;

  beforeAll(async () => {
    lab = await fleet();
    [home] = lab.servers as [LabServer];
    builder = await labBuilder(kind, lab);
    front = await refuseAtRegistry(lab.registry.address, [home, lab.workshop]);
    shop = await newProject(lab, `refused-${kind}`, [home], {
      web: { build: './web', port: 3000, domain, healthcheck: { path: '/' } },
    });
  });

  afterAll(async () => {
    await shop?.leave();
    front?.close();
    await builder?.forget(`*/refused/refused-${kind}-production-*`);
  });

  let versions = 0;
  /** becomes is another version, with so many MB that nobody can pack. */
  async function becomes(megabytes = 1): Promise<string> {
    versions += 1;
    const version = `${RUN} ${versions}`;
    mkdirSync(join(shop.folder, 'web'), { recursive: true });
    const server = `import { createServer } from 'node:http';
const server = createServer((_request, response) => response.end('${version}'));
server.listen(3000);
process.on('SIGTERM', () => server.close(() => process.exit()));
`;
    const files = {
      Dockerfile: `FROM ${lab.images.node}\nCOPY . /app\nUSER 1000\nCMD ["node", "/app/server.mjs"]\n`,
      'server.mjs': server,
      ballast: randomBytes(megabytes * 1e6),
    };
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(shop.folder, 'web', name), content);
    await shop.git('add', '--all');
    await shop.git('commit', '--quiet', '--message', version);
    return version;
  }

  const deploy = (): Promise<ActionRun> => shop.run('deploy', {}, builder.env);
  const answer = async () => (await ask(home, domain, '/')).body;

  /** What serves when a story begins. */
  let before: { version: string; standing: Record<string, string> };
  beforeEach(async () => {
    front.refuses();
    shop.edit((config) => {
      config.registry = `${front.address}/refused`;
    });
    if (versions === 0) {
      await becomes();
      expect(said(await deploy())).not.toMatch('::error');
    }
    before = { version: await answer(), standing: await shop.standing() };
  });

  async function expectRefusal(words: RegExp): Promise<void> {
    const failed = await deploy();
    expect(said(failed)).toMatch(words);
    expect([failed.code, failed.outputs.images]).toEqual([1, undefined]);
    expect(failed.log).not.toMatch(/::debug::begins|please report it/);
    expect({ version: await answer(), standing: await shop.standing() }).toEqual(before);
  }

  test('for a login that may not write: said with its words, nothing is deployed, and the next run does', async () => {
    const version = await becomes();
    front.refuses('denied');
    await expectRefusal(
      new RegExp(
        `web: the registry ${front.address} did not take the image: this login may not write there: .*(?:denied|403).*\\n→ Are registry-username`,
      ),
    );
    front.refuses();
    expect(said(await deploy())).not.toMatch('::error');
    expect(await answer()).toBe(version);
  });

  fullSizeTest('for too many requests', async () => {
    await becomes();
    front.refuses('busy');
    await expectRefusal(
      new RegExp(
        `web: the registry ${front.address} did not take the image: it has had too many requests: .*\\n→ Run again in some minutes`,
      ),
    );
  });

  fullSizeTest('for a connection that is cut in the middle', async () => {
    await becomes(8);
    front.refuses('cut');
    await expectRefusal(
      new RegExp(
        `web: the registry ${front.address} did not take the image: the connection broke off: .*\\n→ Run again\\.`,
      ),
    );
  });

  fullSizeTest('for a disk that is full', async () => {
    const { registry: image = '' } = await buildImages(['registry'], console.log);
    // A layer of Node does not go onto it.
    const place = '/var/lib/docker-registry:size=2m,mode=777';
    const small = await docker(['run', '--detach', '--tmpfs', place, '--publish', '127.0.0.1::5000', image]);
    try {
      const published = await docker(['port', small, '5000/tcp']);
      const full = await refuseAtRegistry(published, [home, lab.workshop]);
      shop.edit((config) => {
        config.registry = `${full.address}/refused`;
      });
      await becomes();
      await expectRefusal(
        new RegExp(
          `web: the registry ${full.address} did not take the image: it failed itself: .*(?:500|blob upload invalid).*\\n→ .*is its disk full\\?`,
        ),
      );
      full.close();
    } finally {
      await docker(['rm', '--force', '--volumes', small]);
    }
  });
});
