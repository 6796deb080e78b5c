import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { ActionRun } from './action.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { type LabBuilder, labBuilder, TOLD } from './lab-builders.ts';
import type { Inputs, Project } from './project.ts';
import { attestationsOf, configOf, forgetImage, manifestOf, textOf } from './registry-content.ts';
import { said } from './said.ts';
import { newProject } from './web-shop.ts';

jest.setTimeout(300_000);

/** What a run tells of the image of `api`. */
interface Told {
  outcome: string;
  image: string;
  digest: string;
  steps: { total: number; cached: number };
  sizeBytes: number;
  previousSizeBytes?: number;
}

/** What comes out of a build, whoever builds. */
describe.each(TOLD)('what is built with $words', ({ builder: kind }) => {
  let lab: Fleet;
  let builder: LabBuilder;
  let shop: Project;

  beforeAll(async () => {
    lab = await fleet();
    builder = await labBuilder(kind, lab);
    shop = await newProject(lab, `images-${kind}`, lab.servers.slice(0, 1), {});
    shop.edit((config) => {
      config.registry = `${lab.registry.address}/images`;
    });
  });

  afterAll(async () => {
    await builder?.forget(`*/images/images-${kind}-production-*`);
  });

  /** Each story has an image of its own, of a content that was not there before. */
  let story: string;
  beforeEach(() => {
    story = `s${randomBytes(6).toString('hex')}`;
  });

  /** write commits a Dockerfile on the lab's node image, with files beside it. */
  async function write(
    lines: string[],
    files: Record<string, string> = {},
    more: object = {},
  ): Promise<void> {
    shop.edit((config) => {
      config.services = { [story]: { port: 3000, build: { context: './app', ...more } } };
    });
    mkdirSync(join(shop.folder, 'app'), { recursive: true });
    const Dockerfile = [`FROM ${lab.images.node}`, `ENV STORY=${story}`, ...lines, 'USER 1000', ''].join(
      '\n',
    );
    for (const [path, text] of Object.entries({ Dockerfile, ...files })) {
      writeFileSync(join(shop.folder, 'app', path), text);
    }
    await shop.git('add', '--all');
    await shop.git('commit', '--quiet', '--message', 'Another version');
  }

  async function build(
    inputs: Inputs = {},
    env: Record<string, string> = builder.env,
  ): Promise<Told & { run: ActionRun }> {
    const run = await shop.run('build-push', { 'ssh-private-key': '', ...inputs }, env);
    if (run.code !== 0) throw new Error(`the build failed:\n${said(run)}`);
    return { ...(JSON.parse(run.outputs.built ?? '{}') as Record<string, Told>)[story]!, run };
  }

  const named = (tag: string) => `${lab.registry.address}/images/images-${kind}-production-${story}:${tag}`;

  test('has its secrets nowhere, and its labels byte for byte', async () => {
    const temporary = join(shop.folder, '..', `images-${kind}`);
    const token = `secret-${story}`;
    const label = `$(id) \`id\` "double" 'single' \\ =a, žluťoučký`;
    await write(
      [
        'ARG CHANNEL',
        `RUN --mount=type=secret,id=token test "$(cat /run/secrets/token)" = "secret-$STORY" && echo $CHANNEL >/channel`,
      ],
      {},
      {
        secrets: ['token'],
        args: { CHANNEL: 'edge' },
        labels: { 'com.example.label': label.replaceAll('$', '$$$$') },
      },
    );
    const { image, run } = await build(
      { secrets: JSON.stringify({ token }) },
      { ...builder.env, RUNNER_TEMP: temporary },
    );
    const everything = [run.log, await textOf(image), await attestationsOf(named('content-last'))];
    for (const text of everything) expect(text).not.toMatch(token);
    expect((await configOf(image)).config.Labels).toMatchObject({ 'com.example.label': label });
    expect(readdirSync(temporary)).toEqual([]);
    rmSync(temporary, { recursive: true });
  });

  test('stays with the engine where nothing is pushed', async () => {
    await write(['RUN echo here >/where']);
    const { outcome, image } = await build({ push: 'false' });
    expect([outcome, image]).toEqual(['built', expect.stringMatching(/:content-[0-9a-f]{64}$/)]);
    expect((await build({ push: 'false' })).outcome).toBe('present');
    await expect(manifestOf(named('content-last'))).rejects.toThrow('404');
  });

  test('is built of the layers that an earlier build has left in the registry', async () => {
    const slow = [
      'COPY packages.txt /app/',
      'RUN cat /app/packages.txt >/app/installed',
      'COPY server.mjs /app/',
    ];
    await write(slow, { 'packages.txt': story, 'server.mjs': '1' });
    const first = await build({ cache: 'registry' });
    expect(said(first.run)).toMatch(
      /Layers are kept in the (?:registry, beside each image|images themselves)/,
    );
    await write(slow, { 'packages.txt': story, 'server.mjs': '2' });
    const { steps, sizeBytes, previousSizeBytes, run } = await build(
      { cache: 'registry' },
      await builder.elsewhere(),
    );
    expect({ steps, log: run.log }).toEqual({
      steps: { total: 3, cached: 2 },
      log: expect.not.stringContaining('::warning'),
    });
    expect([sizeBytes, previousSizeBytes]).toEqual([expect.any(Number), first.sizeBytes]);
  });

  fullSizeTest('is built all the same where its layers cannot be kept', async () => {
    const nowhere = 'type=registry,ref=127.0.0.1:9/nowhere:cache,mode=max';
    await write(['RUN echo kept >/kept'], {}, { cache_from: [nowhere], cache_to: [nowhere] });
    const { outcome, run } = await build();
    expect(outcome).toBe('built');
    expect(said(run)).toMatch(
      kind === 'containerd'
        ? /^::warning.*layers could not be kept in registry: .*127\.0\.0\.1:9.*; it was built all the same/m
        : /^::warning.*Layers are not kept where the file says/m,
    );
  });

  if (kind === 'containerd') {
    fullSizeTest(
      'is built all the same where the cache of GitHub Actions does not take its token',
      async () => {
        await write(['RUN echo kept >/kept']);
        const service = { ACTIONS_RUNTIME_TOKEN: 'none', ACTIONS_RESULTS_URL: 'http://127.0.0.1:9/' };
        const { outcome, run } = await build({ cache: 'gha' }, { ...builder.env, ...service });
        expect(outcome).toBe('built');
        expect(said(run)).toMatch(/^::warning.*gha cache.*; it is built without layers of earlier builds$/m);
      },
    );

    test('is known by a digest of its own, whatever is said of it beside', async () => {
      // This builder does not date files, but those of one checkout have the same times twice.
      await write(['COPY . /app/'], { 'server.mjs': story }, { no_cache: true });
      const first = await build();
      const before = await manifestOf(named('content-last'));
      expect(before.manifests).toHaveLength(2);
      expect(await attestationsOf(named('content-last'))).toMatch('https://slsa.dev/provenance/');
      await forgetImage(named('content-last'));
      const second = await build();
      expect([second.outcome, second.digest]).toEqual(['built', first.digest]);
      const after = await manifestOf(named('content-last'));
      expect(after.digest).not.toBe(before.digest);
    });

    fullSizeTest('is built again when something has cleaned it out of its list', async () => {
      await write(['COPY . /app/'], { 'server.mjs': story });
      await forgetImage((await build()).image);
      expect((await build()).outcome).toBe('built');
      expect((await build()).outcome).toBe('present');
    });

    fullSizeTest('is built of the layers in a folder that does not grow', async () => {
      const cache = join(shop.folder, '..', `cache-${kind}`);
      const env = { ...builder.env, XDG_CACHE_HOME: cache };
      const filesOf = () => readdirSync(cache, { recursive: true }).length;
      const lines = ['RUN head -c 100000 /dev/urandom >/slow', 'COPY server.mjs /app/'];
      await write(lines, { 'server.mjs': '1' });
      await build({ cache: 'local' }, env);
      const files = filesOf();
      await builder.elsewhere();
      await write(lines, { 'server.mjs': '2' });
      expect((await build({ cache: 'local' }, env)).steps).toEqual({ total: 2, cached: 1 });
      expect(filesOf()).toBe(files);
      rmSync(cache, { recursive: true });
    });
  }

  if (kind !== 'containerd') {
    test('is refused where it asks for more than the builder can do', async () => {
      await write([], {}, { sbom: true });
      const { code, log } = await shop.run('build-push', { 'ssh-private-key': '' }, builder.env);
      expect(code).toBe(1);
      expect(said({ log })).toMatch(
        /its build asks for more than .* can do: sbom\n→ Use docker\/setup-buildx-action/,
      );
    });
  }
});
