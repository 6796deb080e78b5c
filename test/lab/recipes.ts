/** A Debian system that images are made on: unpacking one takes most of the time of a first build. */
export interface System {
  suite: string;
  packages: string[];
  /** Files that are there before the packages are set up, by path. */
  files?: Record<string, string>;
}

/** What a base image is made of: a Debian system, and Dockerfile lines on top of it. */
export interface Recipe {
  system: SystemName;
  /**
   * A folder beside this file whose Dockerfile (with `ARG BASE`, and arguments of its own) finishes the image; or the lines
   * themselves.
   */
  finish: { folder: string; args?: Record<string, string> } | { lines: string[] };
}

/** The Debian suites that lab servers come in: bookworm has engine 20.10, trixie 26.1, forky 28.5 with buildx. */
export type Suite = 'trixie' | 'bookworm' | 'forky';

/** The suites of bare servers: systemd of forky needs a newer machine than some labs have. */
export type BareSuite = 'trixie' | 'bookworm';

/** Databases that behave as the official images do, by its documentation: the presets stand on them. */
export type DatabaseImage = 'postgres:17' | 'postgres:18' | 'redis:8' | 'mariadb:11.8' | 'rabbitmq:4.3';

/** Names of the images the lab makes from Debian packages. */
export type BaseImage =
  | DatabaseImage
  | `server-${Suite}`
  | `bare-${BareSuite}`
  | 'nginx'
  | 'nginx-brotli'
  | 'node'
  | 'python'
  | 'redis'
  | 'registry'
  | 'restic'
  | 'stores';

const host = [
  'openssh-server',
  'sudo',
  'socat',
  'ca-certificates',
  'iproute2',
  'iptables',
  'procps',
  'libpam-modules',
];
const engine = [...host, 'docker.io', 'git'];
/** As little as a provider's image has, and the lab's door to its registry. */
const bare = [
  'systemd-sysv',
  'dbus',
  'openssh-server',
  'ca-certificates',
  'iproute2',
  'procps',
  'libpam-modules',
  'socat',
];
const server = { folder: 'images/server' };

/** The names of the systems. */
export type SystemName =
  | 'apps'
  | 'brotli'
  | 'python'
  | 'restic'
  | 'stores'
  | 'postgres-17'
  | 'postgres-18'
  | 'mariadb'
  | 'rabbitmq'
  | Suite
  | `bare-${BareSuite}`;

/** Images make databases of their own: one of Debian's would only fill the layer. */
const noCluster = { '/etc/postgresql-common/createcluster.conf': 'create_main_cluster = false\n' };

/** The systems of all base images. Images share one where they can, the programs of others do them no harm. */
export const systems: Record<SystemName, System> = {
  // What the lab deploys.
  apps: {
    suite: 'forky',
    packages: [
      ...['nginx', 'libnginx-mod-stream'],
      ...['nodejs', 'ca-certificates'],
      ...['redis-server', 'redis-tools'],
    ],
  },
  // An nginx with more modules than the official image has.
  brotli: { suite: 'forky', packages: ['nginx', 'libnginx-mod-stream', 'libnginx-mod-http-brotli-filter'] },
  // What the official image of Python has, at full size.
  python: { suite: 'trixie', packages: ['python3', 'python3-venv', 'python3-pip', 'ca-certificates'] },
  // What the official image of restic has.
  restic: { suite: 'forky', packages: ['restic', 'ca-certificates', 'openssh-client'] },
  // Where backups go. The suite of the images has no rclone.
  stores: { suite: 'trixie', packages: ['rclone', 'openssh-server', 'ca-certificates'] },
  'postgres-17': { suite: 'trixie', packages: ['postgresql-17', 'locales'], files: noCluster },
  'postgres-18': { suite: 'forky', packages: ['postgresql-18', 'locales'], files: noCluster },
  mariadb: { suite: 'forky', packages: ['mariadb-server', 'mariadb-client'] },
  rabbitmq: { suite: 'forky', packages: ['rabbitmq-server'] },
  // Debian split the client off docker.io after bookworm.
  trixie: { suite: 'trixie', packages: [...engine, 'docker-cli', 'docker-registry'] },
  bookworm: { suite: 'bookworm', packages: engine },
  forky: { suite: 'forky', packages: [...engine, 'docker-cli', 'docker-buildx'] },
  'bare-trixie': { suite: 'trixie', packages: bare },
  'bare-bookworm': { suite: 'bookworm', packages: bare },
};

