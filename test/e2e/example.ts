import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseDocument } from 'yaml';
import type { EnvironmentState } from '../../src/model/release.ts';
import { docker, mustRun } from '../lab/command.ts';
import { dockerClient } from '../lab/docker-clients.ts';
import { buildImages } from '../lab/images.ts';
import type { DatabaseImage, Lab } from '../lab/lab.ts';
import { push } from '../lab/registry.ts';
import { type ActionRun, type RunningAction, startAction } from './action.ts';
import { nodeBase } from './node-base.ts';
import { serversOf } from './project.ts';
import { type Recorded, recordedOf } from './recorded.ts';

const examples = join(import.meta.dirname, '..', '..', 'examples');

/**
 * Example is a folder of `examples/` as a repository of its own, with the lab's addresses, keys and images in
 * place of those that a reader fills in.
 */
export class Example {
  readonly lab: Omit<Lab, 'down'>;
  readonly name: string;
  /** The work tree. */
  readonly folder: string;
  /** The bare repository that is its `origin`. */
  readonly origin: string;
  readonly project: string;
  readonly environment: string;
  /** Its runs build images. */
  readonly #isBuilt: boolean;

  private constructor(
    lab: Omit<Lab, 'down'>,
    name: string,
    place: { dir: string; origin: string },
    { isBuilt, ...scope }: { project: string; environment: string; isBuilt: boolean },
  ) {
    this.lab = lab;
    this.name = name;
    this.folder = place.dir;
    this.origin = place.origin;
    this.project = scope.project;
    this.environment = scope.environment;
    this.#isBuilt = isBuilt;
  }

  /** copy makes a repository of an example, and fills in what is the lab's; `user` is who deploys. */
  static async copy(lab: Omit<Lab, 'down'>, name: string, user = 'deploy'): Promise<Example> {
    const files = filesOf(join(examples, name));
    const config = parseDocument(files['switchyard.yml'] ?? '');
    const { project, environments, services } = config.toJS() as ExampleFile;
    const [[environment, { servers }] = ['', {}]] = Object.entries(environments);
    if (servers !== undefined) {
      const path = ['environments', environment];
      const own = serversOf(lab.servers.slice(0, servers.length)).map((server) => ({ ...server, user }));
      config.setIn([...path, 'servers'], config.createNode(own));
    }
    config.setIn(['sidecar', 'image'], lab.images.nginx);
    const stand: Record<string, string> = {
      'redis:7': lab.images.redis,
      // nginx as it comes would serve its welcome page; the lab's nginx has none.
      'nginx:1.30-alpine': await lab.buildWeb('welcome', { PORT: '80' }),
    };
    for (const [service, { image, build, preset, version }] of Object.entries(services)) {
      if (preset !== undefined)
        config.setIn(
          ['services', service, 'image'],
          await lab.database(`${preset}:${version}` as DatabaseImage),
        );
      if (image !== undefined && stand[image] !== undefined)
        config.setIn(['services', service, 'image'], stand[image]);
      if (build?.template !== undefined) {
        const hasPackages = files[join(build.context ?? '', 'package-lock.json')] !== undefined;
        const base = hasPackages ? await nodeBase(lab) : lab.images.node;
        const template = { name: build.template, base };
        config.setIn(['services', service, 'build', 'template'], config.createNode(template));
      }
    }
    const place = await lab.newRepository({ ...files, 'switchyard.yml': config.toString() });
    const isBuilt = Object.values(services).some(({ build }) => build !== undefined);
    return new Example(lab, name, place, { project, environment, isBuilt });
  }

  /** build makes an image of a folder with a Dockerfile and pushes it to the lab's registry, as a workflow does. */
  async build(folder: string, version: string): Promise<string> {
    const base = (await buildImages(['node'], () => undefined)).node!;
    const id = await mustRun([
      ...['docker', 'build', '--quiet', '--label', 'switchyard.lab.cache=image'],
      ...['--build-arg', `NODE=${base}`, '--build-arg', `VERSION=${version}`, join(this.folder, folder)],
    ]);
    const content = id.trim().split('\n').at(-1)!.replace('sha256:', '').slice(0, 12);
    const image = `switchyard-lab/${this.name}-${folder}:${content}`;
    await docker(['tag', id.trim().split('\n').at(-1)!, image]);
    return await push(this.lab.registry, image, `acme/${this.name}-${folder}:${version}`);
  }

  /** change replaces a text in a file and commits and pushes that; it throws when the text is not there. */
  async change(file: string, before: string, after: string, message: string): Promise<void> {
    const path = join(this.folder, file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(before)) throw new Error(`${file} has no ${JSON.stringify(before)}`);
    await this.#commit(file, text.replace(before, after), message);
  }

  /** configure changes the configuration, key by key, and commits and pushes that. */
  async configure(path: string[], value: unknown): Promise<void> {
    const file = join(this.folder, 'switchyard.yml');
    const config = parseDocument(readFileSync(file, 'utf8'));
    config.setIn(path, config.createNode(value));
    await this.#commit('switchyard.yml', config.toString(), `Change ${path.join('.')}`);
  }

  /** start starts a built action in the repository, as a runner does. */
  async start(
    action: string,
    inputs: Record<string, string> = {},
    more: Record<string, string> = {},
  ): Promise<RunningAction> {
    const env = {
      ...{ GITHUB_SHA: await this.git('rev-parse', 'HEAD'), GITHUB_ACTOR: 'lab' },
      ...(this.#isBuilt && { ...(await builder()), RUNNER_TEMP: `${this.folder}.tmp` }),
      ...more,
    };
    const all = { environment: this.environment, 'ssh-private-key': this.lab.keys.deploy, ...inputs };
    return startAction(action, all, { workspace: this.folder, env });
  }

  /** state returns what is recorded on the state branch. */
  async state(): Promise<EnvironmentState> {
    const path = `state/${this.project}/${this.environment}.json`;
    return JSON.parse(await this.git('--git-dir', this.origin, 'show', `switchyard-state:${path}`));
  }

  /** recorded returns what is recorded of a service; it throws when nothing is. */
  async recorded(service: string): Promise<Recorded> {
    return recordedOf((await this.state()).services[service]!);
  }

  async #commit(file: string, text: string, message: string): Promise<void> {
    writeFileSync(join(this.folder, file), text);
    await this.git('commit', '--quiet', '--all', '--no-verify', '--message', message);
    await this.git('push', '--quiet', '--no-verify', 'origin', 'main');
  }

  /** run runs a built action, and returns what became of it. */
  async run(action: string, inputs: Record<string, string> = {}): Promise<ActionRun> {
    return await (await this.start(action, inputs)).done;
  }

  /** git runs git in the work tree; returns what it printed. */
  git(...args: string[]): Promise<string> {
    return mustRun(['git', ...args], { cwd: this.folder });
  }
}

interface ExampleFile {
  project: string;
  environments: Record<string, { servers?: unknown[] }>;
  services: Record<
    string,
    { image?: string; build?: { context?: string; template?: string }; preset?: string; version?: string }
  >;
}

/** builder returns the environment in which a run finds a client of Docker that builds. */
async function builder(): Promise<Record<string, string>> {
  const { folder, config } = await dockerClient('bookworm');
  return { PATH: `${folder}:${process.env.PATH}`, DOCKER_CONFIG: config };
}

/** filesOf returns all files below a folder, path → text. */
function filesOf(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [join(relative(folder, dirname(path)), entry.name), readFileSync(path, 'utf8')];
    }),
  );
}
