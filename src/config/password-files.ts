import type { FileSpec } from '../model/spec.ts';
import { baseNameOf } from './image.ts';
import type { ServiceInput } from './schema/service.ts';

/** Who reads the files, where the entrypoint does so as another user than it begins as: uid and gid. */
interface Reader {
  uid: number;
  gid: number;
}

/** An image whose entrypoint takes a password from the file that `<variable>_FILE` names. */
interface KnowsFiles {
  /** Variables that are passwords. */
  variables: readonly string[];
  reader?: Reader;
}

const MYSQL = ['MYSQL_PASSWORD', 'MYSQL_ROOT_PASSWORD'];

/**
 * PASSWORD_FILES says which images take a password from a file, by the last part of their path. RabbitMQ is not among them: its
 * image has given it up, and refuses to start with RABBITMQ_DEFAULT_PASS_FILE.
 */
export const PASSWORD_FILES: Readonly<Record<string, KnowsFiles>> = {
  postgres: { variables: ['POSTGRES_PASSWORD'] },
  mysql: { variables: MYSQL },
  mariadb: { variables: [...MYSQL, 'MARIADB_PASSWORD', 'MARIADB_ROOT_PASSWORD'] },
  // It goes on as `mongodb` before it reads the password.
  mongo: { variables: ['MONGO_INITDB_ROOT_PASSWORD'], reader: { uid: 999, gid: 999 } },
  minio: { variables: ['MINIO_ROOT_PASSWORD'] },
};

/** Passwords that a container gets as files in place of variables. */
export interface PasswordFiles {
  /** Which variables they are; their values are kept under these names. */
  variables: string[];
  files: FileSpec[];
  /** Says where the files are. */
  environment: Record<string, string>;
}

/**
 * passwordFilesOf returns which secret variables of a service become files, since its image reads them from there: then
 * `docker inspect` shows no password. One stays a variable that a command of the file reads itself, and so does one for which
 * the file names a file. What is built is no image that is known. Pure.
 */
export function passwordFilesOf(input: ServiceInput, secretVariables: readonly string[]): PasswordFiles {
  const known = input.build === undefined ? PASSWORD_FILES[baseNameOf(input.image ?? '')] : undefined;
  const variables = (known?.variables ?? []).filter(
    (variable) => secretVariables.includes(variable) && isFree(variable, input),
  );
  return {
    variables,
    files: variables.map((variable) => ({
      target: pathOf(variable),
      mode: 0o400,
      ...(input.user === undefined && known?.reader),
      content: { secret: variable },
    })),
    environment: Object.fromEntries(variables.map((variable) => [`${variable}_FILE`, pathOf(variable)])),
  };
}

function pathOf(variable: string): string {
  return `/run/secrets/${variable}`;
}

function isFree(variable: string, input: ServiceInput): boolean {
  const { environment = {}, secrets = [], configs = [], volumes = [] } = input;
  if (Object.hasOwn(environment, `${variable}_FILE`)) return false;
  if ([...secrets, ...configs, ...volumes].some(({ target }) => target === pathOf(variable))) return false;
  const { command = [], entrypoint = [], healthcheck, pre_deploy, post_deploy } = input;
  const words = [command, entrypoint, healthcheck?.test, pre_deploy?.command, post_deploy?.command].flat();
  const isRead = new RegExp(`\\b${variable}\\b`);
  return !words.some((word) => typeof word === 'string' && isRead.test(word));
}
