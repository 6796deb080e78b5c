import * as z from 'zod';
import { isAbsolutePath } from '../../model/container-path.ts';
import { UserError } from '../../model/errors.ts';
import { NAME_PATTERN } from '../../model/names.ts';
import { PRESET_NAMES } from '../../model/preset.ts';
import { DEFAULTS } from '../defaults.ts';
import { parseAddress } from '../domain.ts';
import { parseImage } from '../image.ts';
import { listed } from '../nearest.ts';
import { parseRestart } from '../restart.ts';
import { SecretText } from '../secret-text.ts';
import { splitWords } from '../shell-words.ts';
import { checkVariableName } from '../variable-name.ts';
import { adopt } from './adopt.ts';
import { serviceBackup } from './backup.ts';
import { build } from './build.ts';
import { envFiles, serviceConfigs } from './configs.ts';
import { connection } from './connection.ts';
import { containerOptionKeys } from './container-options.ts';
import { edgeOptions } from './edge-options.ts';
import { extraPorts } from './extra-ports.ts';
import { healthcheck } from './healthcheck.ts';
import { hook } from './hook.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { maintenance } from './maintenance.ts';
import { pairOf, textMap } from './maps.ts';
import { monitor } from './monitor.ts';
import { publish } from './publish.ts';
import { redirects } from './redirects.ts';
import { DEPENDENCY_REFUSALS, SERVICE_REFUSALS } from './refusals.ts';
import { cpus, deploy, memory, pidsOrNoLimit, replicas } from './resources.ts';
import {
  bytes,
  duration,
  filledText,
  flag,
  oneOrMany,
  port,
  positiveDuration,
  secretText,
  text,
  wholeNumber,
} from './scalars.ts';
import { secretFiles } from './secrets.ts';
import { volumes } from './volumes.ts';

/** Labels that Switchyard finds its containers by. */
const LABEL_PREFIX = 'switchyard.';

/** distinct passes a list on. It throws when a member is in it twice. */
function distinct<T extends string>(list: T[]): T[] {
  const twice = list.filter((member, index) => list.indexOf(member) !== index);
  if (twice.length > 0) throw new UserError(`${listed([...new Set(twice)])} is there twice`);
  return list;
}

/** checkLabelName throws for a label without a name, and for those that Switchyard finds its containers by. */
function checkLabelName(name: string): void {
  if (name === '' || name.includes('\0')) throw new UserError('a label needs a name');
  if (name.startsWith(LABEL_PREFIX)) {
    throw new UserError(
      `label ${JSON.stringify(name)} is reserved: labels with ${LABEL_PREFIX} are Switchyard's`,
    );
  }
}

/** checked passes a string on that `check` does not throw for. */
function checked(check: (value: string) => unknown) {
  return parsed(z.string(), (value) => {
    check(value);
    return value;
  });
}

const environmentValue = z.union([text, secretText, z.number(), z.boolean(), z.null()], {
  error: 'must be text, a number, true or false, or nothing',
});

const variableName = checked(checkVariableName);

type VariableValue = string | SecretText | null;

/** `KEY=value`, which may be made from secrets, but for the name in it. */
const variable = parsed(
  z.union([text, secretText], { error: 'must be text: KEY=value, or KEY' }),
  (said): [name: string, value: VariableValue] => {
    const [name, value] = typeof said === 'string' ? pairOf(said, null) : secretPairOf(said);
    checkVariableName(name);
    return [name, value];
  },
);

function secretPairOf(said: SecretText): [name: string, value: SecretText] {
  const { name, value } = said.split() ?? {};
  if (name !== undefined && value !== undefined) return [name, value];
  throw said.missing ?? new UserError('the name of a variable is a reference to a secret');
}

/** A map of variables; null takes the value from the run's secrets or environment. */
const environment = z
  .union([z.record(variableName, environmentValue), z.array(variable)], {
    error: 'must be a map or a list of KEY=value',
  })
  .transform((said): Record<string, VariableValue> => {
    const pairs: [string, VariableValue | number | boolean][] = Array.isArray(said)
      ? said
      : Object.entries(said);
    return Object.fromEntries(
      pairs.map(([name, value]) => [
        name,
        value === null || value instanceof SecretText ? value : String(value),
      ]),
    );
  });

