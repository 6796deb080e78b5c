import { DATABASES, type DatabaseKind } from '../model/backup.ts';
import { UserError } from '../model/errors.ts';

/** The grammar of image references: https://pkg.go.dev/github.com/distribution/reference */
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*';
const REGISTRY = '(?:[a-zA-Z0-9.-]+|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?';
const REFERENCE = new RegExp(
  `^(?:${REGISTRY}/)?(?<path>${COMPONENT}(?:/${COMPONENT})*)(?::\\w[\\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$`,
);

/** parseImage returns `image` as it is. It throws unless it is `[registry/]path[:tag][@sha256:digest]`. */
export function parseImage(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isRegistry = /[.:]/.test(first) || first === 'localhost';
  // Where no dot or port says that it is a registry, Docker takes the first part for one of the name.
  const isUpperCase = rest.length > 0 && !isRegistry && first !== first.toLowerCase();
  if (REFERENCE.test(image) && !isUpperCase) return image;
  const lowered = withLowerCaseName(image, isRegistry);
  if (REFERENCE.test(lowered) && lowered !== image) {
    throw new UserError(`${JSON.stringify(image)} has upper case in its name, which Docker does not take`, {
      hint: `Write ${lowered}, and build it under that name: registries keep names in lower case.`,
    });
  }
  if (/@(?:sha256:)?$/.test(image)) {
    throw new UserError(`${JSON.stringify(image)} has an empty digest`, {
      hint: 'The step that should give it gave none: is its id right, did it push ("push: true"), and is its output called "digest"?',
    });
  }
  if (image.endsWith(':')) {
    throw new UserError(`${JSON.stringify(image)} has an empty tag`, {
      hint: 'What stands behind the colon came out empty: is the variable, or the output of the step, set?',
    });
  }
  throw new UserError(`${JSON.stringify(image)} is no image reference`, {
    hint: 'Write [registry/]name[:tag][@sha256:digest], the name in lower case: ghcr.io/acme/api:1.2.3.',
  });
}

/** Registry, tag and digest stay as they are. */
function withLowerCaseName(image: string, isRegistry: boolean): string {
  const [, registry = '', name = '', rest = ''] =
    (isRegistry ? /^([^/]*\/)([^:@]*)(.*)$/s : /^()([^:@]*)(.*)$/s).exec(image) ?? [];
  return `${registry}${name.toLowerCase()}${rest}`;
}

/** What is known of an image by its name: it speaks TCP, on this port, and answers to this check. */
export interface RecognisedImage {
  /** The port it listens on unless it is told otherwise. */
  port: number;
  /** A health check that runs inside the container, for this port; without one a connection to the port is the check. */
  test?: (port: number) => string[];
  /** It keeps its data under its host's name, and would start empty with another one. */
  keepsHostname?: true;
}

/** The words that name another port than the one a client asks by itself. */
const onPort = (flag: string, usual: number, port: number): string[] =>
  port === usual ? [] : [flag, String(port)];

/**
 * PONG is a yes. So is NOAUTH: a server with a password answers, and we do not know the password here
 * (set REDISCLI_AUTH in its environment, and PONG comes). LOADING is neither, and exits with 0 like both.
 */
const redisPing =
  (client: string) =>
  (port: number): string[] => [
    'CMD-SHELL',
    `${[client, ...onPort('-p', 6379, port), 'ping'].join(' ')} | grep -qE 'PONG|NOAUTH'`,
  ];

const adminPing =
  (client: string) =>
  (port: number): string[] => ['CMD', client, 'ping', '-h', '127.0.0.1', ...onPort('-P', 3306, port)];

/**
 * Images that are databases, caches and queues under any registry, by the last part of their path. Their
 * checks name 127.0.0.1: postgres and mysql answer on their socket long before they are ready, while the
 * entrypoint still prepares the database with a server that no one else can reach.
 */
const RECOGNISED: ReadonlyMap<string, RecognisedImage> = new Map([
  [
    'postgres',
    { port: 5432, test: (port) => ['CMD', 'pg_isready', '-h', '127.0.0.1', ...onPort('-p', 5432, port)] },
  ],
  ['redis', { port: 6379, test: redisPing('redis-cli') }],
  ['valkey', { port: 6379, test: redisPing('valkey-cli') }],
  // mongosh is not in every mongo image.
  ['mongo', { port: 27017 }],
  ['mysql', { port: 3306, test: adminPing('mysqladmin') }],
  // mysqladmin is gone from mariadb 11.
  ['mariadb', { port: 3306, test: adminPing('mariadb-admin') }],
  // Its data is that of the node rabbit@hostname. The node itself is asked, whatever the port.
  [
    'rabbitmq',
    { port: 5672, test: () => ['CMD', 'rabbitmq-diagnostics', '-q', 'ping'], keepsHostname: true },
  ],
  ['kafka', { port: 9092 }],
]);

/** recogniseImage returns what is known of `image` by its name, or undefined. */
export function recogniseImage(image: string): RecognisedImage | undefined {
  return RECOGNISED.get(baseNameOf(image));
}

/** databaseOf returns which database an image is by its name, or undefined. */
export function databaseOf(image: string): DatabaseKind | undefined {
  const name = baseNameOf(image);
  // It is dumped by the words of redis, under another name of the client.
  return name === 'valkey' ? 'redis' : DATABASES.find((one) => one === name);
}

/** All recognised names with what is known of them, for the reference. */
export function recognisedImages(): readonly (readonly [string, RecognisedImage])[] {
  return [...RECOGNISED];
}

/** baseNameOf returns the last part of the image's path: `redis` of `docker.io/library/redis:7@sha256:…`. */
export function baseNameOf(image: string): string {
  const path = REFERENCE.exec(image)?.groups?.path ?? '';
  return path.slice(path.lastIndexOf('/') + 1);
}
