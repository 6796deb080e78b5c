import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import type { BackupReceipt } from '../../src/model/backup.ts';
import { SLOTS } from '../../src/model/copy.ts';
import type { EnvironmentState, Release } from '../../src/model/release.ts';
import type { Lab, LabServer } from '../lab/lab.ts';
import { type ActionRun, type RunningAction, startAction } from './action.ts';
import { type Recorded, recordedOf } from './recorded.ts';

const run = promisify(execFile);

const STATE_BRANCH = 'refs/heads/switchyard-state';
const DEFAULT_FILE = 'switchyard.yml';

/** A configuration as a plain object; written to switchyard.yml as YAML. */
export type ConfigFile = Record<string, unknown> & {
  project: string;
  environments: Record<string, Record<string, unknown>>;
  services: Record<string, Record<string, unknown>>;
};

/** Inputs that a deploy may be given beside those that are the same in every run. */
export type Inputs = Record<string, string>;

/** What a project needs of a lab: some of its servers, and a place for its repository. */
export type Servers = Pick<Lab, 'servers' | 'images' | 'keys' | 'newRepository'>;

/** With one of these, what a deploy brings to the servers is not what the file says. */
const NARROWING = ['images', 'service', 'zones', 'exclude-servers'];
/** These change nothing. */
const LOOKING = ['plan', 'status'];

/**
 * Project is a repository with a switchyard.yml that deploys to the lab's servers: the vocabulary in which the
 * tests tell their stories.
 */
export class Project {
  readonly lab: Servers;
  readonly folder: string;
  /** The bare repository that is its remote. */
  readonly origin: string;
  config: ConfigFile;
  readonly environment: string;
  /** The configuration's path in the repository. */
  readonly file: string;
  /** The dist of another revision by which it is deployed. */
  build?: string;
  /** The configuration that was deployed last. */
  #deployed: ConfigFile | undefined;
  /** Whether a run has ended since then of which nobody says what it left. */
  #isTouched = true;
  /** How many runs were started that may change something. */
  #runs = 0;

  private constructor(
    lab: Servers,
    place: { dir: string; origin: string },
    config: ConfigFile,
    environment: string,
    file = DEFAULT_FILE,
  ) {
    this.lab = lab;
    this.folder = place.dir;
    this.origin = place.origin;
    this.config = config;
    this.environment = environment;
    this.file = file;
  }

  /** create makes the repository, with an origin of its own, and writes the configuration. */
  static async create(lab: Servers, config: ConfigFile, environment = 'production'): Promise<Project> {
    const place = await lab.newRepository({ [DEFAULT_FILE]: stringify(config) });
    return new Project(lab, place, config, environment);
  }

  /** beside returns another project of the same repository, whose configuration lies in another file. */
  beside(config: ConfigFile, file: string): Project {
    const project = new Project(
      this.lab,
      { dir: this.folder, origin: this.origin },
      config,
      this.environment,
      file,
    );
    project.write();
    return project;
  }

  /** write writes the configuration as it is now. */
  write(): void {
    const path = join(this.folder, this.file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, stringify(this.config));
  }

  /** edit changes the configuration and writes it. */
  edit(change: (config: ConfigFile) => void): this {
    change(this.config);
    this.write();
    return this;
  }

