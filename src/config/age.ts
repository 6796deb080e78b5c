import { messageOf, UserError } from '../model/errors.ts';

/** What an armored file begins with, once the blanks before it are gone. */
const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----';

/** A key as age-keygen writes it, for today's files and for those that are safe from quantum computers. */
const KEY = /^AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]+$/;

/**
 * parseAgeKeys returns the keys of a text, one a line, as a file of age-keygen has them: blank lines and comments are none. It
 * throws a UserError for a line that is no key, and does not repeat it.
 */
export function parseAgeKeys(text: string): string[] {
  const lines = text.split(/\r?\n|\\n/).map((line) => line.trim());
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.every((line) => KEY.test(line))) return keys;
  throw new UserError('holds a line that is no key of age', {
    hint: 'Pass what age-keygen has written: AGE-SECRET-KEY-1…, one a line. A recipient (age1…) encrypts, and opens nothing.',
  });
}

/**
 * openAge returns what is in a file that age has encrypted, armored or not. It throws a UserError where no key was given,
 * none of them opens it, or it is no such file.
 * https://age-encryption.org/v1
 */
export async function openAge(path: string, content: Buffer, keys: readonly string[]): Promise<Buffer> {
  if (keys.length === 0) {
    throw new UserError(`${path} is encrypted, and the input age-key is empty`, {
      hint: 'Put the key that opens it into a secret ("gh secret set AGE_KEY < key.txt"), and pass it as the input age-key.',
    });
  }
  // Few files name one.
  const { Decrypter, armor } = await import('age-encryption');
  const decrypter = new Decrypter();
  try {
    for (const key of keys) decrypter.addIdentity(key);
    const text = content.toString('latin1').trim();
    const bytes = text.startsWith(ARMOR) ? armor.decode(text) : content;
    return Buffer.from(await decrypter.decrypt(bytes));
  } catch (cause) {
    const reason = messageOf(cause);
    const isOthers = /no identity matched/i.test(reason);
    throw new UserError(
      isOthers ? `no key of the input age-key opens ${path}` : `${path} cannot be opened: ${reason}`,
      {
        hint: isOthers
          ? 'Encrypt it for the recipient of that key as well: age -r age1… -o file.age file.'
          : 'Is it whole, as age has written it, and not changed by git or an editor?',
        cause,
      },
    );
  }
}
