import { variableName } from '../../model/names.ts';
import type { Refusals } from './key.ts';

const UNNEEDED =
  'the network and names of an environment are made by Switchyard; services reach each other through depends_on.';

const WHERE_MOUNTED =
  'it belongs to the step that reads it: RUN --mount=type=secret,id=…,uid=…,gid=…,mode=….';

/** Keys of a Compose service that we do not take. */
export const SERVICE_REFUSALS: Refusals = {
  ports: {
    why: 'write the port the container listens on as port, and further ones by name as extra_ports; what speaks HTTP is reached by its domain, and what does not, from outside, by publish.',
    instead: (value) => {
      const [port, ...others] = containerPortsOf(value);
      const further = others.length > 0 ? `, and extra_ports: { <name>: ${others[0]} } for the other` : '';
      return (
        port &&
        `write port: ${port}${further}${others.length > 1 ? 's' : ''}; what speaks HTTP is reached by its domain, and what does not, from outside, by publish: [${port}].`
      );
    },
  },
  networks: UNNEEDED,
  network_mode: {
    why: 'edge and sidecar reach a container on the network of its environment only, where two of them can stand side by side; leave it out, and write port: the one that the container listens on.',
    instead: (value) => {
      const [, kind, name] = /^(service|container):(.+)$/.exec(String(value)) ?? [];
      if (value === 'bridge' || value === 'default')
        return 'leave it out: a container has a network of its own.';
      if (kind === undefined) return undefined;
      const other = variableName(String(name));
      return kind === 'service'
        ? `${name} is replaced by itself, and its network with it; write depends_on: [${name}], and use SWITCHYARD_${other}_HOST and _PORT in place of localhost.`
        : 'that container can be replaced at any time, and its network with it; reach it by an address.';
    },
  },
  links: UNNEEDED,
  external_links: UNNEEDED,
  mac_address: 'two containers of a service stand side by side on one network during a deploy.',
  container_name:
    'containers are named by Switchyard, {project}_{env}_{service}, because two stand side by side during a deploy.',
  label_file: 'write labels.',
  credential_spec: 'it is for Windows.',
  extends: 'use a YAML anchor (&name, *name, <<) below a key that begins with x-.',
  profiles: 'write the service under environments.<name>.services to have it in that environment only.',
  volumes_from: 'name the volumes of the other service under volumes of both.',
  models: 'no model runs beside a service; write its address under environment.',
  provider: 'a service here is a container; write what the provider made under environment.',
  post_start: 'write post_deploy: it is run once per release, when its containers have the traffic.',
  pre_stop: 'a container that goes is drained, and then gets stop_signal; do there what has to be done.',
  pull_refresh_after: 'write pull_policy: always; a deploy is when images are pulled.',
  use_api_socket:
    'whoever has the socket has the server; if the service is meant to, mount /var/run/docker.sock under volumes.',
};

/** containerPortsOf returns the ports of the container in Compose's `ports`, in all its forms, each once. */
function containerPortsOf(ports: unknown): string[] {
  const all: unknown[] = Array.isArray(ports) ? ports : [];
  const found = all.flatMap((one) => {
    const isLong = typeof one === 'object' && one !== null;
    const text = String(isLong ? ((one as { target?: unknown }).target ?? '') : (one ?? ''));
    return /(?:^|:)(\d{1,5})(?:\/tcp)?$/.exec(text)?.[1] ?? [];
  });
  return [...new Set(found)];
}

/** Keys of Compose's `deploy` that we do not take. */
export const DEPLOY_REFUSALS: Refusals = {
  placement: 'write zones at the service.',
  update_config: 'write strategy and healthcheck at the service.',
  rollback_config: 'a side that is not healthy is always removed, and the old one stays.',
  labels: 'write labels at the service.',
  endpoint_mode: UNNEEDED,
};

/** Keys of `deploy.resources.reservations` that we do not take. */
export const RESERVATION_REFUSALS: Refusals = {
  generic_resources: 'only Swarm counts them; an engine hands out devices by a driver, written as devices.',
};

