import { isStatus } from '../docker/http.ts';
import { explainRefusal } from '../fleet/engine-failure.ts';
import { allOrErrors } from '../fleet/fleet.ts';
import type { Server } from '../fleet/server.ts';
import { type Clock, poll } from '../model/clock.ts';
import { messageOf, UserError } from '../model/errors.ts';
import { LABEL } from '../model/labels.ts';
import type { Composition, FlagChange } from './compose.ts';
import { CONTROL_PORT } from './control.ts';
import { PROBE_HEADER } from './edge-options.ts';
import { renderPointer } from './main-file.ts';
import type { FiguresName } from './metrics.ts';
import { missingModule } from './modules.ts';
import type { NginxKind } from './routes.ts';
import { explainSnippet } from './snippets.ts';
import type { Figures } from './traffic.ts';
import {
  CONFIG_FOLDER,
  FLAG_FOLDER,
  type Folder,
  folderOfGeneration,
  folderOfIdentity,
  parseTree,
  type Tree,
} from './tree.ts';

/** How long a reload may take to answer: 2 s cover 5,000 services (measured), the rest is a slow machine. */
const RELOAD_TIMEOUT_MS = 10_000;
const POLL_MS = 15;
/** A flag takes half a millisecond; the rest is a slow machine, or a line that is silent for a while. */
const FLAG_ANSWER_MS = 2_000;
const FLAG_TIMEOUT_MS = 20_000;
/** nginx tries to bind for 2.5 s and then gives up: from then on a look at its log saves the rest of the time. */
const BIND_MS = 4_000;
/** How long an nginx that says something else than its pointer may be in the middle of a reload. */
const OLD_WORKERS_MS = 2_000;

/** What an nginx serves. */
export interface Served {
  /** Its volume. */
  tree: Tree;
  /** The folder that the running nginx has read: not the live one where a run was cut off before its reload. */
  folder: Folder;
  /** The generation of the environment that was asked for; undefined when it serves nothing of it. */
  generation: string | undefined;
  /** How long ago it was told to read something new; infinity is never. */
  reloadedMsAgo: number;
}

/** NginxInstance is one running edge or sidecar. */
export class NginxInstance {
  readonly kind: NginxKind;
  readonly server: Server;
  readonly id: string;
  readonly name: string;
  /** The container's address on the network we reach it by. */
  readonly address: string;
  #seen: Served | undefined;
  /** How far the server's clock is ahead of ours, as it was told last. */
  #aheadMs: number | undefined;
  #flagToken: string | undefined;

  /** `seen` is what was seen of it before, where it was. */
  constructor(
    kind: NginxKind,
    server: Server,
    facts: { id: string; name: string; address: string },
    seen?: Served,
  ) {
    this.kind = kind;
    this.server = server;
    this.id = facts.id;
    this.name = facts.name;
    this.address = facts.address;
    this.#seen = seen;
    this.#flagToken = seen?.tree.flagToken;
  }