  /**
   * stands is how a story begins: the project is deployed, with a change if one is given, whatever an earlier story
   * did. That is a deploy where something else stands, and nothing where this does.
   */
  async stands(change: (config: ConfigFile) => void = () => undefined, inputs: Inputs = {}): Promise<void> {
    const stood = JSON.stringify(this.#deployed);
    this.config = structuredClone(this.#deployed ?? this.config);
    this.edit(change);
    if (this.#isTouched || JSON.stringify(this.config) !== stood) await this.deploy(inputs);
  }

  /** start starts an action and returns at once. */
  start(action: string, inputs: Inputs = {}, env: Record<string, string> = {}): RunningAction {
    const run = startAction(
      action,
      {
        environment: this.environment,
        'ssh-private-key': this.lab.keys.deploy,
        ...(this.file !== DEFAULT_FILE && { config: this.file }),
        ...inputs,
      },
      { workspace: this.folder, env, ...(this.build && { build: this.build }) },
    );
    if (!LOOKING.includes(action) && inputs['dry-run'] !== 'true') this.#watch(run, action, inputs);
    return run;
  }

  /** Remembers what a run leaves: what the file said, if it was a whole deploy that succeeded, and no other run came between. */
  #watch(run: RunningAction, action: string, inputs: Inputs): void {
    const wasTouched = this.#isTouched;
    const config = structuredClone(this.config);
    const isWhole = action === 'toggle-deploy' && !NARROWING.some((input) => input in inputs);
    this.#isTouched = true;
    this.#runs += 1;
    const number = this.#runs;
    void run.done.then(({ code, log }) => {
      if (number !== this.#runs) return;
      if (code === 0 && isWhole) {
        this.#deployed = config;
        this.#isTouched = false;
      }
      // It was refused before its first step.
      if (code !== 0 && !/^::debug::begins: /m.test(log)) this.#isTouched = wasTouched;
    });
  }

  /** run runs an action and returns what became of it, also when it failed. */
  run(action: string, inputs: Inputs = {}, env: Record<string, string> = {}): Promise<ActionRun> {
    return this.start(action, inputs, env).done;
  }

  /** deploy runs toggle-deploy; it throws with the whole log when that fails. */
  async deploy(inputs: Inputs = {}, env: Record<string, string> = {}): Promise<ActionRun> {
    const outcome = await this.run('toggle-deploy', inputs, env);
    if (outcome.code !== 0) throw new Error(`the deploy failed:\n${outcome.log}`);
    return outcome;
  }

  /** failToDeploy runs toggle-deploy and returns the failed run; it throws when the deploy succeeds. */
  async failToDeploy(inputs: Inputs = {}, env: Record<string, string> = {}): Promise<ActionRun> {
    const outcome = await this.run('toggle-deploy', inputs, env);
    if (outcome.code === 0) throw new Error(`the deploy succeeded, and should not have:\n${outcome.log}`);
    return outcome;
  }

  /** rollback brings services back; it throws with the whole log when that fails. */
  async rollback(services: readonly string[], inputs: Inputs = {}): Promise<ActionRun> {
    const outcome = await this.run('rollback', { service: services.join('\n'), ...inputs });
    if (outcome.code !== 0) throw new Error(`the rollback failed:\n${outcome.log}`);
    return outcome;
  }

  /** failToRollBack returns the failed run; it throws when the rollback succeeds. */
  async failToRollBack(services: readonly string[], inputs: Inputs = {}): Promise<ActionRun> {
    const outcome = await this.run('rollback', { service: services.join('\n'), ...inputs });
    if (outcome.code === 0) throw new Error(`the rollback succeeded, and should not have:\n${outcome.log}`);
    return outcome;
  }

  /** release returns a release as it stands on the state branch; undefined when it is not there, or no longer. */
  async release(service: string, number: number): Promise<Release | undefined> {
    const path = `releases/${this.config.project}/${this.environment}/${service}/${number}.json`;
    const found = await this.inOrigin('ls-tree', STATE_BRANCH, '--', path);
    if (found === '') return undefined;
    return JSON.parse(await this.inOrigin('show', `${STATE_BRANCH}:${path}`)) as Release;
  }

  /** receipt returns the receipt of a backup as it stands on the state branch. */
  async receipt(service: string, id: string): Promise<BackupReceipt> {
    const path = `backups/${this.config.project}/${this.environment}/${service}/${id}.json`;
    return JSON.parse(await this.inOrigin('show', `${STATE_BRANCH}:${path}`)) as BackupReceipt;
  }

  /** leave takes all services off the servers, so that nothing of the project stays but its volumes. */
  async leave(): Promise<void> {
    const deployed = this.#deployed ?? structuredClone(this.config);
    this.config.services = {};
    for (const environment of Object.values(this.config.environments)) delete environment.services;
    this.write();
    await this.deploy();
    this.#deployed = deployed;
    this.#isTouched = true;
  }

  /** state returns what is recorded on the state branch of the origin. */
  async state(): Promise<EnvironmentState> {
    const path = `state/${this.config.project}/${this.environment}.json`;
    return JSON.parse(await this.inOrigin('show', `${STATE_BRANCH}:${path}`)) as EnvironmentState;
  }

  /** recorded returns what is recorded of a service; it throws when nothing is. */
  async recorded(service: string): Promise<Recorded> {
    const entry = (await this.state()).services[service];
    if (entry === undefined) throw new Error(`nothing is recorded of ${service}`);
    return recordedOf(entry);
  }

  /** releases returns the releases that serve, by service, as they are recorded. */
  async releases(): Promise<Record<string, number>> {
    const { services } = await this.state();
    return Object.fromEntries(Object.entries(services).map(([name, { release }]) => [name, release]));
  }

  /** homesOf returns the servers that a service's copies stand on, as it is recorded. */
  async homesOf(service: string): Promise<LabServer[]> {
    const { copies } = await this.recorded(service);
    return copies.map(({ server }) => this.lab.servers.find(({ host }) => host === server)!);
  }

  /** history returns the subjects of the state branch, the newest first. */
  async history(): Promise<string[]> {
    return (await this.inOrigin('log', '--format=%s', STATE_BRANCH)).trim().split('\n');
  }

  /** inOrigin runs git in the remote, where runs write to; returns what it printed. */
  async inOrigin(...args: string[]): Promise<string> {
    return (await run('git', args, { cwd: this.origin, maxBuffer: 64 * 1024 * 1024 })).stdout;
  }

  /** git runs git in the repository, with the origin's state fetched. */
  async git(...args: string[]): Promise<{ stdout: string }> {
    await run('git', ['fetch', '-q', 'origin', '+refs/heads/*:refs/remotes/origin/*'], { cwd: this.folder });
    return await run('git', args, { cwd: this.folder });
  }

  /** containers returns the names of the containers of a service that run on a server, as `docker ps` has them. */
  async containers(server: LabServer, service: string): Promise<string[]> {
    const prefix = `${this.config.project}_${this.environment}_${service}`;
    const names = (await server.docker('ps', '--format', '{{.Names}}')).trim().split('\n');
    const endings = [...SLOTS.slice(1)].map((slot) => `_${slot}`);
    const sides = names.filter((name) => ['', ...endings].some((ending) => name === `${prefix}${ending}`));
    return [...sides, ...names.filter((name) => name.startsWith(`${prefix}_v`))].sort();
  }

  /** standing returns the running containers of this environment on the file's servers, sidecars too: `host name` → id. */
  async standing(): Promise<Record<string, string>> {
    const label = (key: string, value: string) => ['--filter', `label=switchyard.${key}=${value}`];
    const mine = [...label('project', this.config.project), ...label('environment', this.environment)];
    const file = JSON.stringify(this.config);
    const named = this.lab.servers.filter(({ host }) => file.includes(`"${host}"`));
    // The file names no server where it deploys to the runner's own engine.
    const servers = named.length > 0 ? named : this.lab.servers;
    const found = await Promise.all(
      servers.map(async (server) => {
        const listing = await server.docker('ps', '--no-trunc', '--format', '{{.Names}} {{.ID}}', ...mine);
        const lines = listing.split('\n').filter((line) => line !== '');
        return lines.map(
          (line) => [`${server.host} ${line.split(' ')[0]}`, line.split(' ')[1] ?? ''] as const,
        );
      }),
    );
    return Object.fromEntries(found.flat().sort());
  }

  /** lease returns what stands in the lease of the environment, undefined when no run ever took it. */
  async lease(): Promise<{ released: boolean; fence: number } | undefined> {
    const ref = `refs/switchyard/lease/${this.config.project}/${this.environment}`;
    if ((await this.inOrigin('for-each-ref', ref)) === '') return undefined;
    return JSON.parse(await this.inOrigin('show', `${ref}:lease.json`));
  }

  /** recordId returns the commit of the state branch, undefined before the first deploy. */
  async recordId(): Promise<string | undefined> {
    return (await this.inOrigin('for-each-ref', '--format=%(objectname)', STATE_BRANCH)).trim() || undefined;
  }
}

/** serversOf returns the `servers` list of a configuration for some of the lab's servers. */
export function serversOf(servers: readonly LabServer[]): Record<string, unknown>[] {
  return servers.map(({ host, privateIp, port, hostKeys }) => ({
    host,
    private_ip: privateIp,
    port,
    host_key: hostKeys[0],
  }));
}