const asOfficial = {
  lines: [
    'RUN ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log',
    'EXPOSE 80',
    'STOPSIGNAL SIGQUIT',
    'CMD ["nginx", "-g", "daemon off;"]',
  ],
};

/** Where postgres keeps its data moved with version 18. */
function postgres(system: 'postgres-17' | 'postgres-18', args: { DATA: string; VOLUME: string }): Recipe {
  return {
    system,
    finish: { folder: 'images/postgres', args: { MAJOR: system.slice('postgres-'.length), ...args } },
  };
}

/** The recipes of all base images. A changed recipe is a new image: the cache is keyed by its hash. */
export const recipes: Record<BaseImage, Recipe> = {
  'server-trixie': { system: 'trixie', finish: server },
  'server-bookworm': { system: 'bookworm', finish: server },
  'server-forky': { system: 'forky', finish: server },
  'bare-trixie': { system: 'bare-trixie', finish: { folder: 'images/bare' } },
  'bare-bookworm': { system: 'bare-bookworm', finish: { folder: 'images/bare' } },
  // Stands in for the official nginx:1.30 image, so it speaks and stops as that one does.
  nginx: { system: 'apps', finish: asOfficial },
  'nginx-brotli': { system: 'brotli', finish: asOfficial },
  node: {
    system: 'apps',
    finish: { lines: ['ENV NODE_ENV=production', 'CMD ["node"]'] },
  },
  python: { system: 'python', finish: { lines: ['CMD ["python3"]'] } },
  redis: {
    system: 'apps',
    finish: {
      lines: [
        'WORKDIR /data',
        'VOLUME /data',
        'EXPOSE 6379',
        'CMD ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", "/data"]',
      ],
    },
  },
  // Stands in for the official restic/restic image.
  restic: { system: 'restic', finish: { lines: ['ENTRYPOINT ["/usr/bin/restic"]'] } },
  // An SFTP server, whose users see nothing but their folder, and the REST server of rclone.
  stores: {
    system: 'stores',
    finish: {
      lines: [
        'RUN mkdir -p /run/sshd /srv/backup/data && useradd --password "*" --home-dir / --shell /usr/sbin/nologin keeper && chown keeper /srv/backup/data && rm -f /etc/ssh/ssh_host_*',
        `RUN printf '%s\\n' 'HostKey /etc/lab/host_key' 'AuthorizedKeysFile /etc/lab/authorized_keys' 'StrictModes no' 'PasswordAuthentication no' 'ChrootDirectory /srv/backup' 'Subsystem sftp internal-sftp' 'ForceCommand internal-sftp' 'AllowTcpForwarding no' >/etc/ssh/lab_sftp_config`,
        'CMD ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/lab_sftp_config"]',
      ],
    },
  },
  'postgres:17': postgres('postgres-17', {
    DATA: '/var/lib/postgresql/data',
    VOLUME: '/var/lib/postgresql/data',
  }),
  'postgres:18': postgres('postgres-18', {
    DATA: '/var/lib/postgresql/18/docker',
    VOLUME: '/var/lib/postgresql',
  }),
  'redis:8': { system: 'apps', finish: { folder: 'images/redis' } },
  'mariadb:11.8': { system: 'mariadb', finish: { folder: 'images/mariadb' } },
  'rabbitmq:4.3': { system: 'rabbitmq', finish: { folder: 'images/rabbitmq' } },
  registry: {
    system: 'trixie',
    finish: {
      lines: [
        'VOLUME /var/lib/docker-registry',
        'EXPOSE 5000',
        'ENV REGISTRY_STORAGE_DELETE_ENABLED=true',
        'CMD ["docker-registry", "serve", "/etc/lab-registry.yml"]',
        // One line, because the classic builder has no here-documents.
        `RUN printf '%s\\n' 'version: 0.1' 'log: { level: warn }' 'http: { addr: ":5000" }' 'storage: { filesystem: { rootdirectory: /var/lib/docker-registry } }' >/etc/lab-registry.yml`,
      ],
    },
  },
};

/** What no container needs from a Debian package. */
export const leftOut = [
  '/usr/share/doc/*',
  '/usr/share/man/*',
  '/usr/share/info/*',
  '/usr/share/locale/*',
  '/usr/share/lintian/*',
];
