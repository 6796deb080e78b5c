import { posix } from 'node:path';
import { type FileFacts, PRIVATE } from '../docker/archive.ts';
import { isStatus } from '../docker/http.ts';
import { UserError } from '../model/errors.ts';
import { LABEL } from '../model/labels.ts';
import { type Scope, secretsVolumeName } from '../model/names.ts';
import type { Server } from './server.ts';
import { throughVolume } from './volume-access.ts';

/** Where the volume is mounted in the container through which it is read and written. */
const FOLDER = '/switchyard-secrets';

/**
 * SecretsVolume is where one server keeps an environment's secrets: a volume whose files root alone may read. No
 * container that runs has it: it is read and written through one that is created, never started, and removed at once.
 */
export class SecretsVolume {
  /** The volume's name. */
  readonly name: string;
  readonly #server: Server;
  readonly #scope: Scope;
  readonly #image: string;

  /** `image` is any image that is, or may be, on the server. */
  constructor(server: Server, scope: Scope, image: string) {
    this.name = secretsVolumeName(scope);
    this.#server = server;
    this.#scope = scope;
    this.#image = image;
  }

  /** write writes files by their paths, in place of what is there. The volume is created where there is none. */
  async write(files: ReadonlyMap<string, string>): Promise<void> {
    const { engine } = this.#server;
    // A volume keeps the labels that it was created with; the mount alone would create it without.
    await engine.createVolume(this.name, { [LABEL.role]: 'secrets', ...this.#labels() });
    await this.#through((container) => engine.writeFiles(container, FOLDER, files, PRIVATE));
  }

  /** empty takes away what is in files; where there is no volume there is nothing to take away. */
  async empty(paths: readonly string[]): Promise<void> {
    if (!(await this.#isThere())) return;
    // The archive API cannot remove a file: an empty one takes its place.
    await this.write(new Map(paths.map((path) => [path, ''])));
  }

  /** readEach returns what is in files, by path; those that are not there are missing. */
  async readEach(paths: readonly string[]): Promise<Map<string, string>> {
    if (!(await this.#isThere())) return new Map();
    const found = await this.#through((container) =>
      Promise.all(paths.map(async (path) => [path, await this.#readOne(container, path)] as const)),
    );
    return new Map(found.flatMap(([path, text]) => (text === undefined ? [] : [[path, text]])));
  }

  /** list returns the files that have something in them; none where there is no volume. */
  async list(): Promise<FileFacts[]> {
    if (!(await this.#isThere())) return [];
    const all = await this.#through((container) => this.#server.engine.listFiles(container, FOLDER));
    const inFolder = `${posix.basename(FOLDER)}/`;
    return all
      .filter(({ size }) => size > 0)
      .map(({ path, ...facts }) => ({ ...facts, path: path.slice(inFolder.length) }));
  }

  /** A mount would create the volume. */
  #isThere(): Promise<boolean> {
    return this.#server.engine.hasVolume(this.name);
  }

  async #readOne(container: string, path: string): Promise<string | undefined> {
    try {
      const files = await this.#server.engine.readFiles(container, `${FOLDER}/${path}`);
      const [text = ''] = files.values();
      return text;
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  async #through<T>(work: (container: string) => Promise<T>): Promise<T> {
    const access = { volume: this.name, folder: FOLDER, image: await this.#anyImage() };
    return await throughVolume(this.#server, this.#scope, access, work);
  }

  /** Nothing of the image is ever run: where the usual one was pruned, that of any container will do. */
  async #anyImage(): Promise<string> {
    const { engine, name: server } = this.#server;
    if ((await engine.findImage(this.#image)) !== undefined) return this.#image;
    const ids = new Set((await engine.listContainers()).flatMap(({ ImageID }) => ImageID ?? []));
    for (const id of ids) if ((await engine.findImage(id)) !== undefined) return id;
    throw new UserError(
      `${server}: the image ${this.#image} was removed, and kept secrets cannot be read without it`,
      {
        hint: `Nothing was changed. Bring it back: "docker pull ${this.#image}" on ${server}.`,
      },
    );
  }

  #labels(): Record<string, string> {
    return {
      [LABEL.project]: this.#scope.project,
      [LABEL.environment]: this.#scope.environment,
    };
  }
}

/** parseKept returns what a kept file says; undefined where a run was killed while it wrote, or it was given up. */
export function parseKept<T>(text: string): T | undefined {
  try {
    return text === '' ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}