  /**
   * look reads the volume, and asks what is served: one round trip. For a tenth of a second after a reload old workers
   * answer beside the new ones (nginx's master sleeps before it tells them to quit), longer on a busy machine; so one
   * that says something else than its pointer is asked again. One that keeps saying so was never told to reload: a run
   * was cut off.
   */
  async look(scope: string, clock: Clock): Promise<Served> {
    const [tree, identity] = await Promise.all([readTree(this.server, this.id), this.#identity(clock)]);
    let served = await this.#servedOf(tree, scope, identity, clock);
    if (served.folder !== tree.live) {
      await poll(clock, { everyMs: POLL_MS, timeoutMs: OLD_WORKERS_MS }, async () => {
        served = await this.#servedOf(tree, scope, await this.#identity(clock), clock);
        return served.folder === tree.live || undefined;
      });
    }
    this.#seen = served;
    this.#flagToken = tree.flagToken;
    return served;
  }

  /** lookAgain is look, without reading the volume where nginx still serves what was seen last. */
  async lookAgain(scope: string, clock: Clock): Promise<Served> {
    const seen = this.#seen;
    if (seen === undefined || seen.folder !== seen.tree.live) return await this.look(scope, clock);
    const isSame = folderOfIdentity(seen.tree, await this.#identity(clock)) === seen.folder;
    return isSame ? seen : await this.look(scope, clock);
  }

  /** mayServe tells whether requests for a service may get an answer here: not before a new nginx has its route. */
  mayServe(scope: string, service: string): boolean {
    if (this.#seen === undefined) return true;
    const { tree, folder } = this.#seen;
    return tree.folders[folder].manifest?.scopes[scope]?.routes[service] !== undefined;
  }

  /** probeHeaders are by which an edge knows a probe: it gets past every option, to the app. */
  get probeHeaders(): Record<string, string> {
    return this.#flagToken === undefined ? {} : { [PROBE_HEADER.toLowerCase()]: this.#flagToken };
  }

  async #servedOf(tree: Tree, scope: string, identity: string, clock: Clock): Promise<Served> {
    const folder = folderOfIdentity(tree, identity);
    const reloadedMsAgo = this.#reloadedMsAgo(tree, clock);
    if (folder !== undefined) {
      const generation = tree.folders[folder].manifest?.scopes[scope]?.generation;
      return { tree, folder, generation, reloadedMsAgo };
    }
    // Its manifest was damaged.
    const generation = await this.generation(scope);
    const found = folderOfGeneration(tree, scope, generation) ?? tree.live;
    return { tree, folder: found, generation, reloadedMsAgo };
  }

  /** Where clocks make no sense, it may have been just now. */
  #reloadedMsAgo({ toldAt }: Tree, clock: Clock): number {
    if (toldAt === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(0, clock.now() + (this.#aheadMs ?? Number.NEGATIVE_INFINITY) - toldAt);
  }

  async #identity(clock: Clock): Promise<string> {
    try {
      const { body, headers } = await this.server.http.get(this.#control('/identity'), 5_000);
      const date = Date.parse(String(headers.date));
      if (!Number.isNaN(date)) this.#aheadMs = date - clock.now();
      return body;
    } catch (error) {
      throw new UserError(`${this.#title()} does not say what it serves (${messageOf(error)})`, {
        hint: 'Its container may be starting again, or the server may be cut off. Run again when it is back.',
        cause: error,
      });
    }
  }

  /** generation asks the running nginx which generation of an environment it serves; undefined is none. */
  async generation(scope: string): Promise<string | undefined> {
    const answer = await this.server.http.get(this.#control(`/generation/${scope}`), 5_000);
    return answer.status === 200 ? answer.body : undefined;
  }

  /**
   * stage writes a configuration beside the live one and lets nginx check it. It throws a UserError with
   * nginx's words when the check fails; the live configuration is untouched either way.
   */
  async stage({ folder, files, scope }: Composition): Promise<void> {
    await this.#write(files);
    const complaint = await this.#test(`${CONFIG_FOLDER}/${folder}/main.conf`);
    if (complaint !== undefined) {
      const place = explainSnippet(complaint, scope, files, CONFIG_FOLDER);
      if (place !== undefined)
        throw new UserError(`${this.#title()}: nginx refuses edge.nginx, ${place}`, {
          hint: 'It was left out: what was live before stays live. Put the line right, and run again.',
        });
      const lacking = missingModule(complaint);
      throw new UserError(`${this.#title()}: nginx refuses the new configuration: ${complaint}`, {
        hint: `The configuration that was live before stays live.${lacking === undefined ? '' : ` Its image has no ${lacking}: name one under sidecar.image that has.`}`,
      });
    }
  }

  /** figures asks an edge what it has counted; undefined where nothing is counted, or it does not answer in time. */
  async figures(): Promise<Figures | undefined> {
    const paths: FiguresName[] = ['metrics', 'metrics.before'];
    const asked = paths.map((path) => this.server.http.get(this.#control(`/${path}`), 5_000));
    const [now, before] = await Promise.all(asked).catch(() => []);
    return now?.status === 200 && before?.status === 200 ? { now: now.body, before: before.body } : undefined;
  }

  /** testLive has nginx check the configuration that it would read now, and returns its complaint. */
  testLive(): Promise<string | undefined> {
    return this.#test(`${CONFIG_FOLDER}/nginx.conf`);
  }

  /** version asks the running nginx for its version, `1.30.6`. */
  async version(): Promise<string> {
    return (await this.server.http.get(this.#control('/version'), 5_000)).body;
  }

  /** lackedModules returns those of some directives that its nginx does not know. */
  async lackedModules<Name extends string>(directives: readonly Name[]): Promise<Name[]> {
    const known = await Promise.all(
      directives.map(async (name) => {
        // It is refused either way, and says why.
        const line = `include /etc/nginx/modules-enabled/*.conf; ${name} on;`;
        const asked = ['nginx', '-t', '-q', '-c', '/dev/null', '-g', line];
        const { stderr } = await this.server.engine.exec(this.id, asked);
        return !stderr.includes(`unknown directive "${name}"`);
      }),
    );
    return directives.filter((_name, index) => !known[index]);
  }

  async #test(file: string): Promise<string | undefined> {
    const { exitCode, stderr } = await this.server.engine.exec(this.id, ['nginx', '-t', '-q', '-c', file]);
    return exitCode === 0 ? undefined : complaints(stderr);
  }

  /**
   * pointTo says which folder nginx reads next, and writes the files that are not there yet. `toldAt` is when it is, or was
   * last, told to read, by the server's clock.
   */
  async pointTo(
    folder: Folder,
    toldAt: number | undefined,
    files: ReadonlyMap<string, string> = new Map(),
  ): Promise<void> {
    this.#seen = undefined;
    // The pointer comes last in the archive: a run that is cut off leaves it on a folder that is whole.
    const pointer = ['nginx.conf', renderPointer(folder, toldAt)] as const;
    await this.#write(new Map([...files, pointer]));
  }

  async #write(files: ReadonlyMap<string, string>): Promise<void> {
    try {
      await this.server.engine.writeFiles(this.id, CONFIG_FOLDER, files);
    } catch (error) {
      throw explainRefusal(`${this.#title()} gets no new configuration`, error);
    }
  }

  /** commit makes a folder the live one: it points to it and tells nginx to read. */
  async commit(folder: Folder, clock: Clock, files?: ReadonlyMap<string, string>): Promise<void> {
    await this.pointTo(folder, clock.now() + (this.#aheadMs ?? 0), files);
    // HUP, not `nginx -s reload`: that reads the whole configuration a second time.
    const beside = await this.#beside();
    await this.server.engine.signalContainer(this.id, 'HUP');
    await Promise.all(beside.map((id) => ignoringEnd(this.server.engine.signalContainer(id, 'HUP'))));
  }

  /**
   * sendClientsAway tells nginx to read once more what it serves: its workers go, with all connections that they have, and
   * tell their clients to come back by new ones. It goes on listening.
   */
  async sendClientsAway(folder: Folder, clock: Clock): Promise<void> {
    await this.pointTo(folder, clock.now() + (this.#aheadMs ?? 0));
    await this.server.engine.signalContainer(this.id, 'HUP');
  }

  /** Others that read the same volume: one that is being replaced by this one, or the other way round, serves the same. */
  async #beside(): Promise<string[]> {
    const all = await this.server.engine.listContainers({ label: [LABEL.role] });
    const volumeOf = ({ Mounts = [] }: (typeof all)[number]) =>
      Mounts.find(({ Destination }) => Destination === CONFIG_FOLDER)?.Name;
    const own = all.find(({ Id }) => Id === this.id);
    if (own === undefined) return [];
    const isBeside = (other: (typeof all)[number]) =>
      other.Id !== this.id && other.State === 'running' && volumeOf(other) === volumeOf(own);
    return all.filter(isBeside).map(({ Id }) => Id!);
  }

  /**
   * setFlags puts flags and takes others away: from then on requests go where they say. It throws where nginx does not do
   * it; what was done before that stays.
   */
  async setFlags(changes: readonly FlagChange[], clock: Clock): Promise<void> {
    if (changes.length === 0) return;
    const seen = this.#seen;
    this.#seen = undefined;
    await allOrErrors(changes.map((change) => this.#setFlag(change, clock)));
    if (seen === undefined) return;
    const flags = new Set(seen.tree.flags);
    for (const { name, isSet } of changes) {
      if (isSet) flags.add(name);
      else flags.delete(name);
    }
    this.#seen = { ...seen, tree: { ...seen.tree, flags } };
  }

  async #setFlag({ name, isSet, text = 'The second way.\n' }: FlagChange, clock: Clock): Promise<void> {
    const why = await this.#store(`/${FLAG_FOLDER}/${name}`, isSet ? text : undefined, clock);
    if (why === undefined) return;
    throw new UserError(`${this.#title()} does not switch: ${why}`, {
      hint: 'Is the disk of the server full, or is it cut off? "docker logs" of it says more. Run again: nothing is lost.',
    });
  }

  /**
   * store puts a text at a place of its control endpoint, whole or not at all, and takes away what is there where there is
   * no text. It throws a UserError where nginx does not do it.
   */
  async store(place: string, text: string | undefined, clock: Clock): Promise<void> {
    const why = await this.#store(place, text, clock);
    if (why === undefined) return;
    throw new UserError(`${this.#title()} does not take ${place}: ${why}`, {
      hint: 'Is the disk of the server full, or is it cut off? "docker logs" of it says more. What was there before stays.',
    });
  }

  /** Undefined is done. What got no answer is asked again, since it may have been done or not: it is the same whichever. */
  async #store(place: string, text: string | undefined, clock: Clock): Promise<string | undefined> {
    const target = {
      ...this.#control(place),
      headers: { 'switchyard-token': this.#flagToken ?? '' },
    };
    const { http } = this.server;
    let why = 'it does not answer';
    const status = await poll(clock, { everyMs: POLL_MS, timeoutMs: FLAG_TIMEOUT_MS }, async () => {
      try {
        const answer = await (text === undefined
          ? http.delete(target, FLAG_ANSWER_MS)
          : http.put(target, text, FLAG_ANSWER_MS));
        why = `it answers ${answer.status} to ${place}`;
        // An old worker, which has taken the connection right after a reload, does not know the place yet.
        return answer.status === 404 && text !== undefined ? undefined : answer.status;
      } catch (error) {
        // The lease has ended, say.
        if (error instanceof UserError) throw error;
        why = messageOf(error);
        return undefined;
      }
    });
    if (status === undefined) return why;
    if (status < 300 || (status === 404 && text === undefined)) return undefined;
    return why;
  }

  /**
   * awaitGeneration waits until the running nginx serves a generation of an environment. `nginx -t` and
   * the reload both succeed when a port is taken, and the old configuration stays: only this tells.
   */
  async awaitGeneration(scope: string, generation: string | undefined, clock: Clock): Promise<void> {
    const begunAt = clock.now();
    let last = 'no answer';
    let since: number | undefined;
    await clock.sleep(POLL_MS);
    const outcome = await poll(clock, { everyMs: POLL_MS, timeoutMs: RELOAD_TIMEOUT_MS }, async () => {
      try {
        const served = await this.generation(scope);
        if (served === generation) return 'served';
        last = `generation ${served ?? 'none'} is still served`;
      } catch (error) {
        last = messageOf(error);
      }
      const waitedMs = clock.now() - begunAt;
      if (waitedMs < BIND_MS) return undefined;
      since ??= (await this.#serverTime()) - waitedMs;
      return (await this.#hasComplained(since)) ? 'refused' : undefined;
    });
    if (outcome === 'served') return;
    since ??= (await this.#serverTime()) - (clock.now() - begunAt);
    const stderr = await this.#complaintsSince(since);
    throw new UserError(`${this.#title()}: the reload did not take effect (${last}). ${complaints(stderr)}`, {
      hint: 'The configuration that was live before stays live, and the old side keeps its traffic.',
    });
  }

  /** title names the instance for people. */
  get title(): string {
    return this.#title();
  }

  #title(): string {
    return `${this.server.name}: ${this.kind} ${this.name}`;
  }

  #control(path: string) {
    return { address: this.address, port: CONTROL_PORT, path };
  }

  /** Its log is dated by the server's own clock: ours may be minutes off. */
  async #serverTime(): Promise<number> {
    const { SystemTime } = await this.server.engine.info();
    return Date.parse(SystemTime ?? '');
  }

  async #hasComplained(sinceMs: number): Promise<boolean> {
    return /bind\(\)|\[emerg\]/.test(await this.#complaintsSince(sinceMs));
  }

  /** By time and not by lines: between two complaints there may be thousands of accesses. */
  async #complaintsSince(sinceMs: number): Promise<string> {
    const since = Math.floor(sinceMs / 1_000);
    return (await this.server.engine.logs(this.id, { since, stderrOnly: true })).stderr;
  }
}

/** ignoringEnd waits for what is done to a container that may have ended, and removed itself, at any moment. */
export async function ignoringEnd(work: Promise<void>): Promise<void> {
  await work.catch((error) => {
    if (!isStatus(error, 404, 409)) throw error;
  });
}

/** readTree reads the configuration volume of an edge or sidecar, running or not. */
export async function readTree(server: Server, id: string): Promise<Tree> {
  const files = await server.engine.readFiles(id, CONFIG_FOLDER);
  // The archive's paths begin with the folder's own name.
  const prefix = `${CONFIG_FOLDER.split('/').at(-1)}/`;
  return parseTree(new Map([...files].map(([path, content]) => [path.slice(prefix.length), content])));
}

/** complaints returns the lines by which nginx says why, without time and process id. */
function complaints(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => /\[(emerg|alert|crit|error)\]/.test(line));
  return [
    ...new Set(
      lines.map((line) => line.replace(/^.*?\[(?:emerg|alert|crit|error)\]\s*(?:\d+#\d+:\s*)?/, '')),
    ),
  ]
    .slice(-3)
    .join('; ');
}
