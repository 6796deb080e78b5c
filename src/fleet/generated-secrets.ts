import { randomInt, randomUUID } from 'node:crypto';
import { messageOf, UserError } from '../model/errors.ts';
import type { GeneratedSecret } from '../model/generated-secret.ts';
import type { Scope } from '../model/names.ts';
import { parseKept, SecretsVolume } from './secrets-volume.ts';
import type { Server } from './server.ts';

const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** No service has such a name: the sets of services lie beside it. */
const FOLDER = '.generated';

/** makeSecret returns a new secret of so many characters, each as likely as the others. */
export function makeSecret(length: number, { run, now }: { run: string; now: number }): GeneratedSecret {
  const value = Array.from({ length }, () => CHARACTERS[randomInt(CHARACTERS.length)]).join('');
  return { id: randomUUID(), value, made_at: new Date(now).toISOString(), run };
}

/** GeneratedSecrets is the generated secrets of an environment as one server keeps them: a file each, in its secrets volume. */
export class GeneratedSecrets {
  readonly #server: Server;
  readonly #volume: SecretsVolume;

  /** `image` is any image that is, or may be, on the server. */
  constructor(server: Server, scope: Scope, image: string) {
    this.#server = server;
    this.#volume = new SecretsVolume(server, scope, image);
  }

  /** read returns those of the named secrets that are kept here. */
  async read(names: readonly string[]): Promise<Map<string, GeneratedSecret>> {
    const texts = await this.#volume.readEach(names.map(pathOf));
    return new Map(
      names.flatMap((name) => {
        const secret = parseKept<GeneratedSecret>(texts.get(pathOf(name)) ?? '');
        return secret === undefined ? [] : [[name, secret]];
      }),
    );
  }

  /** keep writes secrets, in place of others of the same names. It throws a UserError where the server cannot keep them. */
  async keep(secrets: ReadonlyMap<string, GeneratedSecret>): Promise<void> {
    try {
      await this.#volume.write(
        new Map([...secrets].map(([name, secret]) => [pathOf(name), JSON.stringify(secret)])),
      );
    } catch (error) {
      if (error instanceof UserError) throw error;
      const names = [...secrets.keys()].join(', ');
      throw new UserError(`${this.#server.name}: secret ${names} cannot be kept: ${messageOf(error)}`, {
        hint: `No container was started with it. It is written to the volume ${this.#volume.name}: is the disk full?`,
        cause: error,
      });
    }
  }
}

function pathOf(name: string): string {
  return `${FOLDER}/${name}.json`;
}
