import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { docker, mustRun } from '../lab/command.ts';
import type { ActionRun } from './action.ts';
import { untilServed, versionOf } from './ask.ts';
import { borrow, type Fleet, fleet, type LentServers } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { type LabBuilder, labBuilder, TOLD } from './lab-builders.ts';
import type { Project } from './project.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { newProject, newWebShop, release } from './web-shop.ts';

jest.setTimeout(600_000);

/** How there is room again, as an error says it. */
const ROOM_HERE = '\\n→ The disk of the machine that builds is full. "docker builder prune" there';

// Each keeps what it has built in its own way.
const HERE = size.isFull ? TOLD : TOLD.slice(0, 1);

describe.each(HERE)('the disk of the runner is full, with $words', ({ builder: kind }) => {
  let lab: Fleet;
  let builder: LabBuilder;
  let shop: Project;
  /** A disk of a few MB, for what a job leaves. */
  let disk: string;

  beforeAll(async () => {
    lab = await fleet();
    builder = await labBuilder(kind, lab);
    shop = await newProject(lab, `cramped-${kind}`, lab.servers.slice(0, 1), {
      web: { build: './web', port: 3000 },
    });
    shop.edit((config) => {
      config.registry = 'none';
    });
    disk = mkdtempSync(join(tmpdir(), 'switchyard-small-disk-'));
    await mustRun(['mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]);
  });

  afterAll(async () => {
    await mustRun(['umount', disk]);
    rmSync(disk, { recursive: true });
    await builder?.forget(`cramped-${kind}-production-*`);
  });

  async function build(...instructions: string[]): Promise<ActionRun> {
    const Dockerfile = [
      `FROM ${lab.images.node}`,
      `ENV STORY=${randomBytes(8).toString('hex')}`,
      ...instructions,
    ];
    mkdirSync(join(shop.folder, 'web'), { recursive: true });
    writeFileSync(join(shop.folder, 'web', 'Dockerfile'), Dockerfile.join('\n'));
    await shop.git('add', '--all');
    await shop.git('commit', '--quiet', '--message', 'Another version');
    const run = await shop.run(
      'build-push',
      { 'ssh-private-key': '' },
      { ...builder.env, RUNNER_TEMP: disk },
    );
    expect(run.log).not.toMatch('please report it');
    expect([run.code, run.outputs.images]).toEqual([1, undefined]);
    return run;
  }

  test('for an instruction: its words are shown, and what to do', async () => {
    const failed = await build('RUN head -c 8000000 /dev/zero >/dev/full');
    expect(said(failed)).toMatch(/web: RUN head .* failed: .*\n {2}\| .*No space left on device/);
    expect(said(failed)).toMatch(new RegExp(ROOM_HERE));
  });

  test('for the image: said for which service, and what to do', async () => {
    const failed = await build('RUN true');
    expect(said(failed)).toMatch(new RegExp(`web: .*no space left on device.*${ROOM_HERE}`, 'i'));
  });
});

fullSizeTest(
  'the disk of a server is full: an image does not go onto it, and the version before serves on',
  async () => {
    const lab: LentServers = await borrow(1);
    const [one] = lab.servers as [LentServers['servers'][number]];
    const domain = 'cramped.example.com';
    const shop = await newWebShop(lab, 'cramped', [one]);
    await shop.deploy();
    await one.stopEngine();
    // What is pulled lies there until it is unpacked.
    const small =
      'mount -t tmpfs -o size=64k tmpfs /mnt && mkdir /mnt/tmp && mount --bind /mnt/tmp /var/lib/docker/tmp';
    expect(await one.exec(['sh', '-ec', small])).toMatchObject({ code: 0 });
    await one.startEngine();
    await untilServed(one, domain);
    const image = await largeImage(lab);
    shop.edit(({ services }) => {
      services.web!.image = image;
    });
    const failed = await shop.failToDeploy();
    expect(said(failed)).toMatch(
      new RegExp(
        `${one.host}: pulling ${image} failed: the server has no space left \\(.*\\)\\n→ The disk of that server is full`,
      ),
    );
    expect(await versionOf(one, domain)).toBe('v1');
    expect(await one.exec(['umount', '/var/lib/docker/tmp'])).toMatchObject({ code: 0 });
    await release(shop, 'web', 'v2').deploy();
    expect(await versionOf(one, domain)).toBe('v2');
    await shop.leave();
    lab.giveBack();
  },
);

/** An image with a layer that no server has, in the registry of the lab. */
async function largeImage({ images, registry }: Pick<Fleet, 'images' | 'registry'>): Promise<string> {
  const context = mkdtempSync(join(tmpdir(), 'switchyard-large-'));
  writeFileSync(join(context, 'ballast'), randomBytes(8e6));
  writeFileSync(join(context, 'Dockerfile'), `FROM ${images.web('v1')}\nCOPY ballast /\n`);
  const image = `${registry.address}/cramped/web:${randomBytes(6).toString('hex')}`;
  await docker(['build', '--quiet', '--tag', image, context]);
  await docker(['push', '--quiet', image]);
  await docker(['image', 'rm', image]);
  rmSync(context, { recursive: true });
  return image;
}
