import { describe, expect, test } from '@jest/globals';
import { documentedSchema } from '../../../scripts/json-schema.ts';
import { loadEnvironment } from '../../../src/config/resolve.ts';
import { SERVICE_REFUSALS } from '../../../src/config/schema/refusals.ts';
import { CONTAINER_OPTIONS } from '../../../src/model/container-options.ts';
import { indented, localFile, messagesOf, resolveText } from './files.ts';

/**
 * The keys of a service in the Compose specification, schema/compose-spec.json of the repository
 * compose-spec/compose-spec, as of November 2026. A key that is new there is added here, and then taken or refused.
 */
const KEYS = `
  annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count
  cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy
  develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment expose extends
  external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links logging
  mac_address mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable
  oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider pull_policy
  pull_refresh_after read_only restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period
  stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes volumes_from working_dir`
  .trim()
  .split(/\s+/);

const taken = documentedSchema().$defs?.service?.properties ?? {};

describe('the keys of a Compose service', () => {
  test('are each taken, or refused with what to write instead', () => {
    const open = KEYS.filter((name) => !Object.hasOwn(taken, name) && !Object.hasOwn(SERVICE_REFUSALS, name));
    expect(open).toEqual([]);
    expect(Object.keys(taken).filter((name) => Object.hasOwn(SERVICE_REFUSALS, name))).toEqual([]);
  });

  test('are those that are marked as Compose’s', () => {
    const marked = Object.keys(taken).filter((name) => taken[name]?.from === 'Compose');
    expect(marked.filter((name) => !KEYS.includes(name))).toEqual([]);
    expect(Object.keys(CONTAINER_OPTIONS).filter((name) => !KEYS.includes(name))).toEqual([]);
  });
});

test('an extension key may stand in every map that has keys of its own', () => {
  const api = `
image: acme/api
port: 3000
x-note: 1
environment: { x-mine: stays }
healthcheck: { path: /, x-note: 1, headers: { x-mine: stays }, expect: { x-note: 1, json: { a: { x-mine: 1 } } } }
deploy: { x-note: 1, resources: { x-note: 1, limits: { cpus: 1, x-note: 1 } } }
volumes: [{ type: tmpfs, target: /t, x-note: 1, tmpfs: { size: 1m, x-note: 1 } }]`;
  const [spec] = resolveText(localFile(`api:\n${indented(api, 2)}`)).services;
  expect(spec?.container).toMatchObject({ environment: { 'x-mine': 'stays' }, resources: { cpus: 1 } });
  expect(spec?.policy.healthcheck).toMatchObject({
    headers: { 'x-mine': 'stays' },
    expect: { json: { a: { 'x-mine': 1 } } },
  });
});

test('all that is left out on purpose is told at once, each with what to write', () => {
  const api = `
image: acme/api
container_name: api
ports: ["127.0.0.1:8080:3000/tcp"]
networks: [front]
network_mode: host
links: [db]
deploy: { replicas: 30, placement: {} }`;
  expect(messagesOf(() => resolveText(localFile(`api:\n${indented(api, 2)}`)))).toEqual([
    expect.stringContaining('api.container_name: not supported: containers are named by Switchyard'),
    expect.stringContaining('api.ports: not supported: write port: 3000;'),
    expect.stringContaining('api.networks: not supported: '),
    expect.stringContaining('api.network_mode: not supported: '),
    expect.stringContaining('api.links: not supported: '),
    'services.api.deploy.replicas: must be 1 to 6, not 30',
    'services.api.deploy.placement: not supported: write zones at the service.',
  ]);
});

test('what does not hold between the other keys is told with it, in the order of the file', () => {
  const file = localFile(`
db:
  image: postgres:16
  container_name: db
  volumes: ["data:/var/lib/postgresql/data"]
api:
  image: acme/api
  ports: ["80:3000"]`);
  const load = (text: string) => messagesOf(() => loadEnvironment(text, 'switchyard.yml', {}, 'local'));
  expect(load(file)).toEqual([
    expect.stringContaining('services.db.container_name: not supported'),
    expect.stringContaining('services.db.volumes[0]: two containers would write to volume "data"'),
    expect.stringContaining('services.api.ports: not supported: write port: 3000;'),
  ]);
  // A typo leaves open what is meant: what would follow from it is not told.
  expect(load(file.replace('ports: ["80:3000"]', 'prot: 3000'))).toEqual([
    expect.stringContaining('services.db.container_name: not supported'),
    'services.api.prot: unknown key; did you mean "port"?',
  ]);
});

test.each([
  ['["80"]', '80'],
  ['[8080]', '8080'],
  ['["0.0.0.0:80:8080"]', '8080'],
  ['["443:8443/tcp"]', '8443'],
  ['[{ target: 3000, published: 80 }]', '3000'],
])('of ports: %s the error says port: %s', (ports, port) => {
  const file = localFile(`api: { image: acme/api, port: 1, ports: ${ports} }`);
  expect(messagesOf(() => resolveText(file))).toEqual([expect.stringContaining(`write port: ${port};`)]);
});
