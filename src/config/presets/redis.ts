import { share } from './memory.ts';
import type { Preset } from './preset.ts';

/** Redis, from the official image. */
export const redis: Preset = {
  name: 'redis',
  title: 'Redis',
  image: 'redis',
  version: '8',
  oldest: '6.2',
  reliesOn: [
    'A first argument that is a configuration file; what follows it wins over the file.',
    'Data in `/data`, where the server runs.',
    'The entrypoint begins as root, gives `/data` to the user `redis`, 999, and goes on as that one.',
    'It has no init phase. While it reads its data it answers LOADING, which the check takes for a no.',
  ],
  notes: [
    'There is one user, `default`, and its password: clients take an address with a password and no user.',
    'What does not fit the limit of memory is refused with an error (`noeviction`), since data that is there counts; a cache says otherwise: `command: redis-server /usr/local/etc/redis/redis.conf --maxmemory 200mb --maxmemory-policy allkeys-lru`.',
    'A password of your own has no double quotes and backslashes in it.',
  ],
  block({ service, version, names, memoryBytes }) {
    const settings = `${service}-settings`;
    const limit =
      memoryBytes === undefined
        ? []
        : // The copy that is written to the disk, and buffers of clients, come on top of it.
          ['--maxmemory', `${share(memoryBytes, 3 / 4, 4)}mb`, '--maxmemory-policy', 'noeviction'];
    return {
      service: {
        image: `redis:${version}`,
        port: 6379,
        protocol: 'tcp',
        volumes: [`${service}-data:/data`],
        command: ['redis-server', '/usr/local/etc/redis/redis.conf', '--appendonly', 'yes', ...limit],
        configs: [
          { source: settings, target: '/usr/local/etc/redis/redis.conf', uid: 999, gid: 999, mode: '0400' },
        ],
        secrets: [names.password],
        healthcheck: {
          test: [
            'CMD-SHELL',
            `REDISCLI_AUTH="$$(cat /run/secrets/${names.password})" redis-cli -h 127.0.0.1 ping | grep -q PONG`,
          ],
          start_period: '2m',
        },
        strategy: 'recreate',
        // It writes its data when it is told to stop.
        stop_grace_period: '1m',
      },
      configs: { [settings]: { content: `requirepass "\${${names.password}}"\n` } },
      connection: { kind: 'redis' },
    };
  },
};
