import * as z from 'zod';
import { cleanPath, isAbsolutePath } from '../../model/container-path.ts';
import { UserError } from '../../model/errors.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { CONFIG_REFUSALS } from './refusals.ts';
import { filledText, flag, secretText, text } from './scalars.ts';

/** A mode of a file in octal, as a number for the engine. */
export const fileMode = parsed(
  z.union([z.number(), z.string()], { error: 'must be a mode such as 0440' }),
  (value) => {
    const digits = /^(?:0o?)?([0-7]{3})$/.exec(String(value))?.[1];
    if (digits !== undefined) return Number.parseInt(digits, 8);
    throw new UserError(`${JSON.stringify(value)} is no mode of a file`, {
      hint: 'Write it in octal: 0440.',
    });
  },
).meta({ takes: 'mode' });

/** A user or group by its number: nobody can ask the image for names before it is there. */
export const ownerNumber = parsed(
  z.union([z.number(), z.string()], { error: 'must be a number such as 1000' }),
  (value) => {
    if (/^\d{1,10}$/.test(String(value))) return Number(value);
    throw new UserError(`${JSON.stringify(value)} is no number of a user or group`, {
      hint: 'Write its number, as id NAME prints it in a container of the image.',
    });
  },
).meta({ takes: 'number' });

/** The absolute path of a file in a container. */
const fileTarget = parsed(z.string(), (path) => {
  if (isAbsolutePath(path) && !path.endsWith('/')) return cleanPath(path);
  throw new UserError(`${JSON.stringify(path)} is no absolute path of a file`, {
    hint: 'Write where the file is in the container, with its name: target: /etc/app/app.yml.',
  });
});

/** entryName is the name of a `config` or `secret`, by the rule of Compose; it is that of a file, too. */
export function entryName(kind: 'config' | 'secret') {
  return parsed(z.string(), (name) => {
    if (/^[a-zA-Z0-9._-]+$/.test(name) && !/^\.{1,2}$/.test(name)) return name;
    throw new UserError(`${JSON.stringify(name)} cannot be the name of a ${kind}`, {
      hint: 'Use letters, digits, dots, hyphens and underscores.',
    });
  });
}

/** A file that services can be given, at the top of the file. */
const config = parsed(
  closed(
    {
      file: key(filledText, {
        from: 'Compose',
        description: 'File of the repository, from the folder of this file.',
        example: 'file: ./loki.yml',
      }),
      content: key(z.union([text, secretText]), {
        from: 'Compose',
        description:
          'What is in it; references to variables are replaced. One that is made from a secret is kept like a secret.',
        example: 'content: "debug=${DEBUG:-false}"',
      }),
      environment: key(filledText, {
        from: 'Compose',
        description:
          "Variable of the run's environment that has what is in it. It counts as secret: its value is kept like those of secrets.",
        example: 'environment: LICENCE',
      }),
      external: key(flag, {
        from: 'Compose',
        description: 'Accepted where it is false: nobody else keeps files for containers here.',
        fallback: { value: false },
      }),
    },
    CONFIG_REFUSALS,
  ),
  (said) => {
    if (said.external) {
      throw new UserError('external is not supported: only Swarm keeps files under names', {
        hint: 'Write file, content or environment.',
      });
    }
    const sources = (['file', 'content', 'environment'] as const).filter((name) => said[name] !== undefined);
    if (sources.length === 1) return said;
    throw new UserError(
      sources.length === 0 ? 'needs what is in it' : `${sources.join(' and ')} exclude each other`,
      { hint: 'Write one of file, content and environment.' },
    );
  },
);

/** The files that services can be given, by name. */
export const configs = z.record(entryName('config'), config);

/** See {@link configs}. */
export type ConfigInput = z.infer<typeof config>;

const longConfig = closed({
  source: requiredKey(filledText, { description: 'Its name under the `configs` of the file.' }),
  target: key(fileTarget, {
    description: 'Where it is in the container.',
    fallback: { words: '`/<source>`' },
  }),
  mode: key(fileMode, { description: 'Its mode, in octal.', fallback: { words: '`0444`' } }),
  uid: key(ownerNumber, {
    description: 'Number of the user that it belongs to.',
    fallback: { words: 'the user that the container runs as' },
  }),
  gid: key(ownerNumber, {
    description: 'Number of its group.',
    fallback: { words: 'the group that the container runs as' },
  }),
});

/** For everybody in the container, to read. */
const MODE = 0o444;

/** A config that a container gets as a file, in plain words. */
export interface ConfigFileInput {
  source: string;
  target: string;
  uid?: number;
  gid?: number;
  mode: number;
}

/** The files that a service is given, in Compose's short and long form. */
export const serviceConfigs = z.array(
  z
    .union([parsed(filledText, (source) => ({ source })), longConfig], {
      error: 'must be the name of a config, or a map with source',
    })
    .transform(
      ({
        source,
        target = `/${source}`,
        mode = MODE,
        uid,
        gid,
      }: z.output<typeof longConfig>): ConfigFileInput => ({
        source,
        target,
        mode,
        ...(uid !== undefined && { uid }),
        ...(gid !== undefined && { gid }),
      }),
    ),
);

const envFile = z.union(
  [
    parsed(filledText, (path) => ({ path })),
    closed({
      path: requiredKey(filledText, { description: 'File of the repository, from the folder of this file.' }),
      required: key(flag, {
        description: 'Whether the run fails where there is no such file.',
        fallback: { value: true },
      }),
      format: key(z.enum(['raw', 'dotenv'], { error: 'must be raw, or left out' }), {
        description: '`raw` takes each line as it stands.',
        fallback: { words: 'that of `.env`' },
      }),
    }),
  ],
  { error: 'must be a path, or a map with path' },
);

type EnvFile = z.output<typeof envFile>;

/** Files with variables of a container. */
export const envFiles = z
  .union([envFile, z.array(envFile)], { error: 'must be a path, or a list of such' })
  .transform(
    (value): { path: string; required?: boolean | undefined; format?: 'raw' | 'dotenv' | undefined }[] =>
      Array.isArray(value) ? (value as EnvFile[]) : [value],
  );
