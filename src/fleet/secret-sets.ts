import { PRIVATE } from '../docker/archive.ts';
import { isStatus } from '../docker/http.ts';
import { messageOf, UserError } from '../model/errors.ts';
import { LABEL } from '../model/labels.ts';
import { type Scope, secretsVolumeName } from '../model/names.ts';
import type { SecretSet } from '../model/release.ts';
import type { Server } from './server.ts';
import { throughVolume } from './volume-access.ts';

/** Where the volume is mounted in the container through which it is read and written. */
const FOLDER = '/switchyard-secrets';

/** Values of secrets by name. */
export type SecretValues = Record<string, string>;

/**
 * SecretSets is the values of an environment's secrets as one server keeps them: a volume with a file a set, which
 * root alone may read. No container that runs has that volume: it is read and written through one that is created,
 * never started, and removed at once.
 */
export class SecretSets {
  readonly #server: Server;
  readonly #scope: Scope;
  readonly #image: string;

  /** `image` is any image that is, or may be, on the server. */
  constructor(server: Server, scope: Scope, image: string) {
    this.#server = server;
    this.#scope = scope;
    this.#image = image;
  }

  /**
   * keep writes sets. A number whose release is on the record is never given to other values, so what is there under
   * a number is either the same, or was left by a run that was cut off before it had recorded anything.
   */
  async keep(sets: ReadonlyMap<SecretSet, SecretValues>): Promise<void> {
    const { engine, name: server } = this.#server;
    const volume = secretsVolumeName(this.#scope);
    try {
      // A volume keeps the labels that it was created with; the mount alone would create it without.
      await engine.createVolume(volume, { [LABEL.role]: 'secrets', ...this.#labels() });
      await this.#write(new Map([...sets].map(([set, values]) => [pathOf(set), JSON.stringify(values)])));
    } catch (error) {
      // The lease was lost, for example: that says more.
      if (error instanceof UserError) throw error;
      const services = [...sets.keys()].map(({ service }) => service).join(', ');
      throw new UserError(`${server}: the secrets of ${services} cannot be kept: ${messageOf(error)}`, {
        hint: `Nothing was changed. They are written to the volume ${volume}: is the disk full?`,
        cause: error,
      });
    }
  }

  /** read returns the values of those of `sets` that are kept here. */
  async read(sets: readonly SecretSet[]): Promise<Map<SecretSet, SecretValues>> {
    if (!(await this.#isThere())) return new Map();
    const found = await this.#through((container) =>
      Promise.all(sets.map(async (set) => [set, await this.#readOne(container, set)] as const)),
    );
    return new Map(found.flatMap(([set, values]) => (values === undefined ? [] : [[set, values]])));
  }

  /** forget gives up the values of sets; those that are not here are fine. */
  async forget(sets: readonly SecretSet[]): Promise<void> {
    if (!(await this.#isThere())) return;
    // The archive API cannot remove a file: an empty one takes its place.
    await this.#write(new Map(sets.map((set) => [pathOf(set), ''])));
  }

  /** A mount would create the volume. */
  #isThere(): Promise<boolean> {
    return this.#server.engine.hasVolume(secretsVolumeName(this.#scope));
  }

  #write(files: ReadonlyMap<string, string>): Promise<void> {
    return this.#through((container) => this.#server.engine.writeFiles(container, FOLDER, files, PRIVATE));
  }

  async #readOne(container: string, set: SecretSet): Promise<SecretValues | undefined> {
    try {
      const files = await this.#server.engine.readFiles(container, `${FOLDER}/${pathOf(set)}`);
      const [text = ''] = files.values();
      return text === '' ? undefined : (JSON.parse(text) as SecretValues);
    } catch (error) {
      // A run that was killed while it wrote leaves half a file, and its release nothing.
      if (isStatus(error, 404) || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  async #through<T>(work: (container: string) => Promise<T>): Promise<T> {
    const volume = secretsVolumeName(this.#scope);
    const access = { volume, folder: FOLDER, image: await this.#anyImage() };
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

function pathOf({ service, version }: SecretSet): string {
  return `${service}/${version}.json`;
}