/** Keys of Compose's `build` that we do not take. */
export const BUILD_REFUSALS: Refusals = {
  isolation: 'it is for Windows.',
  privileged:
    'BuildKit has another word for it: write entitlements: [security.insecure], and RUN --security=insecure in the Dockerfile.',
  no_cache_filter: 'write no_cache: true, or put what changes into an ARG before the step.',
};

/** Keys of a secret in Compose's `build.secrets` that we do not take. */
export const BUILD_SECRET_REFUSALS: Refusals = {
  uid: WHERE_MOUNTED,
  gid: WHERE_MOUNTED,
  mode: WHERE_MOUNTED,
};

/** Keys of Compose's long form of a volume that we do not take. */
export const MOUNT_REFUSALS: Refusals = {
  image: 'nobody pulls an image for a volume here; put the files into the image of the service.',
};

const OF_AN_ENVIRONMENT = 'write it at an environment, below environments.';
const OF_A_SERVER = 'write it at a server, below servers.';
const VARIABLES =
  'variables belong to a service: write environment or env_file there, and a YAML anchor (&name, *name) where several have the same.';

/** What stands at no service, be it for all environments or for one. */
const OUTSIDE_OF_SERVICES: Refusals = {
  version: 'Compose has given it up, and it never had a meaning here.',
  networks: UNNEEDED,
  volumes: 'a named volume is made on first use; just name it at the service.',
  include: 'one file describes a project.',
  environment: VARIABLES,
  env_file: VARIABLES,
  env: VARIABLES,
  vars: VARIABLES,
  variables: VARIABLES,
  host: OF_A_SERVER,
  host_key: OF_A_SERVER,
  private_ip: OF_A_SERVER,
  jump: OF_A_SERVER,
  zone: OF_A_SERVER,
};

/** Keys at the top of the file that we do not take: those of a Compose file, and what belongs further below. */
export const TOP_REFUSALS: Refusals = {
  ...OUTSIDE_OF_SERVICES,
  name: 'its word here is project.',
  provider: OF_AN_ENVIRONMENT,
  servers: OF_AN_ENVIRONMENT,
  user: OF_AN_ENVIRONMENT,
  on_partial_failure: OF_AN_ENVIRONMENT,
};

/** Keys of an environment that belong elsewhere. */
export const ENVIRONMENT_REFUSALS: Refusals = {
  ...OUTSIDE_OF_SERVICES,
  project:
    'a file has one project, whose name stands at its top; all that is made on a server has the name of the environment in it.',
  name: 'the name of an environment is its key below environments.',
  environments: 'environments stand side by side at the top of the file.',
  zones: 'a server names its zone, and a service the zones that it may stand in.',
};

/** refusalsOfServiceKeys refuses the keys of a service where there is none. */
export function refusalsOfServiceKeys(names: readonly string[]): Refusals {
  return Object.fromEntries(
    names.map((name) => [name, `it belongs to a service: write services: { <service>: { ${name}: … } }.`]),
  );
}

/** Keys of Compose's `configs` that we do not take. */
export const CONFIG_REFUSALS: Refusals = {
  name: 'only Swarm keeps files under names of their own.',
  labels: 'nobody would find them: a file is delivered into a container.',
  template_driver: 'only Swarm fills in templates; write content, where variables are replaced.',
};

/** Keys of a secret in Compose's `secrets` that we do not take. */
export const SECRET_REFUSALS: Refusals = {
  driver: 'it is for Swarm; write environment or file.',
  driver_opts: 'it is for Swarm.',
  template_driver: 'it is for Swarm; put a value together under environment of the service.',
  labels: 'a secret is no thing of the engine here, and has no labels.',
};

/** Options of Compose's long form of `depends_on` that we do not take. */
export const DEPENDENCY_REFUSALS: Refusals = {
  restart: 'a dependency is replaced behind its stable address; nothing that uses it need restart.',
  required: 'every service named here must be in the environment.',
};

/** Keys of an environment with the local provider that only servers elsewhere need. */
export const LOCAL_REFUSALS: Refusals = {
  servers: 'the local provider has one server, the machine that runs the action.',
  user: 'the local provider needs no login.',
  on_partial_failure: 'the local provider has one server, the machine that runs the action.',
};