const labels = textMap(checkLabelName);

const queueRequests = parsed(positiveDuration, (ms) => {
  if (ms <= 300_000) return ms;
  throw new UserError('must be at most 5m');
}).meta({ takes: 'duration' });

const pullPolicy = z.enum(['always', 'missing', 'if_not_present', 'never'], {
  error: ({ input }) => {
    if (input === 'build')
      return 'must be always, missing or never: the action build-push builds, and nobody builds on a server';
    return /^(?:refresh|daily|weekly|every_)/.test(String(input))
      ? 'must be always, missing or never: a deploy is when images are pulled'
      : undefined;
  },
});

/** What YAML takes for a number has lost its zeros: 8.0 is 8, and 11.10 is 11.1. */
const presetVersion = parsed(
  z.union([filledText, z.number()], { error: 'must be a version in quotes, such as "16"' }),
  (value) => {
    if (typeof value === 'string' || Number.isInteger(value)) return String(value);
    throw new UserError(`${value} is a number, and no version`, {
      hint: `Write it in quotes: version: "${value}".`,
    });
  },
).meta({ takes: 'text' });

/** Words of a command; null leaves the image's. */
const command = parsed(
  z.union([text, z.array(text), z.null()], { error: 'must be text or a list of text' }),
  (value) => {
    const words = typeof value === 'string' ? splitWords(value) : value;
    // The engine reads one empty word as none.
    return words?.length === 1 && words[0] === '' ? [] : words;
  },
);

const dependency = closed(
  {
    condition: requiredKey(
      z.enum(['service_started', 'service_healthy'], {
        error: (issue) =>
          issue.input === 'service_completed_successfully'
            ? 'must be service_healthy: a service here runs until it is replaced'
            : 'must be service_healthy or service_started',
      }),
      { description: 'Both mean the same here: a dependency is always healthy before its dependents start.' },
    ),
  },
  DEPENDENCY_REFUSALS,
);

const dependsOn = parsed(
  z.union([z.array(z.string()), z.record(z.string(), dependency)], {
    error: 'must be a list of services, or a map of service and condition',
  }),
  (value) => distinct(Array.isArray(value) ? value : Object.keys(value)),
);

/**
 * A service as the file has it, in plain units. Every key is optional: a service may be written in parts,
 * under `services` and under an environment; resolveEnvironment asks for what must be there.
 */
