import { messageOf, UserError } from '../model/errors.ts';
import type { Scope } from '../model/names.ts';
import type { SecretSet } from '../model/release.ts';
import { parseKept, SecretsVolume } from './secrets-volume.ts';
import type { Server } from './server.ts';

/** Values of secrets by name. */
export type SecretValues = Record<string, string>;

/** A set that a server keeps. */
export interface KeptSet extends SecretSet {
  keptAt: Date;
}

/** SecretSets is the values of an environment's secrets as one server keeps them, by service and version: a file a set. */
export class SecretSets {
  readonly #server: Server;
  readonly #volume: SecretsVolume;

  /** `image` is any image that is, or may be, on the server. */
  constructor(server: Server, scope: Scope, image: string) {
    this.#server = server;
    this.#volume = new SecretsVolume(server, scope, image);
  }

  /**
   * keep writes sets. A number whose release is on the record is never given to other values, so what is there under
   * a number is either the same, or was left by a run that was cut off before it had recorded anything.
   */
  async keep(sets: ReadonlyMap<SecretSet, SecretValues>): Promise<void> {
    try {
      await this.#volume.write(
        new Map([...sets].map(([set, values]) => [pathOf(set), JSON.stringify(values)])),
      );
    } catch (error) {
      // The lease was lost, for example: that says more.
      if (error instanceof UserError) throw error;
      const services = [...sets.keys()].map(({ service }) => service).join(', ');
      throw new UserError(
        `${this.#server.name}: the secrets of ${services} cannot be kept: ${messageOf(error)}`,
        {
          hint: `Nothing was changed. They are written to the volume ${this.#volume.name}: is the disk full?`,
          cause: error,
        },
      );
    }
  }

  /** read returns the values of those of `sets` that are kept here. */
  async read(sets: readonly SecretSet[]): Promise<Map<SecretSet, SecretValues>> {
    const texts = await this.#volume.readEach(sets.map(pathOf));
    return new Map(
      sets.flatMap((set) => {
        const values = parseKept<SecretValues>(texts.get(pathOf(set)) ?? '');
        return values === undefined ? [] : [[set, values]];
      }),
    );
  }

  /** list returns which sets are kept here, and since when. */
  async list(): Promise<KeptSet[]> {
    const files = await this.#volume.list();
    return files.flatMap(({ path, modifiedAt: keptAt }) => {
      const [, service, version] = /^([^./][^/]*)\/(\d+)\.json$/.exec(path) ?? [];
      return service === undefined ? [] : [{ service, version: Number(version), keptAt }];
    });
  }

  /** forget gives up the values of sets; those that are not here are fine. */
  async forget(sets: readonly SecretSet[]): Promise<void> {
    await this.#volume.empty(sets.map(pathOf));
  }
}

function pathOf({ service, version }: SecretSet): string {
  return `${service}/${version}.json`;
}
