/*
 * Keys of a Compose service that say something about its container and mean nothing to Switchyard: one table, from which
 * the schema, the reference page, the request to the engine and the comparison with what runs are made. A key that the
 * file does not name is in no release: what the engine or the image gives holds then.
 */

/** A limit of Linux for one process. */
export interface Ulimit {
  soft: number;
  hard: number;
}

/** A device of the server, or one by its CDI name (`vendor.com/class=name`), which has no target. */
export interface DeviceMapping {
  source: string;
  target?: string;
  permissions?: string;
}

/** Devices that a driver of the engine hands out. */
export interface DeviceRequest {
  driver?: string;
  /** How many; -1 are all. */
  count?: number;
  ids?: string[];
  capabilities: string[];
  options?: Record<string, string>;
}

/** The share of the disks. */
export interface BlockIo {
  weight?: number;
  weight_device?: { path: string; weight: number }[];
  device_read_bps?: { path: string; rate: number }[];
  device_read_iops?: { path: string; rate: number }[];
  device_write_bps?: { path: string; rate: number }[];
  device_write_iops?: { path: string; rate: number }[];
}

/** What an option is, once it was read, by the name of its form in the file. */
export interface OptionForms {
  text: string;
  hostname: string;
  platform: string;
  choice: string;
  flag: boolean;
  size: number;
  'size or -1': number;
  'whole number': number;
  microseconds: number;
  /** A list, or one alone. */
  words: string[];
  map: Record<string, string>;
  /** Without `CAP_`, in upper case. */
  capabilities: string[];
  'security options': string[];
  /** `name:address`. */
  hosts: string[];
  /** Options by path. */
  'scratch space': Record<string, string>;
  /** `3000/tcp`. */
  ports: string[];
  ulimits: Record<string, Ulimit>;
  devices: DeviceMapping[];
  'device requests': DeviceRequest[];
  'block io': BlockIo;
}

/** Values of the engine's fields by their paths: `HostConfig.ShmSize`. */
export type EngineFields = Record<string, unknown>;

/** One option: its form in the file, what it is for, and the fields of the engine's request that it becomes. */
export interface Option<F extends keyof OptionForms> {
  form: F;
  /** Its meaning, in whole sentences. */
  description: string;
  /** Examples, as YAML. */
  example?: string;
  short?: string;
  long?: string;
  /** What holds where the file says nothing, in words. */
  fallback?: string;
  /** The value that says nothing: it is left out, as if the key were not there. */
  unsaid?: OptionForms[F];
  /** Of a whole number: the least and the most. */
  range?: readonly [number, number];
  /** Of a choice: what there is, and why not the rest. */
  choices?: readonly string[];
  otherwise?: string;
  /** The fields it becomes, with its value unless `toFields` says otherwise. */
  fields: readonly string[];
  toFields?: (value: OptionForms[F]) => EngineFields;
  /**
   * How it is found again. `equal` unless given; `contained`: the engine or the image add more; `droppable`: an engine
   * whose kernel cannot do it leaves it out with a warning, and a new container would not have it either.
   */
  compared?: 'contained' | 'droppable';
}

/** Keeps the form of each option in its type. */
function option<F extends keyof OptionForms>(form: F, rest: Omit<Option<F>, 'form'>): Option<F> {
  return { form, ...rest };
}

const LINUX_SHARES = 'it is dropped by a kernel that cannot do it';
const OWN_NAMESPACE = 'a container here is replaced by itself, so nothing can live inside another one';

