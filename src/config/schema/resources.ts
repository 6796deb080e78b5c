import * as z from 'zod';
import { REPLICAS_MAX } from '../../model/copy.ts';
import { UserError } from '../../model/errors.ts';
import { DEFAULTS } from '../defaults.ts';
import { reservedDevices } from './container-options.ts';
import { closed, key, parsed } from './key.ts';
import { DEPLOY_REFUSALS, RESERVATION_REFUSALS } from './refusals.ts';
import { bytes, decimal, duration, wholeNumber } from './scalars.ts';

/** Docker refuses less. */
const MEMORY_MIN = 6 * 1024 ** 2;

/** A number of CPUs. */
export const cpus = decimal('a number of CPUs, at least 0.01', (value) => value >= 0.01 && value <= 1024);

/** A limit of memory, in bytes. */
export const memory = parsed(bytes, (value) => {
  if (value < MEMORY_MIN) throw new UserError('must be at least 6m, which is the least that Docker takes');
  return value;
}).meta({ takes: 'size' });

const pids = wholeNumber('a whole number, at least 1', 1);

/** A limit of processes; undefined, which the file writes as -1 or 0, is without one. */
export const pidsOrNoLimit = parsed(
  decimal('a whole number, at least 1, or -1', (value) => Number.isSafeInteger(value) && value >= -1),
  (value) => (value < 1 ? undefined : value),
).meta({ takes: 'number' });

/** How many copies of a service stand on each of its servers. */
export const replicas = parsed(wholeNumber('a whole number', 0), (count) => {
  if (count >= 1 && count <= REPLICAS_MAX) return count;
  throw new UserError(`must be 1 to ${REPLICAS_MAX}, not ${count}`, {
    hint:
      count < 1
        ? 'Take the service out of the environment where it shall not run.'
        : 'Write servers: 2 and more, to have as many copies on each of several servers.',
  });
}).meta({ takes: 'number' });

const resources = closed({
  limits: key(
    closed({
      cpus: key(cpus, {
        from: 'Compose',
        description: 'CPUs the container may use, as a number or text.',
        fallback: { words: 'without limit' },
        example: 'cpus: "0.5"',
      }),
      memory: key(memory, {
        from: 'Compose',
        description: 'Memory the container may use. Beyond it, it is killed and started again.',
        fallback: { words: 'without limit' },
        example: 'memory: 256M',
      }),
      pids: key(pids, {
        from: 'Compose',
        description: 'Processes and threads the container may have.',
        fallback: { words: 'without limit' },
        example: 'pids: 200',
      }),
    }),
    { from: 'Compose', description: 'What the container may use at most.' },
  ),
  reservations: key(
    closed(
      {
        cpus: key(cpus, {
          from: 'Compose',
          description:
            'Accepted so that a block of Compose pastes in unchanged, and without effect, as in Compose: an engine keeps no CPUs free. `cpu_shares` says who gets more when they are short.',
          example: 'cpus: "0.25"',
        }),
        memory: key(bytes, {
          from: 'Compose',
          description: 'Memory that is left to the container when the server runs short of it.',
          example: 'memory: 128M',
        }),
        devices: key(reservedDevices, {
          from: 'Compose',
          description:
            'Devices that a driver of the engine hands out, graphics processors above all; see `gpus`.',
          long: 'devices:\n  - { driver: nvidia, count: 1, capabilities: [gpu] }',
        }),
      },
      RESERVATION_REFUSALS,
    ),
    { from: 'Compose', description: 'What the container is granted.' },
  ),
});

const restartPolicy = closed({
  condition: key(z.enum(['none', 'on-failure', 'any']), {
    from: 'Compose',
    description: '`none` is `restart: "no"`, `any` is `restart: always`.',
    fallback: { value: 'any' },
    example: 'condition: on-failure',
  }),
  max_attempts: key(wholeNumber('a whole number', 0, 999_999), {
    from: 'Compose',
    description: 'How often at most, after a failure.',
    example: 'max_attempts: 3',
  }),
  delay: key(duration, {
    from: 'Compose',
    description: 'Accepted, and without effect: the engine waits longer each time by itself.',
    example: 'delay: 5s',
  }),
  window: key(duration, {
    from: 'Compose',
    description: 'Accepted, and without effect, as in Compose.',
    example: 'window: 120s',
  }),
});

/** Compose's `deploy` of a service, as far as its words are taken. */
export const deploy = closed(
  {
    resources: key(resources, { from: 'Compose', description: 'Limits and reservations.' }),
    restart_policy: key(restartPolicy, {
      from: 'Compose',
      description: 'When the engine starts the container again; `restart` of the service wins.',
    }),
    replicas: key(replicas, {
      from: 'Compose',
      description: 'The long word for `replicas` of the service.',
      fallback: { value: DEFAULTS.replicas },
      example: 'replicas: 2',
    }),
    mode: key(z.literal('replicated', { error: 'must be replicated: write servers at the service' }), {
      from: 'Compose',
      description: 'Accepted, and without effect.',
      example: 'mode: replicated',
    }),
  },
  DEPLOY_REFUSALS,
);
