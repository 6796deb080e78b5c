import { PRIVATE } from '../docker/archive.ts';
import { isStatus } from '../docker/http.ts';
import { UserError } from '../model/errors.ts';
import type { KeyPair } from './certificates.ts';
import type { NginxInstance } from './instance.ts';
import { ACCOUNTS_FOLDER, KEYS_FOLDER, SERVED_FOLDER } from './tls.ts';

const KEY = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[\s\S]+?-----END (?:EC |RSA )?PRIVATE KEY-----\n?/;

/** privateKeyIn returns the first private key that a text holds, in PEM; undefined where it has none, or needs a passphrase. Pure. */
export function privateKeyIn(text: string): string | undefined {
  return KEY.exec(text)?.[0];
}

/** readKeyPair returns a certificate that an edge serves, with its key. It throws a UserError where there is none. */
export async function readKeyPair({ server, id, title }: NginxInstance, file: string): Promise<KeyPair> {
  const text = await readFile({ server, id }, `${SERVED_FOLDER}/${file}.pem`);
  const privateKey = privateKeyIn(text ?? '');
  if (text === undefined || privateKey === undefined) {
    throw new UserError(`${title} has no key for a certificate that it has`, {
      hint: 'Somebody has changed the volume switchyard_edge_keys. Run the action certificates with "issue".',
    });
  }
  return { privateKey, chain: text.replace(KEY, '') };
}

/** accountKeyOf returns the key of an environment's account with a CA, as an edge has it; undefined where it has none. */
export async function accountKeyOf(edge: NginxInstance, scope: string): Promise<string | undefined> {
  return await readFile(edge, `${ACCOUNTS_FOLDER}/${scope}.pem`);
}

/** writeAccountKey keeps the key of an environment's account on a server, for root alone. */
export async function writeAccountKey(
  { server, id }: NginxInstance,
  scope: string,
  key: string,
): Promise<void> {
  await server.engine.writeFiles(
    id,
    KEYS_FOLDER,
    new Map([[`${ACCOUNTS_FOLDER}/${scope}.pem`, key]]),
    PRIVATE,
  );
}

async function readFile(
  { server, id }: Pick<NginxInstance, 'server' | 'id'>,
  path: string,
): Promise<string | undefined> {
  try {
    return [...(await server.engine.readFiles(id, `${KEYS_FOLDER}/${path}`)).values()][0];
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}
