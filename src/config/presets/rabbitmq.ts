import { share } from './memory.ts';
import type { Preset, PresetFacts } from './preset.ts';

/** RabbitMQ, from the official image. */
export const rabbitmq: Preset = {
  name: 'rabbitmq',
  title: 'RabbitMQ',
  image: 'rabbitmq',
  version: '4',
  oldest: '3.13',
  reliesOn: [
    'Files in `/etc/rabbitmq/conf.d`, read in the order of their names, and there as the user `rabbitmq`: 999, in `-alpine` images 100.',
    '`default_user`, `default_pass` and `default_vhost` count when the node starts without data. (`RABBITMQ_DEFAULT_PASS_FILE` has gone from the image.)',
    'Data in `/var/lib/rabbitmq`, under the name of the node, which is that of the host: so the container keeps one.',
    'It listens on its port when everything else is up.',
  ],
  notes: [
    'The user is an administrator, and the virtual host is its own.',
    'The tag `4-management` has the console, on port 15672: `extra_ports: { console: 15672 }`.',
    'A password of your own has no spaces, quotes and `#` in it.',
  ],
  block(facts) {
    const { service, version, names } = facts;
    const settings = `${service}-settings`;
    const owner = version.includes('alpine') ? { uid: 100, gid: 101 } : { uid: 999, gid: 999 };
    return {
      service: {
        image: `rabbitmq:${version}`,
        port: 5672,
        protocol: 'tcp',
        hostname: service,
        volumes: [`${service}-data:/var/lib/rabbitmq`],
        configs: [
          { source: settings, target: '/etc/rabbitmq/conf.d/20-switchyard.conf', ...owner, mode: '0400' },
        ],
        healthcheck: {
          test: ['CMD', 'rabbitmq-diagnostics', '-q', 'check_running'],
          interval: '3s',
          timeout: '20s',
          start_period: '2m',
        },
        strategy: 'recreate',
        stop_grace_period: '2m',
      },
      configs: { [settings]: { content: contentOf(facts) } },
      connection: { kind: 'amqp', user: names.user, database: names.database },
    };
  },
};

/** Beyond the watermark publishers wait; the rest is for what Erlang copies. */
function contentOf({ names, memoryBytes }: PresetFacts): string {
  const lines = [
    `default_user = ${names.user}`,
    `default_pass = \${${names.password}}`,
    `default_vhost = ${names.database}`,
    ...(memoryBytes === undefined
      ? []
      : [`vm_memory_high_watermark.absolute = ${share(memoryBytes, 3 / 5, 64)}MiB`]),
  ];
  return `${lines.join('\n')}\n`;
}
