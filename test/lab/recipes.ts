/** What a base image is made of: packages of a Debian suite, and Dockerfile lines on top of them. */
export interface Recipe {
  suite: string;
  packages: string[];
  /** A folder beside this file whose Dockerfile (with `ARG BASE`) finishes the image; or the lines themselves. */
  finish: { folder: string } | { lines: string[] };
}

/** The Debian suites that lab servers come in: bookworm has engine 20.10, trixie 26.1. */
export type Suite = 'trixie' | 'bookworm';

/** Names of the images the lab makes from Debian packages. */
export type BaseImage = `server-${Suite}` | `bare-${Suite}` | 'nginx' | 'node' | 'redis' | 'registry';

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
const server = { folder: 'images/server' };

/** The recipes of all base images. A changed recipe is a new image: the cache is keyed by its hash. */
export const recipes: Record<BaseImage, Recipe> = {
  // Debian split the client off docker.io after bookworm.
  'server-trixie': { suite: 'trixie', packages: [...engine, 'docker-cli'], finish: server },
  'server-bookworm': { suite: 'bookworm', packages: engine, finish: server },
  'bare-trixie': { suite: 'trixie', packages: host, finish: server },
  'bare-bookworm': { suite: 'bookworm', packages: host, finish: server },
  // Stands in for the official nginx:1.30 image, so it speaks and stops as that one does.
  nginx: {
    suite: 'forky',
    packages: ['nginx', 'libnginx-mod-stream'],
    finish: {
      lines: [
        'RUN ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log',
        'EXPOSE 80',
        'STOPSIGNAL SIGQUIT',
        'CMD ["nginx", "-g", "daemon off;"]',
      ],
    },
  },
  node: {
    suite: 'forky',
    packages: ['nodejs', 'ca-certificates'],
    finish: { lines: ['ENV NODE_ENV=production', 'CMD ["node"]'] },
  },
  redis: {
    suite: 'forky',
    packages: ['redis-server', 'redis-tools'],
    finish: {
      lines: [
        'WORKDIR /data',
        'VOLUME /data',
        'EXPOSE 6379',
        'CMD ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", "/data"]',
      ],
    },
  },
  registry: {
    suite: 'bookworm',
    packages: ['docker-registry', 'ca-certificates'],
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