export const service = closed(
  {
    image: key(parsed(filledText, parseImage), {
      from: 'Compose',
      description:
        'Image the container is made of. The input `images` of an action wins over it. Required unless there is a `build`; beside one it names the image that is built, in place of the name that follows from `registry`.',
      fallback: { words: 'with a `build`: `{address}/{user}/{project}-{environment}-{service}`' },
      example: 'image: ghcr.io/acme/api:1.2.3',
    }),
    preset: key(z.enum(PRESET_NAMES, { error: `must be one of ${PRESET_NAMES.join(', ')}` }), {
      description:
        'A database or the like with all that it needs: image, volume, user and password, health check, settings that follow the limit of memory. A preset is only defaults: every key here wins over it, see [Presets](presets.md).',
      example: 'preset: postgres',
    }),
    version: key(presetVersion, {
      description:
        'Version of the `preset`: a tag of its image that begins with a number. Another major one is refused where there is data, since it could not read it.',
      fallback: { words: "the preset's" },
      example: 'version: "16"',
    }),
    build: key(build, {
      from: 'Compose',
      description:
        'How the action `build-push` makes the image: a folder with a Dockerfile. What the registry has already is not built again. A deploy is handed the images by its input `images`.',
      short: 'build: ./api',
      long: 'build: { context: ./api, target: runtime, args: { NODE_VERSION: 24 } }',
    }),
    port: key(port, {
      description:
        "The port the container listens on. A service without one is a worker: nobody connects to it, and it is healthy by its `test`, by its image's HEALTHCHECK, or when it has run for `start_period` without a restart.",
      fallback: { words: 'the port of a recognised image, else none' },
      example: 'port: 3000',
    }),
    extra_ports: key(extraPorts, {
      description:
        'Further ports of the container, by their names: a console, metrics. Each has an internal port of its own that never changes; all move to the new side in one switch, and each is proven. Who depends on the service gets them as `SWITCHYARD_<SERVICE>_PORT_<NAME>`.',
      short: 'extra_ports: { metrics: 9100 }',
      long: 'extra_ports:\n  console: { port: 15672, domain: queue.example.com }',
    }),
    publish: key(publish, {
      description:
        'Ports of the servers that the edge passes on to the service, for what does not speak HTTP, in the words of Compose’s `ports`: `1883`, `"53/udp"`, `"8883:1883"`. They are open to whoever reaches the server. They move to the new side like a domain does: what is connected stays with the old one until it ends. A port of the container that the service does not name becomes a further port of it, `tcp-8883`. A port of the servers belongs to one service on them; 80, 443 and 8099 are the edge’s own.',
      short: 'publish: [1883, "53/udp", "8883:1883"]',
      long: 'publish:\n  - { target: 53, published: 53, protocol: udp, responses: 1 }',
    }),
    protocol: key(z.enum(['http', 'grpc', 'tcp', 'udp']), {
      description:
        'What is spoken on `port`. `grpc` is gRPC by HTTP/2 without TLS (h2c), as its servers speak it by themselves: the edge serves it over HTTPS, and where `tls` is `off` by h2c; the sidecar by h2c.',
      fallback: {
        words:
          '`tcp` for recognised images; else `grpc` with a `healthcheck.grpc`, `http` where there is a `domain` or a `healthcheck.path`, else `tcp`',
      },
      example: 'protocol: tcp',
    }),
    domain: key(
      parsed(oneOrMany(parsed(z.string(), parseAddress), 'a domain'), (list) => distinct(list)),
      {
        description:
          'Domains that the edge serves the service on; without one it is reached from inside the environment only. Its first label may be `*.`; `"*"` alone is every name, and address, that nobody else on the server has. A path behind it takes what is there alone: `example.com/api` takes `/api` and `/api/…`, and never `/apiary`. Services of one environment share a domain by different paths, and the longest one wins.',
        short: 'domain: api.example.com',
        long: 'domain: [api.example.com, example.com/api, "*.example.org"]',
      },
    ),
    strip_prefix: key(flag, {
      description:
        'The app gets paths without the prefix that stands in `domain`: `/api/users` as `/users`, and `/api` as `/`, with what was left out in `X-Forwarded-Prefix`. All else is passed on as it was sent.',
      fallback: { value: DEFAULTS.strip_prefix },
      example: 'strip_prefix: true',
    }),
    redirects: key(redirects, {
      description:
        "Domains, and paths, from which the edge sends whoever comes elsewhere: `www` to the bare domain, an old path to the new one. They belong to the service, which has a `domain` of its own, and go live with it. An environment's list replaces the other.",
      long: 'redirects:\n  - { from: www.example.com, to: "https://example.com" }\n  - { from: example.com/old, to: /new, status: 301 }',
    }),
    depends_on: key(dependsOn, {
      from: 'Compose',
      description:
        "Services that are healthy before this one starts, and whose addresses it gets as `SWITCHYARD_<NAME>_HOST` and `_PORT`; a worker has none. Of one with a `connection` it also gets user, database, password and the whole address, see [Apps find services](../guide.md#apps-find-services). An environment's list replaces the other.",
      short: 'depends_on: [cache]',
      long: 'depends_on:\n  cache: { condition: service_healthy }',
    }),
    connection: key(connection, {
      description:
        'How apps connect to this service, for what no preset says: those that depend on it get user, database, password and the whole address, see [Apps find services](../guide.md#apps-find-services).',
      short: 'connection: { kind: redis, password: cache-password }',
      long: 'connection: { kind: postgres, user: app, database: shop, password: db-password }',
    }),
    servers: key(wholeNumber('a whole number, at least 1', 1, 10_000), {
      description: 'On how many of the servers in its zones the service stands, with its `replicas` on each.',
      fallback: { value: DEFAULTS.servers },
      example: 'servers: 2',
    }),
    replicas: key(replicas, {
      description:
        'How many copies of the service stand on each of its servers, 1 to 6; requests are shared among all of them, and a deploy replaces them together. Where only this number changes, only the difference starts or goes. Databases, and what says `strategy: recreate`, have one. See [Several copies on a server](../guide.md#several-copies-on-a-server).',
      fallback: { value: DEFAULTS.replicas },
      example: 'replicas: 2',
    }),
    zones: key(
      parsed(z.array(z.string()), (list) => distinct(list)),
      {
        description: 'Zones whose servers the service may stand on.',
        fallback: { words: 'all zones' },
        example: 'zones: [lon1]',
      },
    ),
    environment: key(environment, {
      from: 'Compose',
      description:
        "Variables of the container. Numbers, `true` and `false` become the text that they are written as; of a variable that is there twice in a list the last one counts. A key without a value takes it from the input `secrets`, else from the env of the step; one that is in neither fails the run before anything else. **A value that is a secret, or is made from one, is kept like one**: in no record, plan, log or label. `auto` in a variable whose name ends with `_URL`, `_URI` or `_DSN` is the address of a service that it depends on, `auto:db` that of `db`; with `_FILE` behind it, the path of a file that has it. Names with `SWITCHYARD_` are reserved. An environment's variables are merged over these by name.",
      short: 'environment: ["LOG_LEVEL=info", "API_TOKEN"]',
      long: 'environment:\n  LOG_LEVEL: info\n  API_TOKEN:\n  DATABASE_URL: "postgres://app:${DB_PASSWORD}@db.example.com/app"',
    }),
    secrets: key(secretFiles, {
      from: 'Compose',
      description:
        "Secrets that the container gets as files, `/run/secrets/<name>`: read-only, and for its own user alone. Their values come from the input `secrets` of the action, or from where the file's own `secrets` says; a missing or blank one fails the run before anything else. For variables write `environment`. An environment's list replaces the other.",
      short: 'secrets: [api_token]',
      long: 'secrets:\n  - { source: api_token, target: token, uid: 1000, gid: 1000, mode: 0440 }',
    }),
    env_file: key(envFiles, {
      from: 'Compose',
      description:
        "Files of the repository with variables, read when the action runs; `environment` wins over them, and a later file over an earlier one. A file that git does not have as it is, one that the workflow has just written, counts as secret: its values are kept like those of `secrets`. An environment's list replaces the other.",
      short: 'env_file: .env.production',
      long: 'env_file:\n  - common.env\n  - { path: local.env, required: false }',
    }),
    configs: key(serviceConfigs, {
      from: 'Compose',
      description:
        "Files that the container is given before it starts, by their names under the `configs` of the file; it can only read them. An environment's list replaces the other.",
      short: 'configs: [loki]',
      long: 'configs:\n  - { source: loki, target: /etc/loki/loki.yml, mode: 0440 }',
    }),
    healthcheck: key(healthcheck, {
      from: 'Compose',
      description: 'How a new container proves that it is healthy before it gets traffic.',
    }),
    pre_deploy: key(hook, {
      description:
        'Command that is run once per release before its first container starts, such as a migration: on one server, in a container of the new image with its environment, secrets and limits, and its volumes read-only. When it fails, nothing is deployed.',
      short: 'pre_deploy: node migrate.js',
      long: 'pre_deploy: { command: ["node", "migrate.js"], timeout: 30m, idempotent: true }',
    }),
    post_deploy: key(hook, {
      description:
        'Command that is run once per release when its containers have the traffic, in a container like that of `pre_deploy`. When it fails, the run fails, and the release stays.',
      short: 'post_deploy: node warm-cache.js',
      long: 'post_deploy: { command: ["node", "warm-cache.js"], timeout: 1m }',
    }),
    adopt: key(adopt, {
      description:
        'Container that runs already, made by hand or by another tool, and that this service replaces: it goes when the new one has its traffic. One that is named `{project}_{env}_{service}` is found without this. `drop` names what of it may be lost: paths it wrote to, ports of the server it published. It may stay in the file afterwards.',
      short: 'adopt: old-api',
      long: 'adopt: { container: old-api, drop: [/var/log/app] }',
    }),
    monitor: key(monitor, {
      description:
        'How long the new containers are watched once they have the traffic, before anything happens to the old ones; every two seconds the run looks whether they run and how much memory they use, and what the edges have counted of their answers. When something is wrong, users get the version before again, and the run fails with the last log lines.',
      fallback: { words: 'they are not watched' },
      short: 'monitor: 2m',
      long: 'monitor: { period: 2m, max_failure_ratio: 0.01, latency: 250ms }',
    }),
    drain: key(
      closed({
        timeout: key(duration, {
          description:
            'How long connections of the old side may go on after the switch; `0` is without limit.',
          fallback: { value: DEFAULTS.drain.timeout },
          example: 'timeout: 60s',
        }),
      }),
      { description: 'How the old side ends.' },
    ),
    stop_grace_period: key(duration, {
      from: 'Compose',
      description: 'Time between SIGTERM, or `stop_signal`, and SIGKILL.',
      fallback: { value: DEFAULTS.stop_grace_period },
      example: 'stop_grace_period: 20s',
    }),
    strategy: key(z.enum(['toggle', 'recreate']), {
      description:
        '`toggle` starts the new side beside the old one and loses no request. `recreate` stops the old container before the new one starts, which a service that writes to a volume needs.',
      fallback: { value: DEFAULTS.strategy },
      example: 'strategy: recreate',
    }),
    overlap: key(flag, {
      description:
        'Of a worker: whether the old one may work while the new one starts. `false` stops the old one first, wherever it stands, for work that must not be done twice at once: a scheduler, a consumer that keeps an order. It is the same as `strategy: recreate`.',
      fallback: { value: true },
      example: 'overlap: false',
    }),
    naming: key(z.enum(['side', 'version']), {
      description:
        'What the names and host ports of the containers follow from. `side`: `{project}_{env}_{service}` and `…_secondary`, each with a port that never changes. `version`: `…_v15_2` for the tag `15.2` or `v15.2`, with a port of its own beside that of its side; a second container of one version gets another port, and the time: `…_v15_2_20261126t1710`. The internal port is the same either way.',
      fallback: { value: DEFAULTS.naming },
      example: 'naming: version',
    }),
    share_volumes: key(flag, {
      description:
        'Says that two containers of this service may write to its volumes at the same time, which `toggle` makes them do: right for uploads and caches, never for a database.',
      fallback: { value: false },
      example: 'share_volumes: true',
    }),
    idle_timeout: key(positiveDuration, {
      description:
        'How long a connection may be silent, in either direction, before edge or sidecar end it: an answer that pauses, a download that is not read, an upload, a WebSocket.',
      fallback: { value: DEFAULTS.idle_timeout },
      example: 'idle_timeout: 1h',
    }),
    max_body_size: key(bytes, {
      description:
        'The largest body of a request; a larger one is answered with 413 before the app sees it. `0` is without limit.',
      fallback: {
        words: 'without limit: what an app takes is its own affair, and large bodies are not kept',
      },
      example: 'max_body_size: 50m',
    }),
    request_buffering: key(z.enum(['auto', 'on', 'off']), {
      description:
        'Whether edge and sidecar read the body of a request whole before the app gets it. `auto` passes on what is 1 MB or more, or of unknown length (chunked), while it comes; what is smaller is read first, and can be sent again to another copy. `on` reads all, on the disk of the server; `off` none.',
      fallback: { value: DEFAULTS.request_buffering },
      example: 'request_buffering: "on"',
    }),
    edge: key(edgeOptions, {
      description:
        'What the edge does with requests for the domains of the service, and with the answers: security headers, compression, passwords, addresses, limits, CORS, error pages. The sidecar, by which services reach each other, does none of it. A change is a reload.',
    }),
    queue_requests: key(queueRequests, {
      description:
        'With `strategy: recreate`: how long new requests wait at edge and sidecar while the old container has stopped and the new one does not serve yet, in place of failing; at most 5 minutes. What waits longer gets 503 with `Retry-After`.',
      fallback: { words: 'they do not wait, and get 502' },
      example: 'queue_requests: 30s',
    }),
    maintenance: key(maintenance, {
      description:
        'Maintenance of this service: users get a page from the edge instead of the app, with 503 and `Retry-After`; services among each other do not. Laid over what environment and top say, key by key.',
      short: 'maintenance: true',
      long: 'maintenance: { enabled: true, page: ./maintenance.html, allow: [203.0.113.0/24] }',
    }),
    backup: key(serviceBackup, {
      description:
        'Backups of the data of the service, which the action `backup` makes and restores. PostgreSQL, MariaDB, MySQL, Redis and Valkey are known by the names of their images, and dumped by their own programs. Laid over what `backup` at the top says, key by key; where that is there, a `preset` of such a database has `backup: true` by itself.',
      short: 'backup: true',
      long: 'backup: { verify: always, max_age: 36h, query: "SELECT count(*) FROM orders" }',
    }),
    pull_policy: key(pullPolicy, {
      from: 'Compose',
      description: 'When the image is pulled. `if_not_present` is the same as `missing`.',
      fallback: { value: DEFAULTS.pull_policy },
      example: 'pull_policy: always',
    }),
    command: key(command, {
      from: 'Compose',
      description:
        "Command in place of the image's. Text is split into words; no shell reads it, and unquoted shell operators are refused. An empty one takes the image's away only together with an `entrypoint`: the engine has no word for it alone.",
      short: 'command: node server.js --port 3000',
      long: 'command: ["node", "server.js", "--port", "3000"]',
    }),
    entrypoint: key(command, {
      from: 'Compose',
      description:
        "Entrypoint in place of the image's, in the forms of `command`; the image's command goes with it. An empty one, `[]` or `\"\"`, takes the image's away and leaves its command.",
      short: 'entrypoint: /entrypoint.sh --verbose',
      long: 'entrypoint: ["/entrypoint.sh", "--verbose"]',
    }),
    user: key(parsed(z.union([filledText, z.number()], { error: 'must be text' }), String), {
      from: 'Compose',
      description: 'User, or `user:group`, that the container runs as.',
      fallback: { words: "the image's" },
      example: 'user: "1000:1000"',
    }),
    working_dir: key(
      parsed(z.string(), (path) => {
        if (isAbsolutePath(path)) return path;
        throw new UserError(`${JSON.stringify(path)} is no absolute path`);
      }),
      {
        from: 'Compose',
        description: 'Directory the command starts in.',
        fallback: { words: "the image's" },
        example: 'working_dir: /app',
      },
    ),
    stop_signal: key(
      parsed(z.union([z.string(), z.number()], { error: 'must be a signal such as SIGINT' }), (signal) => {
        if (/^(?:(?:SIG)?[A-Z][A-Z0-9]*(?:[+-]\d+)?|[1-9]\d?)$/.test(String(signal))) return String(signal);
        throw new UserError(`${JSON.stringify(signal)} is no signal`, {
          hint: 'Write its name, SIGINT, or its number.',
        });
      }),
      {
        from: 'Compose',
        description: 'Signal that asks the container to end.',
        fallback: { words: "the image's, else SIGTERM" },
        example: 'stop_signal: SIGINT',
      },
    ),
    labels: key(labels, {
      from: 'Compose',
      description:
        "Labels of the container. Names with `switchyard.` are reserved. An environment's labels are merged over these by name.",
      short: 'labels: ["com.example.team=shop"]',
      long: 'labels:\n  com.example.team: shop',
    }),
    volumes: key(volumes, {
      from: 'Compose',
      description:
        "Volumes (`name:/target`), directories of the server (`/path:/target`), files and folders of the repository (`./path:/target:ro`) and scratch space (`type: tmpfs`). A volume is made on first use as `{project}_{env}_{name}` and never removed. What is of the repository is delivered with each release, and read-only. An environment's list replaces the other.",
      short: 'volumes: ["assets:/srv/assets:ro", "/etc/ssl/certs:/etc/ssl/certs:ro"]',
      long: 'volumes:\n  - { type: volume, source: assets, target: /srv/assets, read_only: true }\n  - { type: tmpfs, target: /tmp }',
    }),
    restart: key(checked(parseRestart), {
      from: 'Compose',
      description:
        'When the engine starts the container again: `"no"`, `always`, `unless-stopped`, `on-failure` or `on-failure:n`.',
      fallback: { value: DEFAULTS.restart },
      example: 'restart: on-failure:3',
    }),
    logging: key(
      closed({
        driver: key(filledText, {
          from: 'Compose',
          description: 'Log driver of the engine.',
          fallback: { value: DEFAULTS.logging.driver },
          example: 'driver: journald',
        }),
        options: key(
          parsed(
            z.record(z.string(), z.union([text, z.number()], { error: 'must be text or a number' })),
            (map) => Object.fromEntries(Object.entries(map).map(([name, value]) => [name, String(value)])),
          ),
          {
            from: 'Compose',
            description:
              'Options of the driver. For `json-file` those of the default that are not named stay.',
            fallback: { value: DEFAULTS.logging.options },
            example: 'options: { max-size: 50m }',
          },
        ),
      }),
      { from: 'Compose', description: 'Where the output of the container goes.' },
    ),
    deploy: key(deploy, {
      from: 'Compose',
      description: 'Resources of the container; the rest of Compose’s `deploy` has its own words here.',
    }),
    cpus: key(cpus, {
      from: 'Compose',
      description: 'The short word for `deploy.resources.limits.cpus`.',
      fallback: { words: 'without limit' },
      example: 'cpus: 0.5',
    }),
    mem_limit: key(memory, {
      from: 'Compose',
      description: 'The short word for `deploy.resources.limits.memory`.',
      fallback: { words: 'without limit' },
      example: 'mem_limit: 512m',
    }),
    mem_reservation: key(bytes, {
      from: 'Compose',
      description: 'The short word for `deploy.resources.reservations.memory`.',
      example: 'mem_reservation: 128m',
    }),
    pids_limit: key(pidsOrNoLimit, {
      from: 'Compose',
      description: 'The short word for `deploy.resources.limits.pids`; -1 is without limit.',
      fallback: { words: 'without limit' },
      example: 'pids_limit: 200',
    }),
    ...containerOptionKeys,
    scale: key(replicas, {
      from: 'Compose',
      description: 'Compose’s older word for `replicas`.',
      fallback: { value: DEFAULTS.replicas },
      example: 'scale: 2',
    }),
    attach: key(flag, {
      from: 'Compose',
      description:
        'Accepted so that a block of Compose pastes in unchanged, and without effect: it is for `docker compose up`, which shows the output of containers.',
      example: 'attach: false',
    }),
    develop: key(z.unknown(), {
      from: 'Compose',
      description:
        'Accepted so that a block of Compose pastes in unchanged, and without effect: it is for `docker compose watch`.',
      example: 'develop: { watch: [{ path: ., action: rebuild }] }',
    }),
  },
  SERVICE_REFUSALS,
).meta({ id: 'service' });

/** The names of all keys of a service. */
export const serviceKeys: readonly string[] = Object.keys(service.shape);

/** A service as the file has it, checked key by key, in plain units, without defaults. */
export type ServiceInput = z.infer<typeof service>;

/** A map of services. Names are checked for themselves: zod looks at no value whose key is wrong. */
export const services = z.record(z.string().meta({ pattern: NAME_PATTERN.source }), service);