/** CONTAINER_OPTIONS is the table; each key has Compose's name and meaning. */
export const CONTAINER_OPTIONS = {
  hostname: option('hostname', {
    description:
      'Name that the container has for itself. Old and new side have the same one. Other services find it by `depends_on`, not by this.',
    fallback:
      'the id of the container; the name of the service for images that keep data under it (`rabbitmq`)',
    example: 'hostname: broker-1',
    fields: ['Config.Hostname'],
  }),
  domainname: option('hostname', {
    description: 'Domain that the container has for itself.',
    example: 'domainname: shop.internal',
    fields: ['Config.Domainname'],
  }),
  init: option('flag', {
    description:
      'Whether a small init process is PID 1, which passes signals on and reaps children. Images with an init of their own (s6, linuxserver.io) need `false`.',
    fallback: '`true`',
    unsaid: true,
    example: 'init: false',
    fields: ['HostConfig.Init'],
  }),
  tty: option('flag', {
    description: 'Whether the container has a terminal.',
    fallback: '`false`',
    unsaid: false,
    example: 'tty: true',
    fields: ['Config.Tty'],
  }),
  stdin_open: option('flag', {
    description: 'Whether its standard input stays open though nobody is attached.',
    fallback: '`false`',
    unsaid: false,
    example: 'stdin_open: true',
    fields: ['Config.OpenStdin'],
  }),
  read_only: option('flag', {
    description:
      'Whether the container may only read its own file system; `volumes` and `tmpfs` can be written.',
    fallback: '`false`',
    unsaid: false,
    example: 'read_only: true',
    fields: ['HostConfig.ReadonlyRootfs'],
  }),
  tmpfs: option('scratch space', {
    description:
      'Paths in memory, each with the options of `mount` if any. They are empty in every new container.',
    short: 'tmpfs: /run',
    long: 'tmpfs: ["/run", "/tmp:size=64m,mode=1777"]',
    fields: ['HostConfig.Tmpfs'],
  }),
  shm_size: option('size', {
    description: 'Size of `/dev/shm`.',
    fallback: "the engine's, 64m",
    example: 'shm_size: 256m',
    fields: ['HostConfig.ShmSize'],
  }),
  expose: option('ports', {
    description:
      'Ports that the image listens on, for people and tools who read `docker inspect`. The one that gets traffic is `port`.',
    example: 'expose: ["9090", "8125/udp"]',
    fields: ['Config.ExposedPorts'],
    toFields: (ports) => ({ 'Config.ExposedPorts': Object.fromEntries(ports.map((port) => [port, {}])) }),
    compared: 'contained',
  }),
  extra_hosts: option('hosts', {
    description: 'Names with addresses for `/etc/hosts`; `host-gateway` is the address of the server.',
    short: 'extra_hosts: ["host.docker.internal:host-gateway"]',
    long: 'extra_hosts:\n  printer.internal: 10.0.0.9',
    fields: ['HostConfig.ExtraHosts'],
  }),
  dns: option('words', {
    description: 'Name servers in place of those of the server.',
    short: 'dns: 10.0.0.53',
    long: 'dns: [10.0.0.53, 10.0.1.53]',
    fields: ['HostConfig.Dns'],
  }),
  dns_opt: option('words', {
    description: 'Options of the resolver.',
    example: 'dns_opt: ["timeout:2"]',
    fields: ['HostConfig.DnsOptions'],
  }),
  dns_search: option('words', {
    description: 'Domains that short names are looked up in.',
    example: 'dns_search: [shop.internal]',
    fields: ['HostConfig.DnsSearch'],
  }),
  group_add: option('words', {
    description: 'Groups that the user of the container is in as well, by name or number.',
    example: 'group_add: ["998"]',
    fields: ['HostConfig.GroupAdd'],
  }),
  cap_add: option('capabilities', {
    description: 'Capabilities of Linux that the container has beside the usual ones.',
    example: 'cap_add: [NET_ADMIN]',
    fields: ['HostConfig.CapAdd'],
  }),
  cap_drop: option('capabilities', {
    description: 'Capabilities of Linux that are taken from it.',
    example: 'cap_drop: [ALL]',
    fields: ['HostConfig.CapDrop'],
  }),
  privileged: option('flag', {
    description:
      'Whether the container may do all that root of the server may. A plan warns of it: whoever breaks into this service has the server, and all that runs there.',
    fallback: '`false`',
    unsaid: false,
    example: 'privileged: true',
    fields: ['HostConfig.Privileged'],
  }),
  security_opt: option('security options', {
    description:
      'Options of the security modules: `no-new-privileges:true`, `apparmor:unconfined`, `seccomp:unconfined`, `label:…`, `systempaths=unconfined`. A profile of seccomp in a file is refused: the engine of the server cannot read it.',
    example: 'security_opt: ["no-new-privileges:true"]',
    fields: ['HostConfig.SecurityOpt', 'HostConfig.MaskedPaths', 'HostConfig.ReadonlyPaths'],
    toFields: (options) => {
      const others = options.filter((one) => one !== 'systempaths=unconfined');
      return {
        'HostConfig.SecurityOpt': others,
        ...(others.length < options.length && {
          'HostConfig.MaskedPaths': [],
          'HostConfig.ReadonlyPaths': [],
        }),
      };
    },
    // A privileged container gets label=disable beside.
    compared: 'contained',
  }),
  sysctls: option('map', {
    description:
      "Settings of the kernel that each container has for itself. An environment's are merged over these.",
    short: 'sysctls: ["net.core.somaxconn=1024"]',
    long: 'sysctls:\n  net.core.somaxconn: 1024',
    fields: ['HostConfig.Sysctls'],
  }),
  ulimits: option('ulimits', {
    description:
      'Limits of Linux for its processes: a number for both, or `soft` and `hard`; -1 is without limit.',
    short: 'ulimits: { nofile: 65536 }',
    long: 'ulimits:\n  memlock: { soft: -1, hard: -1 }',
    fields: ['HostConfig.Ulimits'],
    toFields: (limits) => ({
      'HostConfig.Ulimits': Object.entries(limits)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, { soft, hard }]) => ({ Name: name, Soft: soft, Hard: hard })),
    }),
    compared: 'contained',
  }),
  devices: option('devices', {
    description: 'Devices of the server, `/dev/a`, `/dev/a:/dev/b` or `/dev/a:/dev/b:rwm`, or by a CDI name.',
    short: 'devices: ["/dev/ttyUSB0:/dev/ttyUSB0"]',
    long: 'devices:\n  - { source: /dev/dri, target: /dev/dri, permissions: rw }',
    fields: ['HostConfig.Devices', 'HostConfig.DeviceRequests'],
    toFields: (devices) => {
      const mapped = devices.filter(({ target }) => target !== undefined);
      const named = devices.filter(({ target }) => target === undefined).map(({ source }) => source);
      return {
        ...(mapped.length > 0 && {
          'HostConfig.Devices': mapped.map(({ source, target, permissions }) => ({
            PathOnHost: source,
            PathInContainer: target,
            CgroupPermissions: permissions ?? 'rwm',
          })),
        }),
        ...(named.length > 0 && { 'HostConfig.DeviceRequests': [{ Driver: 'cdi', DeviceIDs: named }] }),
      };
    },
    compared: 'contained',
  }),
  device_cgroup_rules: option('words', {
    description: 'Kinds of devices that it may use: type, numbers and permissions.',
    example: 'device_cgroup_rules: ["c 188:* rmw"]',
    fields: ['HostConfig.DeviceCgroupRules'],
  }),
  gpus: option('device requests', {
    description:
      'Graphics processors: `all`, or a list of how many or which ones. The long word for it is `deploy.resources.reservations.devices`; both may stand together.',
    short: 'gpus: all',
    long: 'gpus:\n  - { driver: nvidia, count: 1 }',
    fields: ['HostConfig.DeviceRequests'],
    toFields: (requests) => ({
      'HostConfig.DeviceRequests': requests.map(({ driver, count, ids, capabilities, options }) => ({
        Driver: driver ?? '',
        Count: count ?? 0,
        DeviceIDs: ids ?? [],
        Capabilities: [capabilities],
        Options: options ?? {},
      })),
    }),
    compared: 'contained',
  }),
  ipc: option('choice', {
    description: 'Whose shared memory the container sees.',
    fallback: "the engine's, `private`",
    choices: ['private', 'shareable', 'host', 'none'],
    otherwise: OWN_NAMESPACE,
    example: 'ipc: host',
    fields: ['HostConfig.IpcMode'],
  }),
  pid: option('choice', {
    description: 'Whose processes the container sees: with `host` those of the server.',
    fallback: 'its own',
    choices: ['host'],
    otherwise: OWN_NAMESPACE,
    example: 'pid: host',
    fields: ['HostConfig.PidMode'],
  }),
  uts: option('choice', {
    description: 'With `host` it has the name of the server for itself.',
    fallback: 'its own',
    choices: ['host'],
    example: 'uts: host',
    fields: ['HostConfig.UTSMode'],
  }),
  userns_mode: option('choice', {
    description: 'With `host` its users are those of the server, also where the engine maps them.',
    fallback: "the engine's",
    choices: ['host'],
    example: 'userns_mode: host',
    fields: ['HostConfig.UsernsMode'],
  }),
  cgroup: option('choice', {
    description: 'Whose control groups the container sees.',
    fallback: "the engine's",
    choices: ['host', 'private'],
    example: 'cgroup: host',
    fields: ['HostConfig.CgroupnsMode'],
  }),
  cgroup_parent: option('text', {
    description: 'Control group that the one of the container is made in.',
    example: 'cgroup_parent: shop.slice',
    fields: ['HostConfig.CgroupParent'],
  }),
  cpu_shares: option('whole number', {
    description: 'Its weight when CPUs are short; others have 1024.',
    range: [2, 262_144],
    example: 'cpu_shares: 512',
    fields: ['HostConfig.CpuShares'],
    compared: 'droppable',
  }),
  cpu_period: option('microseconds', {
    description: 'Period of the quota of CPU time, in microseconds or as a duration.',
    example: 'cpu_period: 100000',
    fields: ['HostConfig.CpuPeriod'],
    compared: 'droppable',
  }),
  cpu_quota: option('microseconds', {
    description: 'CPU time that it has in each `cpu_period`, in microseconds. Not together with `cpus`.',
    example: 'cpu_quota: 50000',
    fields: ['HostConfig.CpuQuota'],
    compared: 'droppable',
  }),
  cpu_rt_period: option('microseconds', {
    description: 'The same for the scheduler of real time.',
    example: 'cpu_rt_period: 1000000',
    fields: ['HostConfig.CpuRealtimePeriod'],
    compared: 'droppable',
  }),
  cpu_rt_runtime: option('microseconds', {
    description: 'CPU time that it has in each `cpu_rt_period`.',
    example: 'cpu_rt_runtime: 950ms',
    fields: ['HostConfig.CpuRealtimeRuntime'],
    compared: 'droppable',
  }),
  cpuset: option('text', {
    description: 'CPUs that it may run on, by number.',
    example: 'cpuset: "0-2"',
    fields: ['HostConfig.CpusetCpus'],
    compared: 'droppable',
  }),
  cpu_count: option('whole number', {
    description: `How many CPUs it may use, where the engine counts them; on Linux ${LINUX_SHARES}: use \`cpus\`.`,
    range: [0, 10_000],
    example: 'cpu_count: 2',
    fields: ['HostConfig.CpuCount'],
    compared: 'droppable',
  }),
  cpu_percent: option('whole number', {
    description: `Part of the CPUs it may use, where the engine counts so; on Linux ${LINUX_SHARES}: use \`cpus\`.`,
    range: [0, 100],
    example: 'cpu_percent: 50',
    fields: ['HostConfig.CpuPercent'],
    compared: 'droppable',
  }),
  memswap_limit: option('size or -1', {
    description:
      'Memory and swap that it may use together, at least its limit of memory; -1 is without limit.',
    fallback: 'twice the limit of memory',
    example: 'mem_limit: 256m\nmemswap_limit: 512m',
    fields: ['HostConfig.MemorySwap'],
    compared: 'droppable',
  }),
  mem_swappiness: option('whole number', {
    description: 'How readily its memory is swapped out, from 0 to 100.',
    range: [0, 100],
    example: 'mem_swappiness: 10',
    fields: ['HostConfig.MemorySwappiness'],
    compared: 'droppable',
  }),
  oom_kill_disable: option('flag', {
    description: `Whether it is left alone when it wants more memory than its limit: it hangs then; ${LINUX_SHARES}.`,
    fallback: '`false`',
    unsaid: false,
    example: 'oom_kill_disable: true',
    fields: ['HostConfig.OomKillDisable'],
    compared: 'droppable',
  }),
  oom_score_adj: option('whole number', {
    description:
      'How readily it is ended when the server is short of memory, from -1000 (never) to 1000 (first).',
    range: [-1000, 1000],
    example: 'oom_score_adj: -500',
    fields: ['HostConfig.OomScoreAdj'],
  }),
  blkio_config: option('block io', {
    description: 'Its share of the disks.',
    long: 'blkio_config:\n  weight: 300\n  device_read_bps: [{ path: /dev/sda, rate: 12mb }]',
    fields: [
      'HostConfig.BlkioWeight',
      'HostConfig.BlkioWeightDevice',
      'HostConfig.BlkioDeviceReadBps',
      'HostConfig.BlkioDeviceReadIOps',
      'HostConfig.BlkioDeviceWriteBps',
      'HostConfig.BlkioDeviceWriteIOps',
    ],
    toFields: (io) => {
      const rates = (list: { path: string; rate: number }[] | undefined) =>
        list?.map(({ path, rate }) => ({ Path: path, Rate: rate }));
      return withoutUndefined({
        'HostConfig.BlkioWeight': io.weight,
        'HostConfig.BlkioWeightDevice': io.weight_device?.map(({ path, weight }) => ({
          Path: path,
          Weight: weight,
        })),
        'HostConfig.BlkioDeviceReadBps': rates(io.device_read_bps),
        'HostConfig.BlkioDeviceReadIOps': rates(io.device_read_iops),
        'HostConfig.BlkioDeviceWriteBps': rates(io.device_write_bps),
        'HostConfig.BlkioDeviceWriteIOps': rates(io.device_write_iops),
      });
    },
    compared: 'droppable',
  }),
  platform: option('platform', {
    description:
      'Platform that the image is pulled for, and the container made for. Another one than that of the server needs an emulator there.',
    fallback: 'that of the server',
    example: 'platform: linux/amd64',
    fields: [],
  }),
  runtime: option('text', {
    description: 'Runtime of the engine that starts the container; the server must have it.',
    fallback: "the engine's",
    example: 'runtime: nvidia',
    fields: ['HostConfig.Runtime'],
  }),
  isolation: option('choice', {
    description: 'How it is kept apart; Linux has one way.',
    fallback: '`default`',
    unsaid: 'default',
    choices: ['default'],
    otherwise: 'the rest is for Windows',
    example: 'isolation: default',
    fields: [],
  }),
  storage_opt: option('map', {
    description: 'Options of the storage driver of the engine.',
    example: 'storage_opt: { size: 20G }',
    fields: ['HostConfig.StorageOpt'],
  }),
  annotations: option('map', {
    description: 'Annotations for the runtime; an engine older than Docker 24 drops them.',
    short: 'annotations: ["com.example.team=shop"]',
    long: 'annotations:\n  com.example.team: shop',
    fields: ['HostConfig.Annotations'],
    compared: 'droppable',
  }),
} satisfies { [name: string]: { [F in keyof OptionForms]: Option<F> }[keyof OptionForms] };

/** The name of an option, as in the file. */
export type OptionName = keyof typeof CONTAINER_OPTIONS;

/** What a service says of its container beside what Switchyard itself knows of; absent is not said. */
export type ContainerOptions = {
  [N in OptionName]?: OptionForms[(typeof CONTAINER_OPTIONS)[N]['form']];
};

/** optionNames returns the names of all options, in the order of the table. */
export function optionNames(): OptionName[] {
  return Object.keys(CONTAINER_OPTIONS) as OptionName[];
}

/** optionRow returns what the table says of an option, whatever its form. */
export function optionRow(name: OptionName): Option<keyof OptionForms> {
  return CONTAINER_OPTIONS[name] as unknown as Option<keyof OptionForms>;
}

/** saidOptions returns the options that say something: those with the value that holds anyway are left out. */
export function saidOptions(options: ContainerOptions): ContainerOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => {
      const { unsaid } = optionRow(name as OptionName);
      return value !== undefined && (unsaid === undefined || value !== unsaid);
    }),
  );
}

function withoutUndefined(fields: EngineFields): EngineFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
