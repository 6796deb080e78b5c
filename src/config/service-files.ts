import { UserError } from '../model/errors.ts';
import type { RepositoryFile, RepositoryFiles } from '../model/repository-files.ts';
import type { FileContent, FileSpec } from '../model/spec.ts';
import type { Report } from './check-service.ts';
import { parseEnvFile } from './env-file.ts';
import { checkPlaces } from './file-places.ts';
import { isOfRepository } from './mount.ts';
import { didYouMean } from './nearest.ts';
import type { ConfigInput } from './schema/configs.ts';
import type { ServiceInput } from './schema/service.ts';
import { SecretText } from './secret-text.ts';
import type { Known, NamedSecret, SecretParts } from './service-secrets.ts';
import { checkVariableName } from './variable-name.ts';

/** All files of a service together; they are in the record of each of its releases. */
const FILES_MAX_BYTES = 1024 * 1024;

/** Where a service's files and variables may come from, beside the configuration itself. */
export interface Sources extends Known {
  configs: Readonly<Record<string, ConfigInput>>;
  repository: RepositoryFiles;
  /** What is not there is no mistake: the service is not started by the file. */
  mayBeMissing: boolean;
}

/** What the repository gives to a service. */
export interface Given {
  files: FileSpec[];
  /** Variables of env files that may be told. */
  environment: Record<string, string>;
  /** Names of those that may not. */
  secretVariables: string[];
  /** The names of both. */
  names: string[];
  /** What counts as secret, of variables and files, by the names in the secret set. */
  secrets: SecretParts;
}

/**
 * givenBy returns the files of a service, `configs` and binds of the repository, and the variables of its env files.
 * What is not there, too large or outside of the repository is reported.
 */
export function givenBy(input: ServiceInput, sources: Sources, report: Report): Given {
  const variables = variablesOf(input, sources, report);
  const binds = bindsOf(input, sources, report);
  const configs = configsOf(input, sources, report);
  const found = [...binds, ...configs];
  const sum = found.reduce((bytes, { file }) => bytes + file.bytes.length, 0);
  if (sum > FILES_MAX_BYTES) {
    report([], `has ${megabytes(sum)} MB of files, and 1 MB is possible`, TOO_MUCH);
    return { ...variables, files: [] };
  }
  checkPlaces(input, binds, report);
  const secrets = { ...variables.secrets };
  const files = found.map(({ file: { bytes, isSecret }, made, ...place }) => {
    const name = `file:${[place.target, place.path].filter(Boolean).join('/')}`;
    const content = contentOf(bytes);
    if (!isSecret) return { ...place, content };
    secrets[name] = made ?? SecretText.of('text' in content ? content.text : content.base64);
    return {
      ...place,
      content: { secret: name, ...('base64' in content && { encoding: 'base64' as const }) },
    };
  });
  return { ...variables, secrets, files };
}

const TOO_MUCH = 'They are kept with each release: put large ones into the image, or a volume.';

/** With one digit, rounded up: what is too much never looks as if it were not. */
function megabytes(bytes: number): string {
  return (Math.ceil((bytes / FILES_MAX_BYTES) * 10) / 10).toFixed(1);
}

/** A file with its place in the container. */
type Found = Omit<FileSpec, 'content'> & {
  file: RepositoryFile;
  /** In place of what is in the file, where that is made from secrets. */
  made?: SecretText | NamedSecret;
};

function bindsOf(input: ServiceInput, sources: Sources, report: Report): Found[] {
  return (input.volumes ?? []).flatMap((volume, index): Found[] => {
    const { source = '', target } = volume;
    if (!isOfRepository(volume)) return [];
    const entry = look(source, sources, (message, hint) => report(['volumes', index], message, hint));
    if (entry === undefined) return [];
    const place = (file: RepositoryFile, path?: string): Found => ({
      target,
      ...(path !== undefined && { path }),
      mode: file.isExecutable ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      file,
    });
    if (entry.kind === 'file') return [place(entry.file)];
    if (entry.files.size === 0) report(['volumes', index], `${source} has no files in it`);
    return [...entry.files].map(([path, file]) => place(file, path));
  });
}

