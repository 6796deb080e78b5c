import * as z from 'zod';
import { UserError } from '../../model/errors.ts';
import { NAME_PATTERN, NAME_RULE } from '../../model/names.ts';
import { parseHost, parsePrivateIp, parseServerName, parseUser } from '../address.ts';
import { DEFAULTS } from '../defaults.ts';
import { parseHostKey } from '../host-key.ts';
import { bootstrap } from './bootstrap.ts';
import { configs } from './configs.ts';
import { closed, key, parsed, type Refusals, requiredKey } from './key.ts';
import { maintenance } from './maintenance.ts';
import { ENVIRONMENT_REFUSALS, LOCAL_REFUSALS, refusalsOfServiceKeys } from './refusals.ts';
import { oneOrMany, port } from './scalars.ts';
import { ageRecipients, secretDefinitions } from './secrets.ts';
import { serviceKeys, services } from './service.ts';
import { edge, retainReleases, sidecar } from './settings.ts';
import { tls } from './tls.ts';

const host = parsed(z.string(), parseHost);
const user = parsed(z.string(), parseUser);
const hostKey = oneOrMany(parsed(z.string(), parseHostKey), 'a host key');

const HOST_KEY_DOC = {
  description:
    'Public key of the server, one or several, each `type base64 [comment]`. Only these are accepted. Without one the run fails and prints the line to add.',
  short: 'host_key: "ssh-ed25519 AAAA…"',
  long: 'host_key:\n  - ssh-ed25519 AAAA…\n  - ecdsa-sha2-nistp256 AAAA…',
};

const zone = parsed(z.string(), (name) => {
  if (NAME_PATTERN.test(name)) return name;
  throw new UserError(`zone name ${JSON.stringify(name)} is not allowed`, { hint: `Use ${NAME_RULE}.` });
});

const server = closed({
  name: key(parsed(z.string(), parseServerName), {
    description:
      'By which the server is known everywhere: in output, in inputs such as `exclude-servers`, in the record. Lower-case letters, digits, dots and hyphens; no two servers of an environment have the same one. It stays when the address changes.',
    fallback: { words: "the server's `host`" },
    example: 'name: web-1',
  }),
  host: requiredKey(host, {
    description: 'Address that SSH connects to, an IP address or a DNS name.',
    example: 'host: 203.0.113.10',
  }),
  private_ip: key(parsed(z.string(), parsePrivateIp), {
    description:
      'Address by which the other servers of the zone reach this one. Host ports are bound to it alone. Required when the zone has several servers.',
    example: 'private_ip: 10.0.0.2',
  }),
  port: key(port, {
    description: 'Port of SSH.',
    fallback: { value: DEFAULTS.server.port },
    example: 'port: 2222',
  }),
  zone: key(zone, {
    description: 'Region of the server. All servers of a zone share a private network.',
    fallback: { value: DEFAULTS.server.zone },
    example: 'zone: lon1',
  }),
  user: key(user, {
    description: 'Login on the server; being in the group `docker` is enough.',
    fallback: { words: "the environment's `user`; one of the two is required" },
    example: 'user: deploy',
  }),
  host_key: key(hostKey, HOST_KEY_DOC),
  jump: key(
    closed({
      host: requiredKey(host, { description: 'Address of the jump host.', example: 'host: 203.0.113.1' }),
      port: key(port, {
        description: 'Port of its SSH.',
        fallback: { value: DEFAULTS.server.port },
        example: 'port: 2222',
      }),
      user: key(user, {
        description: 'Login on the jump host.',
        fallback: { words: "the server's `user`" },
        example: 'user: jump',
      }),
      host_key: key(hostKey, HOST_KEY_DOC),
    }),
    { description: 'Host on the way to the server, which SSH connects through.' },
  ),
}).meta({ id: 'server' });

/** A server as the file has it. */
export type ServerInput = z.infer<typeof server>;

/** nameOf returns what a server is known by. */
export function nameOf({ name, host }: Pick<ServerInput, 'name' | 'host'>): string {
  return name ?? host;
}

/** isSameMachine tells whether two servers are reached by one address, on one way. */
function isSameMachine(one: ServerInput, other: ServerInput): boolean {
  const wayOf = ({ host, port, jump }: ServerInput): string =>
    JSON.stringify([host, port ?? DEFAULTS.server.port, jump?.host]);
  return wayOf(one) === wayOf(other);
}

