import { share } from './memory.ts';
import type { Preset } from './preset.ts';

/** OpenSearch, from the project's own image, as one node. */
export const opensearch: Preset = {
  name: 'opensearch',
  title: 'OpenSearch',
  image: 'opensearchproject/opensearch',
  version: '3',
  // The first that is told the password of its administrator.
  oldest: '2.12',
  givenPassword:
    'OpenSearch wants an upper case and a lower case letter, a digit and a sign in it, which generated ones do not have.',
  reliesOn: [
    '`OPENSEARCH_INITIAL_ADMIN_PASSWORD`, which counts when it starts without data. The image takes no file for it.',
    '`OPENSEARCH_JAVA_OPTS`, and settings as variables with dots in their names: `discovery.type`, `plugins.security.ssl.http.enabled`.',
    'Data in `/usr/share/opensearch/data`, of the user 1000 that the image runs as.',
    'Until its users are there it answers 503, and then 401 to whoever says no password: that is what the check waits for.',
  ],
  notes: [
    'It speaks HTTP with a password, without TLS: it is reached from within the environment alone.',
    'The user is `admin`.',
  ],
  block({ service, version, names, memoryBytes }) {
    const heap = memoryBytes === undefined ? 1024 : share(memoryBytes, 1 / 2, 256);
    return {
      service: {
        image: `opensearchproject/opensearch:${version}`,
        port: 9200,
        protocol: 'http',
        hostname: service,
        volumes: [`${service}-data:/usr/share/opensearch/data`],
        environment: {
          'discovery.type': 'single-node',
          'bootstrap.memory_lock': 'true',
          'plugins.security.ssl.http.enabled': 'false',
          OPENSEARCH_JAVA_OPTS: `-Xms${heap}m -Xmx${heap}m`,
          OPENSEARCH_INITIAL_ADMIN_PASSWORD: `\${${names.password}}`,
        },
        ulimits: { memlock: { soft: -1, hard: -1 }, nofile: { soft: 65536, hard: 65536 } },
        healthcheck: { path: '/', expect: { status: [200, 401] }, interval: '2s', start_period: '3m' },
        strategy: 'recreate',
        queue_requests: '2m',
        stop_grace_period: '2m',
      },
      connection: { kind: 'opensearch', user: 'admin' },
    };
  },
};
