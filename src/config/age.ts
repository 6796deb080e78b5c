import { messageOf, UserError } from '../model/errors.ts';

/** What an armored file begins with, once the blanks before it are gone. */
const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----';

/** A recipient as age-keygen prints it: today's, those that are safe from quantum computers, and those of hardware. */
const RECIPIENT = /^age1[a-z0-9]{20,}$/;

/** parseRecipient returns a recipient of age. It throws a UserError for what cannot be one; see checkRecipients. */
export function parseRecipient(text: string): string {
  if (RECIPIENT.test(text)) return text;
  const isKey = /^AGE-SECRET-KEY-/i.test(text);
  throw new UserError(
    isKey ? 'is a key that opens secrets' : `${JSON.stringify(text)} is no recipient of age`,
    {
      hint: isKey
        ? 'Write the recipient that belongs to it (age1…), as "age-keygen -y" prints it, and make another key: this one is in the repository now.'
        : 'Write what "age-keygen -y" prints: age1…. Keys of SSH are none.',
    },
  );
}

/** checkRecipients throws a UserError for a recipient that nothing can be encrypted for: one letter is wrong, for example. */
export async function checkRecipients(recipients: readonly string[]): Promise<void> {
  if (recipients.length === 0) return;
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (cause) {
      throw new UserError(`nothing can be encrypted for ${recipient}: ${messageOf(cause)}`, {
        hint: 'Is a letter wrong, or missing? "age-keygen -y" prints it for a key.',
        cause,
      });
    }
  }
}

/** sealAge returns a text encrypted for recipients, as an armored file of age. */
export async function sealAge(recipients: readonly string[], text: string): Promise<string> {
  const { Encrypter, armor } = await import('age-encryption');
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return armor.encode(await encrypter.encrypt(text));
}

/** recipientsOf returns the recipients that keys belong to. */
export async function recipientsOf(keys: readonly string[]): Promise<string[]> {
  const { identityToRecipient } = await import('age-encryption');
  return await Promise.all(keys.map((key) => identityToRecipient(key)));
}

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