/** checkServers reports what is wrong among servers that are right each by itself. */
function checkServers(
  environment: { user?: string | undefined; bootstrap?: unknown; servers: readonly ServerInput[] },
  report: (path: (string | number)[], message: string, hint?: string) => void,
): void {
  const { servers } = environment;
  servers.forEach((server, index) => {
    const earlier = servers.slice(0, index);
    const zoneOf = ({ zone }: ServerInput): string => zone ?? DEFAULTS.server.zone;
    const name = nameOf(server);
    const namesake = earlier.findIndex((other) => nameOf(other) === name);
    if (earlier.some((other) => isSameMachine(other, server))) {
      report(['servers', index, 'host'], `server ${server.host} is there twice`);
    } else if (namesake !== -1) {
      report(
        ['servers', index, server.name === undefined ? 'host' : 'name'],
        `name ${name} is that of servers[${namesake}] (${earlier[namesake]?.host}) already`,
        'A server is known by its name alone: give each one of its own.',
      );
    }
    if (
      server.private_ip !== undefined &&
      earlier.some(({ private_ip }) => private_ip === server.private_ip)
    ) {
      report(['servers', index, 'private_ip'], `private_ip ${server.private_ip} is there twice`);
    }
    const neighbours = servers.filter((other) => zoneOf(other) === zoneOf(server)).length;
    if (server.private_ip === undefined && neighbours > 1) {
      report(
        ['servers', index],
        `server ${name} needs a private_ip: ${neighbours} servers stand in zone ${zoneOf(server)}`,
        'Servers of a zone reach each other by it.',
      );
    }
    if (environment.bootstrap && (server.user ?? environment.user) === 'root') {
      report(
        ['servers', index],
        `server ${name} is set up for the user root, which nobody can log in as afterwards`,
        'Name the user that deploys shall be made for, for example "user: deploy". Who logs in before it is there is bootstrap.login.',
      );
    }
    if ((server.user ?? environment.user) === undefined) {
      report(
        ['servers', index],
        `server ${name} has no user`,
        'Write user at the environment or at the server.',
      );
    }
  });
}

const overrides = key(services, {
  description:
    'Services of this environment, merged over `services` by key: maps are merged, lists and single values replaced. A service may stand here only.',
  example: 'services:\n  api: { environment: { LOG_LEVEL: warn } }',
});

/** What an environment has in place of what the file has at its top, whatever its provider. */
const own = {
  configs: key(configs, {
    description:
      'Files that services can be given in this environment, in place of those of the same names at the top.',
    example: 'configs:\n  loki: { file: ./loki.staging.yml }',
  }),
  secrets: key(secretDefinitions, {
    description:
      'Where the values of secrets come from in this environment, in place of what `secrets` at the top says.',
    example: 'secrets:\n  api_token: { environment: STAGING_API_TOKEN }',
  }),
  age_recipients: key(ageRecipients, {
    description:
      'Who can open the encrypted copies of the generated secrets of this environment, in place of what stands at the top.',
    example: 'age_recipients: [age1…]',
  }),
  sidecar: key(sidecar, {
    description: 'Settings of nginx in this environment, laid over those at the top by key.',
    example: 'sidecar: { adopt: front }',
  }),
  edge: key(edge, {
    description:
      'Settings of the edge in this environment, laid over those at the top by key. Environments that share a server have the same.',
    example: 'edge: { trusted_proxies: cloudflare }',
  }),
  tls: key(tls, {
    description: 'HTTPS of the domains in this environment, laid over what `tls` at the top says by key.',
    example: 'tls: { staging: true }',
  }),
  retain_releases: key(retainReleases, {
    description: 'How many releases of each service are kept in this environment.',
    fallback: { words: 'what `retain_releases` at the top says' },
    example: 'retain_releases: 5',
  }),
  maintenance: key(maintenance, {
    description:
      'Maintenance of all services of this environment that users reach, laid over what the top says by key; a service may say otherwise.',
    short: 'maintenance: true',
    long: 'maintenance: { page: ./maintenance.html, allow: [203.0.113.0/24] }',
  }),
  services: overrides,
};

const REFUSALS: Refusals = { ...refusalsOfServiceKeys(serviceKeys), ...ENVIRONMENT_REFUSALS };

const staticEnvironment = closed(
  {
    provider: requiredKey(z.literal('static'), {
      description: 'Servers that exist already, reached over SSH.',
      example: 'provider: static',
    }),
    user: key(user, {
      description: 'Login on all servers that do not name one.',
      example: 'user: deploy',
    }),
    servers: requiredKey(z.array(server).min(1, { error: 'must have at least one server' }), {
      description: 'The servers.',
      example:
        'servers:\n  - { host: 203.0.113.10, private_ip: 10.0.0.2, zone: lon1, host_key: "ssh-ed25519 AAAA…" }',
    }),
    bootstrap: key(bootstrap, {
      description:
        'The action `provision` sets the servers up: Docker, the deploy user, SSH, a firewall, security updates. `true` is a map without keys.',
      short: 'bootstrap: true',
      long: 'bootstrap: { login: ubuntu, open_ports: [51820/udp] }',
    }),
    on_partial_failure: key(z.enum(['revert', 'keep']), {
      description:
        'What becomes of the other servers when a switch fails on some of them: `revert` brings all back to the old version; `keep` leaves the new one where it is proven, and leaves the failing servers out until the next run. The run fails either way.',
      fallback: { value: DEFAULTS.on_partial_failure },
      example: 'on_partial_failure: keep',
    }),
    ...own,
  },
  REFUSALS,
).superRefine((environment, context) => {
  checkServers(environment, (path, message, hint) => {
    context.addIssue({ code: 'custom', path, message, params: { hint } });
  });
});

const localEnvironment = closed(
  {
    provider: requiredKey(z.literal('local'), {
      description: 'The Docker engine of the machine that runs the action.',
      example: 'provider: local',
    }),
    ...own,
  },
  { ...REFUSALS, ...LOCAL_REFUSALS },
);

/** An environment: where services run, and what is different there. */
export const environment = z
  .discriminatedUnion('provider', [staticEnvironment, localEnvironment], { error: 'must be static or local' })
  .meta({ id: 'environment' });

/** An environment as the file has it. */
export type EnvironmentInput = z.infer<typeof environment>;