function configsOf(input: ServiceInput, sources: Sources, report: Report): Found[] {
  return (input.configs ?? []).flatMap(({ source, ...place }, index): Found[] => {
    const complain: Complain = (message, hint) => report(['configs', index], message, hint);
    const config = Object.hasOwn(sources.configs, source) ? sources.configs[source] : undefined;
    if (config === undefined) {
      const known = Object.keys(sources.configs);
      complain(`there is no config ${JSON.stringify(source)}${didYouMean(source, known)}`, WHERE_CONFIGS);
      return [];
    }
    const { content, environment } = config;
    const made: Found['made'] =
      content instanceof SecretText
        ? content
        : environment !== undefined && sources.isSecret(environment)
          ? { secret: environment, place: ['configs', index] }
          : undefined;
    const file = made === undefined ? fileOf(config, sources, complain) : plain('', true);
    if (file === undefined) return [];
    return [{ ...place, file, ...(made && { made }) }];
  });
}

type Complain = (message: string, hint?: string) => void;

const WHERE_CONFIGS = 'Write it under configs at the top of the file: configs: { name: { file: ./path } }.';

function fileOf(config: ConfigInput, sources: Sources, complain: Complain): RepositoryFile | undefined {
  if (typeof config.content === 'string') {
    return plain(config.content, sources.holdsSecret(config.content));
  }
  if (config.environment !== undefined) {
    const name = config.environment;
    const value = Object.hasOwn(sources.variables, name) ? sources.variables[name] : undefined;
    if (value !== undefined) return plain(value, true);
    if (!sources.mayBeMissing) {
      complain(`variable ${name} is not set`, `Set ${name} in the env of the workflow step.`);
    }
    return undefined;
  }
  const path = config.file ?? '';
  const entry = look(path, sources, complain);
  if (entry?.kind === 'folder') complain(`${path} is a folder`, 'Mount a folder under volumes, with :ro.');
  return entry?.kind === 'file' ? entry.file : undefined;
}

function plain(text: string, isSecret: boolean): RepositoryFile {
  return { bytes: Buffer.from(text), isExecutable: false, isSecret };
}

/** look returns what lies at a path of the repository, and complains where it cannot. */
export function look(path: string, { repository, mayBeMissing }: Sources, complain: Complain) {
  try {
    const entry = repository.find(path, FILES_MAX_BYTES);
    if (entry === undefined && !mayBeMissing) complain(`there is no ${path} in the repository`, NOT_THERE);
    return entry;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    complain(error.message, error.hint);
    return undefined;
  }
}

const NOT_THERE =
  'Paths count from the folder of this file. A file that the workflow writes has to be there before this step; a directory of the server is an absolute path.';

function contentOf(bytes: Buffer): Exclude<FileContent, { secret: string }> {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) && !text.includes('\0')
    ? { text }
    : { base64: bytes.toString('base64') };
}

/** Later files win over earlier ones. What was made from a secret is one, wherever it stands. */
function variablesOf(input: ServiceInput, sources: Sources, report: Report): Omit<Given, 'files'> {
  const read = new Map<string, { value: string; isSecret: boolean }>();
  input.env_file?.forEach(({ path, required = true, format }, index) => {
    const at = ['env_file', index] as const;
    const own = { ...sources, mayBeMissing: sources.mayBeMissing || !required };
    const entry = look(path, own, (message, hint) => report(at, message, hint));
    if (entry?.kind === 'folder') report(at, `${path} is a folder`);
    if (entry?.kind !== 'file') return;
    try {
      const { bytes, isSecret } = entry.file;
      const known = {
        ...Object.fromEntries([...read].map(([name, { value }]) => [name, value])),
        ...sources.variables,
      };
      const secret = {
        is: (name: string) => sources.isSecret(name) || read.get(name)?.isSecret === true,
        valueOf: sources.secretValue,
      };
      for (const found of parseEnvFile(bytes.toString('utf8'), path, known, format, secret)) {
        const { name, value } = found;
        checkVariableName(name);
        const isMade = found.isSecret === true || sources.holdsSecret(value);
        read.set(name, { value, isSecret: isSecret || isMade });
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      report(at, error.message, error.hint);
    }
  });
  const { environment: said = {} } = input;
  const isOfRun = (name: string) =>
    Object.hasOwn(said, name) && (sources.isSecret(name) || sources.variables[name] !== undefined);
  const left = [...read].filter(([name]) => (said[name] ?? undefined) === undefined && !isOfRun(name));
  const plain = left.filter(([, { isSecret }]) => !isSecret).map(([name, { value }]) => [name, value]);
  const secrets = left.filter(([, { isSecret }]) => isSecret);
  return {
    environment: Object.fromEntries(plain),
    secrets: Object.fromEntries(secrets.map(([name, { value }]) => [name, SecretText.of(value)])),
    secretVariables: secrets.map(([name]) => name),
    names: left.map(([name]) => name),
  };
}
