import type { Refusals } from './key.ts';

const UNNEEDED =
  'the network and names of an environment are made by Switchyard; services reach each other through depends_on.';
const NOT_YET = 'it comes with a later version; until then name an image.';
const DEPLOY_LIMITS = 'write it under deploy.resources.limits.';

/** Keys of a Compose service that we do not take. */
export const SERVICE_REFUSALS: Refusals = {
  build:
    'images come from the build-push action or another builder; name the result as image, or pass it as input images.',
  preset: NOT_YET,
  version: NOT_YET,
  ports:
    'write the one port the container listens on as port; nothing is published to the world but the domains.',
  expose: 'write the one port the container listens on as port.',
  networks: UNNEEDED,
  network_mode: UNNEEDED,
  links: UNNEEDED,
  external_links: UNNEEDED,
  hostname: UNNEEDED,
  container_name:
    'containers are named by Switchyard, {project}_{env}_{service}, because two stand side by side during a deploy.',
  env_file: 'there is no checkout on the server; write environment, or secrets for what must not be read.',
  configs: 'there is no checkout on the server; put the files into the image or a volume.',
  scale: 'write servers: on so many servers it stands, once on each.',
  tmpfs: 'write it under volumes, as { type: tmpfs, target: /path }.',
  init: 'every container is started with an init process already.',
  mem_limit: `${DEPLOY_LIMITS} Its name there is memory.`,
  mem_reservation: 'write it as deploy.resources.reservations.memory.',
  cpus: DEPLOY_LIMITS,
  pids_limit: `${DEPLOY_LIMITS} Its name there is pids.`,
  extends: 'use a YAML anchor (&name, *name, <<) below a key that begins with x-.',
  profiles: 'write the service under environments.<name>.services to have it in that environment only.',
  privileged: 'a service must not own its server.',
  platform: 'an image is pulled for the platform of the server.',
};

/** Keys of Compose's `deploy` that we do not take. */
export const DEPLOY_REFUSALS: Refusals = {
  replicas: 'write servers at the service: on so many servers it stands, once on each.',
  mode: 'write servers at the service.',
  placement: 'write zones at the service.',
  restart_policy: 'write restart at the service.',
  update_config: 'write strategy and healthcheck at the service.',
  rollback_config: 'a side that is not healthy is always removed, and the old one stays.',
  labels: 'write labels at the service.',
  endpoint_mode: UNNEEDED,
};

/** Keys at the top of a Compose file that we do not take. */
export const TOP_REFUSALS: Refusals = {
  name: 'its word here is project.',
  version: 'Compose has given it up, and it never had a meaning here.',
  networks: UNNEEDED,
  volumes: 'a named volume is made on first use; just name it at the service.',
  secrets: 'name the secrets at the service that needs them, and pass their values as the input secrets.',
  configs: 'there is no checkout on the server; put the files into the image or a volume.',
  include: 'one file describes a project.',
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
