import type { Preset } from './preset.ts';

/** MinIO, from its own image, on one volume. */
export const minio: Preset = {
  name: 'minio',
  title: 'MinIO',
  image: 'minio/minio',
  version: 'RELEASE.2025-09-07T16-13-09Z',
  oldest: 'RELEASE.2022-10-29T06-21-33Z',
  reliesOn: [
    '`MINIO_ROOT_USER`, `MINIO_ROOT_PASSWORD_FILE`.',
    'Data in `/data`, by the arguments of its command.',
    '`/minio/health/ready` answers 200 when it can be used.',
  ],
  notes: [
    'The user is the root user, whose name is the access key and whose password is the secret key. Buckets are made by the app.',
    'Nobody maintains its community edition any more: take it for what runs already.',
  ],
  block({ service, version, names }) {
    return {
      service: {
        image: `minio/minio:${version}`,
        port: 9000,
        protocol: 'http',
        extra_ports: { console: 9001 },
        command: ['server', '/data', '--console-address', ':9001'],
        volumes: [`${service}-data:/data`],
        environment: {
          MINIO_ROOT_USER: names.user,
          MINIO_ROOT_PASSWORD_FILE: `/run/secrets/${names.password}`,
        },
        secrets: [names.password],
        healthcheck: { path: '/minio/health/ready', start_period: '1m' },
        strategy: 'recreate',
        queue_requests: '1m',
        stop_grace_period: '1m',
      },
      connection: { kind: 's3', user: names.user },
    };
  },
};
