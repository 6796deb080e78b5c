import { loadConfig } from '../../../src/config/load.ts';
import { type ResolveOptions, resolveEnvironment } from '../../../src/config/resolve.ts';
import { UserError, UserErrors } from '../../../src/model/errors.ts';
import type { RepositoryFile, RepositoryFiles } from '../../../src/model/repository-files.ts';
import type { EnvironmentSpec, ServiceSpec } from '../../../src/model/spec.ts';
import { PROMISED } from '../../promised-configuration.ts';
import { HOST_KEYS } from './host-keys.ts';

/** The promised configuration, with real host keys filled in. */
export const SHOP = PROMISED.replace('ssh-ed25519 AAAA…', HOST_KEYS.ed25519).replace(
  'ssh-ed25519 AAAA…',
  HOST_KEYS.otherEd25519,
);

const SNIPPET: RepositoryFile = { bytes: Buffer.from('expires 1h;\n'), isExecutable: false, isSecret: false };
const FILE: RepositoryFile = { bytes: Buffer.from('A=1\n'), isExecutable: false, isSecret: false };

/** ANY_FILES is a repository that has whatever is named: files where a name has an ending, else folders. */
export const ANY_FILES: RepositoryFiles = {
  find: (path) => {
    if (/nginx\/\w+\.conf$/.test(path)) return { kind: 'file', file: SNIPPET };
    if (path.startsWith('/')) throw new UserError(`${path} is outside of the repository`);
    return /[^./]\.\w+$|\.env|^env$|Caddyfile/.test(path)
      ? { kind: 'file', file: FILE }
      : { kind: 'folder', files: new Map([['some.yml', FILE]]) };
  },
};

type Variables = Record<string, string | undefined>;

/** indented shifts every line to the right by so many spaces. */
export function indented(yaml: string, spaces: number): string {
  return yaml.trim().replaceAll(/^/gm, ' '.repeat(spaces));
}

/** localFile is a file with the environment `local` and these services. */
export function localFile(services: string): string {
  return `project: shop\nenvironments:\n  local: { provider: local }\nservices:\n${indented(services, 2)}\n`;
}

/** resolveText loads a file and resolves one environment of it. */
export function resolveText(
  text: string,
  environment = 'local',
  variables: Variables = {},
  options: ResolveOptions = {},
): EnvironmentSpec {
  return resolveEnvironment(loadConfig(text, 'switchyard.yml', variables), environment, options);
}

/** resolveOne resolves the service `api` with these keys, and an image and a port unless they name them. */
export function resolveOne(keys: string, variables: Variables = {}): ServiceSpec {
  const basics = [/^image:/m.test(keys) ? '' : 'image: acme/api', /^port:/m.test(keys) ? '' : 'port: 3000'];
  const service = [...basics, keys.trim()].filter((line) => line !== '').join('\n');
  const spec = resolveText(localFile(`api:\n${indented(service, 2)}`), 'local', variables);
  return spec.services[0] as ServiceSpec;
}

/** errorsOf runs `work` and returns the mistakes it throws; anything but a UserError goes on as it is. */
export function errorsOf(work: () => unknown): readonly UserError[] {
  try {
    work();
  } catch (error) {
    if (error instanceof UserErrors) return error.errors;
    if (error instanceof UserError) return [error];
    throw error;
  }
  return [];
}

/** messagesOf returns the messages of errorsOf. */
export function messagesOf(work: () => unknown): string[] {
  return errorsOf(work).map(({ message }) => message);
}
