import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../src/model/clock.ts';
import type { Log } from '../../../src/model/log.ts';
import type { EnvironmentState, RecordedService, Release } from '../../../src/model/release.ts';
import { type OpenStoreOptions, openStore, type Store } from '../../../src/state/store.ts';

/** A log that remembers. */
export class RecordingLog implements Log {
  readonly lines: string[] = [];
  debug(message: string): void {
    this.lines.push(`debug: ${message}`);
  }
  info(message: string): void {
    this.lines.push(`info: ${message}`);
  }
  warning(message: string): void {
    this.lines.push(`warning: ${message}`);
  }
  group<T>(title: string, work: () => Promise<T>): Promise<T> {
    this.lines.push(`group: ${title}`);
    return work();
  }
}

/** A bare remote and a clone of it with one commit, in a temporary folder. */
export class GitWorld {
  readonly directory = mkdtempSync(join(tmpdir(), 'switchyard-test-'));
  readonly remote = join(this.directory, 'origin.git');
  readonly workspace = join(this.directory, 'workspace');
  readonly log = new RecordingLog();
  /** A home without configuration, so that the tests do not depend on the person who runs them. */
  readonly env: NodeJS.ProcessEnv = {
    ...process.env,
    HOME: this.directory,
    XDG_CONFIG_HOME: this.directory,
    GIT_CONFIG_NOSYSTEM: '1',
    RUNNER_TEMP: this.directory,
  };
  readonly #stores: Store[] = [];

  constructor(options: { hasRemote: boolean; format?: string } = { hasRemote: true }) {
    const format = `--object-format=${options.format ?? 'sha1'}`;
    this.git('init', '--quiet', '--initial-branch=main', format, this.workspace);
    writeFileSync(join(this.workspace, 'app.txt'), 'hello\n');
    this.inWorkspace('add', '.');
    this.inWorkspace(
      '-c',
      'user.name=dev',
      '-c',
      'user.email=dev@example.com',
      'commit',
      '--quiet',
      '-m',
      'first',
    );
    if (!options.hasRemote) return;
    this.git('init', '--quiet', '--bare', '--initial-branch=main', format, this.remote);
    this.inWorkspace('remote', 'add', 'origin', this.remote);
    this.inWorkspace('push', '--quiet', 'origin', 'main');
  }

  git(...args: string[]): string {
    return execFileSync('git', args, { encoding: 'utf8', env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  inWorkspace(...args: string[]): string {
    return this.git('-C', this.workspace, ...args);
  }

  atRemote(...args: string[]): string {
    return this.git('-C', this.remote, ...args);
  }

  async store(options: Partial<OpenStoreOptions> = {}): Promise<Store> {
    const store = await openStore({
      workspace: this.workspace,
      scope: { project: 'shop', environment: 'production' },
      run: { actor: 'alice', run: 'local', serverUrl: 'https://github.com' },
      log: this.log,
      env: this.env,
      ...options,
    });
    this.#stores.push(store);
    return store;
  }

  async remove(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close().catch(() => undefined)));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** ahead returns a clock that is so many milliseconds ahead of another; negative is behind. */
export function ahead(clock: Clock, ms: number): Clock {
  return {
    now: () => clock.now() + ms,
    sleep: (pauseMs) => clock.sleep(pauseMs),
    endingWith: (signal) => ahead(clock.endingWith(signal), ms),
  };
}

export function recorded(release: number): RecordedService {
  return {
    release,
    image: `registry/api:${release}`,
    internal_port: 5001,
    host_port: 8001,
    copies: [
      {
        server: 'one',
        slot: 'base',
        container: 'shop_production_api',
        port: 8001,
        state: 'serving',
        healthy: true,
        release,
      },
    ],
    deployed_at: '2026-11-21T12:00:00.000Z',
    previous: release - 1,
    run: 'local',
  };
}

/** withService returns a pure change that records `release` of `service`. */
export function withService(service: string, release: number): (state: EnvironmentState) => EnvironmentState {
  return (state) => ({ ...state, services: { ...state.services, [service]: recorded(release) } });
}

export function release(service: string, number: number, image = `registry/${service}:${number}`): Release {
  return {
    schema: 1,
    project: 'shop',
    environment: 'production',
    service,
    number,
    protocol: 'http',
    port: 3000,
    container: {
      image,
      environment: { LOG_LEVEL: 'info' },
      secrets: ['TOKEN'],
      volumes: [],
      labels: {},
      restart: { name: 'unless-stopped' },
      logging: { driver: 'json-file', options: {} },
      resources: {},
    },
    route: { domains: ['api.example.com'], idleTimeoutMs: 60_000 },
    policy: {
      strategy: 'toggle',
      healthcheck: { kind: 'default', intervalMs: 1000, timeoutMs: 2000, retries: 3, startPeriodMs: 0 },
      drainTimeoutMs: 120_000,
      stopGracePeriodMs: 10_000,
      pullPolicy: 'missing',
    },
    secrets_version: 1,
    created_at: '2026-11-21T12:00:00.000Z',
  };
}

/** message returns a commit message for a test. */
export function message(subject: string): { subject: string; trailers: Record<string, string> } {
  return { subject, trailers: { Run: 'https://example.com/runs/1', Actor: 'alice', Commit: 'abc123' } };
}
