import { expect } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { borrow, type LentServers } from './fleet.ts';
import type { Moment } from './moments.ts';
import type { Inputs, Project } from './project.ts';
import { recordedOf } from './recorded.ts';
import { startUsers } from './users.ts';
import { newProject, redisService, webService } from './web-shop.ts';

const DOMAIN = 'api.cat.example';
const NEIGHBOUR = 'www.dog.example';
const EDGE = 'switchyard_edge';
/** The fewest that a rollback can do with. */
const RETAINED = 2;

/** Two servers of their own, a shop whose runs are hit there, and a neighbour that must not notice. */
export class Arena {
  readonly lab: LentServers;
  readonly shop: Project;
  readonly #neighbour: Project;
  #version = 1;
  #loads: HttpTraffic[] = [];
  #mute: LabServer | undefined;

  private constructor(lab: LentServers, shop: Project, neighbour: Project) {
    this.lab = lab;
    this.shop = shop;
    this.#neighbour = neighbour;
  }

  /** open borrows two servers and deploys the neighbour. */
  static async open(): Promise<Arena> {
    const lab = await borrow(2);
    const shop = await newProject(lab, 'cat', lab.servers, {});
    const neighbour = await newProject(lab, 'dog', lab.servers, { web: web(lab, NEIGHBOUR, 1) });
    for (const project of [shop, neighbour]) {
      project.edit((config) => {
        config.retain_releases = RETAINED;
      });
    }
    await neighbour.deploy();
    return new Arena(lab, shop, neighbour);
  }

  /** close ends what still runs, and gives the servers back. */
  async close(): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.stop()));
    this.lab.giveBack();
  }

  /** here returns a moment of another arena as it is called in this one, where the cache may have another home. */
  here(moment: Moment, { lab }: Arena): Moment {
    if (lab === this.lab) return moment;
    const escaped = ({ host }: LabServer) => host.replaceAll('.', '\\.');
    const named = lab.servers.filter((server) => moment.what.includes(escaped(server)));
    const isOfCacheAlone = moment.what.includes('cache') && named.length === 1;
    const what = lab.servers.reduce((text, server, index) => {
      const own = escaped(this.lab.servers[index]!);
      const other = escaped(this.lab.servers[1 - index]!);
      return text.replaceAll(escaped(server), isOfCacheAlone ? `(${own}|${other})` : own);
    }, moment.what);
    return { ...moment, what };
  }

  /** Whether the file has services: they are deployed, or about to be. */
  get hasServices(): boolean {
    return Object.keys(this.shop.config.services).length > 0;
  }

  /** nextVersion writes the next version of both services into the file. */
  nextVersion(): void {
    this.#version += 1;
    this.shop.edit((config) => {
      config.services = {
        cache: this.#cache(),
        api: {
          ...web(this.lab, DOMAIN, this.#version),
          depends_on: ['cache'],
          environment: ['TOKEN'],
          // What is struck in the middle of a hook is not run again unless it may be.
          pre_deploy: { command: ['node', '-e', ''], idempotent: true },
        },
      };
    });
  }

  #cache(): Record<string, unknown> {
    return {
      ...redisService(this.lab),
      servers: 1,
      volumes: ['data:/data'],
      strategy: 'recreate',
      environment: { ROUND: String(this.#version) },
    };
  }

  /** gainPast deploys some versions, so that there are old secrets to forget. */
  async gainPast(): Promise<void> {
    for (let round = 0; round <= RETAINED; round++) {
      this.nextVersion();
      await this.deploy();
    }
  }

  /** deploy brings what the file says to the servers; it throws with the log when that fails. */
  deploy() {
    return this.shop.deploy(this.#secrets());
  }

  /** start starts a run, a deploy unless told otherwise. */
  start({ action, inputs }: { action: string; inputs: Inputs } = { action: 'toggle-deploy', inputs: {} }) {
    return this.shop.start(action, { ...(action === 'toggle-deploy' && this.#secrets()), ...inputs });
  }

  /** Each version has a secret of its own: one is kept and an old one forgotten in each run. */
  #secrets(): Inputs {
    return { secrets: JSON.stringify({ TOKEN: `token ${this.#version} of the lab` }) };
  }

  /** mute cuts the runner off from the server at which the step works that a run has announced, or from one of those. */
  async mute({ what }: Moment, log: string): Promise<void> {
    const { servers } = this.lab;
    const [announced = ''] = new RegExp(what).exec(log) ?? [];
    this.#mute = servers.findLast(({ host }) => announced.includes(host)) ?? servers[1]!;
    await this.#mute.muteSsh();
  }

  /** unmute ends that. */
  async unmute(): Promise<void> {
    await this.#mute?.unmuteSsh();
    this.#mute = undefined;
  }

  /** The server that is cut off. */
  get muteHost(): string | undefined {
    return this.#mute?.host;
  }

  /**
   * startLoads sends users to the neighbour, and to the shop where it is deployed and stays; the function that
   * ends them tells their losses.
   */
  async startLoads(): Promise<() => Promise<string[]>> {
    const wasDeployed = (await this.shop.state().catch(() => undefined))?.services.api !== undefined;
    const domains = [NEIGHBOUR, ...(wasDeployed && this.hasServices ? [DOMAIN] : [])];
    this.#loads = domains.map((domain) => startUsers(this.lab.servers, domain));
    await Promise.all(this.#loads.map((load) => load.untilSent(20)));
    return async () => {
      const results = await Promise.all(this.#loads.splice(0).map((load) => load.stop()));
      return results.flatMap(({ sent, losses }, index) =>
        losses.length === 0
          ? []
          : [`${domains[index]}: ${losses.length} of ${sent} lost: ${JSON.stringify(losses[0])}`],
      );
    };
  }

  /** expectConverged: what the file says runs, once, is recorded, and nothing else is there. */
  async expectConverged(): Promise<void> {
    const { services } = await this.shop.state();
    expect(Object.keys(services).sort()).toEqual(Object.keys(this.shop.config.services).sort());
    for (const [name, service] of Object.entries(services)) {
      const { release, copies, isUnfinished } = recordedOf(service);
      expect(isUnfinished).toBe(false);
      expect(copies).toHaveLength(Number(this.shop.config.services[name]!.servers));
      expect(new Set(copies.map((copy) => copy.release))).toEqual(new Set([release]));
    }
    const others = await this.#neighbour.state();
    const recorded = [...Object.values(services), ...Object.values(others.services)].flatMap(
      (service) => recordedOf(service).copies,
    );
    const sidecars = ['dog_production_nginx', ...(this.hasServices ? ['cat_production_nginx'] : [])];
    for (const server of this.lab.servers) {
      const here = recorded.filter((copy) => copy.server === server.host).map(({ container }) => container);
      expect(await containersOn(server)).toEqual([EDGE, ...sidecars, ...here].sort());
    }
    expect((await this.deploy()).outputs.changed).toBe('false');
    expect(await this.shop.lease()).toMatchObject({ released: true });
  }
}

function web(lab: LentServers, domain: string, version: number): Record<string, unknown> {
  return { ...webService(lab, '', 2), domain, environment: { ROUND: String(version) } };
}

async function containersOn(server: LabServer): Promise<string[]> {
  return (await server.docker('ps', '--all', '--format', '{{.Names}}')).trim().split('\n').sort();
}
