import { posix } from 'node:path';
import * as z from 'zod';
import { isAbsolutePath } from '../../model/container-path.ts';
import { UserError } from '../../model/errors.ts';
import { GENERATED_LENGTH_MAX, GENERATED_LENGTH_MIN } from '../../model/generated-secret.ts';
import { parseRecipient } from '../age.ts';
import { entryName, fileMode, ownerNumber } from './configs.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { SECRET_REFUSALS } from './refusals.ts';
import { filledText, flag, oneOrMany } from './scalars.ts';

/** Where the files of secrets are, as in Compose. */
const FOLDER = '/run/secrets';

const secretName = entryName('secret');

/** Where the file is: a path, or a name in the folder, and never the folder itself or one around it. */
const secretTarget = parsed(filledText, (said) => {
  const target = posix.resolve(FOLDER, said);
  const isFolder = said.endsWith('/') || !posix.relative(target, FOLDER).startsWith('..');
  if (!isFolder && isAbsolutePath(target)) return target;
  throw new UserError(`${JSON.stringify(said)} is no place for the file of a secret`, {
    hint: 'Write the name of the file in /run/secrets, or its whole path: target: /etc/app/token.',
  });
});

/** A secret that a container gets as a file, in plain words. */
export interface SecretFileInput {
  source: string;
  target: string;
  uid?: number;
  gid?: number;
  mode: number;
}

/** For the user of the container alone. */
const MODE = 0o400;

const long = closed({
  source: requiredKey(secretName, { description: 'The name of the secret.' }),
  target: key(secretTarget, {
    from: 'Compose',
    description: 'The name of the file in `/run/secrets`, or its whole path.',
    fallback: { words: 'the name of the secret' },
    example: 'target: /etc/app/token',
  }),
  uid: key(ownerNumber, {
    from: 'Compose',
    description: 'The user that the file belongs to, by number.',
    fallback: { words: 'the user that the container runs as' },
    example: 'uid: 1000',
  }),
  gid: key(ownerNumber, {
    from: 'Compose',
    description: 'The group that the file belongs to, by number.',
    fallback: { words: 'the group that the container runs as' },
    example: 'gid: 1000',
  }),
  mode: key(fileMode, {
    from: 'Compose',
    description: 'Its mode, in octal. Nobody can write to it either way.',
    fallback: { words: '`0400`' },
    example: 'mode: 0440',
  }),
});

const file = z.union([secretName.transform((source) => ({ source })), long], {
  error: 'must be the name of a secret, or a map with source',
});

/** Secrets that a container gets as files, in Compose's short and long form. */
export const secretFiles = parsed(z.array(file), (list): SecretFileInput[] => {
  const files = list.map(({ source, ...said }: z.infer<typeof long>) => ({
    source,
    target: said.target ?? posix.join(FOLDER, source),
    mode: said.mode ?? MODE,
    ...(said.uid !== undefined && { uid: said.uid }),
    ...(said.gid !== undefined && { gid: said.gid }),
  }));
  const twice = files.find(({ target }, index) => files.findIndex((one) => one.target === target) < index);
  if (twice === undefined) return files;
  throw new UserError(`two secrets would be the file ${twice.target}`, {
    hint: 'Give one of them another target.',
  });
});

/** Where the value of a secret comes from; without a word it is the one of its own name in the input `secrets`. */
export type SecretDefinition = z.infer<typeof definition>;

/** Where a secret comes from. */
interface SecretOrigin {
  environment?: string;
  /** Its path, from the folder of the configuration. */
  file?: string;
  /** The file is encrypted with age. */
  isEncrypted?: true;
  /** It is made, with so many characters, and kept on the servers. */
  generate?: number;
}

const generatedLength = parsed(
  z.number({ error: 'must be a number of characters, such as 32' }),
  (length) => {
    if (Number.isInteger(length) && length >= GENERATED_LENGTH_MIN && length <= GENERATED_LENGTH_MAX)
      return length;
    throw new UserError(`${length} is no length of a secret`, {
      hint: `Write ${GENERATED_LENGTH_MIN} to ${GENERATED_LENGTH_MAX} characters: a shorter one can be guessed, a longer one is cut off by some that it is for.`,
    });
  },
);

const definition = parsed(
  closed(
    {
      environment: key(filledText, {
        from: 'Compose',
        description:
          'The name that its value has in the input `secrets`, else in the env of the step. GitHub has no names with `GITHUB_`, hyphens or lower case.',
        example: 'environment: PROD_API_TOKEN',
      }),
      file: key(filledText, {
        from: 'Compose',
        description:
          'A file of the machine that runs the action, from the folder of the configuration: one that an earlier step has made. Keep it out of git.',
        example: 'file: ./token.txt',
      }),
      age: key(filledText, {
        description:
          'A file of the repository, from the folder of the configuration, that is encrypted with [age](https://age-encryption.org). The input `age-key` of the action opens it.',
        example: 'age: secrets/token.age',
      }),
      generate: key(generatedLength, {
        description: `A value of so many characters A-Z a-z 0-9, ${GENERATED_LENGTH_MIN} to ${GENERATED_LENGTH_MAX}, that nobody has to think of: the first deploy that needs it makes it, every server of the environment keeps it, and it stays the same from then on. To survive the loss of all servers it needs \`age_recipients\`.`,
        example: 'generate: 32',
      }),
      external: key(flag, {
        from: 'Compose',
        description: 'Says that the value comes from the input `secrets`, which is so anyway.',
        fallback: { value: false },
        example: 'external: true',
      }),
      name: key(filledText, {
        from: 'Compose',
        description: 'With `external`, the name that it has there. The same as `environment`.',
        fallback: { words: 'its own' },
        example: 'name: API_TOKEN_2',
      }),
    },
    SECRET_REFUSALS,
  ),
  ({ environment, file: path, age, generate, external, name }): SecretOrigin => {
    const said = [environment, path, age, generate, external || undefined].filter((one) => one !== undefined);
    if (said.length > 1) {
      throw new UserError('says twice where the value comes from', {
        hint: 'Keep one of environment, file, age, generate and external.',
      });
    }
    if (generate !== undefined) return { generate };
    if (age !== undefined) return { file: age, isEncrypted: true };
    const from = environment ?? (external ? name : undefined);
    return { ...(from !== undefined && { environment: from }), ...(path !== undefined && { file: path }) };
  },
);

/** Who can open the encrypted copies of generated secrets. */
export const ageRecipients = oneOrMany(parsed(filledText, parseRecipient), 'a recipient of age');

/** The secrets of a file, or of an environment, by name. */
export const secretDefinitions = z.record(secretName, definition);
