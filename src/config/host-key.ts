import { UserError } from '../model/errors.ts';

/** Key types and how many length-prefixed fields their encoding has (RFC 4253 §6.6, 5656 §3.1, 8709 §4). */
const FIELDS: Readonly<Record<string, number>> = {
  'ssh-ed25519': 2,
  'ecdsa-sha2-nistp256': 3,
  'ecdsa-sha2-nistp384': 3,
  'ecdsa-sha2-nistp521': 3,
  'ssh-rsa': 3,
};

/**
 * parseHostKey checks a server's public key, `type base64 [comment]` as in `/etc/ssh/ssh_host_*_key.pub`,
 * and returns it without the comment. It throws for an unknown type, and when the key does not decode or
 * is of another type than it says, which is what a cut or mixed-up paste looks like.
 */
export function parseHostKey(line: string): string {
  const [type = '', base64 = ''] = line.trim().split(/\s+/);
  const fields = FIELDS[type];
  const hint =
    'Copy the line of ssh-keyscan HOST without the host at its front: ssh-ed25519 AAAA…, and compare it with the server.';
  if (fields === undefined) {
    throw new UserError(
      `host key of unknown type ${JSON.stringify(type)}; known are ${Object.keys(FIELDS).join(', ')}`,
      {
        hint,
      },
    );
  }
  const key = decodeFields(base64);
  if (key === undefined)
    throw new UserError(`host key of type ${type} does not decode; is it complete?`, { hint });
  const embedded = key[0]?.toString('latin1');
  if (embedded !== type) {
    throw new UserError(`host key says ${type}, but holds a key of type ${JSON.stringify(embedded)}`, {
      hint,
    });
  }
  if (key.length !== fields || key.some((field) => field.length === 0)) {
    throw new UserError(`host key of type ${type} is not complete`, { hint });
  }
  return `${type} ${base64}`;
}

/** decodeFields splits what SSH encodes as lengths (four bytes, big endian) and bytes; undefined if it is none. */
function decodeFields(base64: string): Buffer[] | undefined {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length === 0 || bytes.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, ''))
    return undefined;
  const fields: Buffer[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 4 > bytes.length) return undefined;
    const end = offset + 4 + bytes.readUInt32BE(offset);
    if (end > bytes.length) return undefined;
    fields.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return fields;
}
