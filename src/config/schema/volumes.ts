import * as z from 'zod';
import { UserError } from '../../model/errors.ts';
import { checkMount, parseShortMount } from '../mount.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { textMap } from './maps.ts';
import { MOUNT_REFUSALS } from './refusals.ts';
import { bytes, filledText, flag } from './scalars.ts';

const bind = closed({
  create_host_path: key(flag, {
    from: 'Compose',
    description: 'Whether the engine makes the directory on the server where it is missing.',
    fallback: { value: false },
    example: 'create_host_path: true',
  }),
  propagation: key(z.enum(['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave']), {
    from: 'Compose',
    description: 'Whether what is mounted below later is seen on the other side.',
    fallback: { words: '`rprivate`' },
    example: 'propagation: rslave',
  }),
  recursive: key(z.enum(['enabled', 'disabled', 'writable', 'readonly']), {
    from: 'Compose',
    description: 'Whether what is mounted below comes along, and whether it is read-only then.',
    fallback: { value: 'enabled' },
    example: 'recursive: disabled',
  }),
  selinux: key(z.enum(['z', 'Z']), {
    from: 'Compose',
    description: 'Label of SELinux for the directory: `z` for many containers, `Z` for this one alone.',
    example: 'selinux: z',
  }),
});

const volume = closed({
  nocopy: key(flag, {
    from: 'Compose',
    description: 'Whether a new volume stays empty, without the files that the image has there.',
    fallback: { value: false },
    example: 'nocopy: true',
  }),
  subpath: key(filledText, {
    from: 'Compose',
    description: 'Directory of the volume that is mounted in place of its top. Docker 26 or newer.',
    example: 'subpath: uploads',
  }),
  labels: key(textMap(), {
    from: 'Compose',
    description: 'Labels of a volume that is made for this.',
    example: 'labels: { com.example.team: shop }',
  }),
});

const tmpfs = closed({
  size: key(bytes, {
    from: 'Compose',
    description: 'How large it may become.',
    fallback: { words: 'half of the memory of the server' },
    example: 'size: 64m',
  }),
  mode: key(
    parsed(z.union([z.number(), z.string()], { error: 'must be a mode such as 1777' }), (value) => {
      const digits = /^(?:0o?)?([0-7]{3,4})$/.exec(String(value))?.[1];
      if (digits !== undefined) return Number.parseInt(digits, 8);
      throw new UserError(`${JSON.stringify(value)} is no mode of a directory`, {
        hint: 'Write it in octal: 1777.',
      });
    }).meta({ takes: 'mode' }),
    {
      from: 'Compose',
      description: 'Its mode, in octal.',
      fallback: { words: '`1777`' },
      example: 'mode: 0700',
    },
  ),
});

const mount = z.union(
  [
    parsed(z.string(), parseShortMount),
    parsed(
      closed(
        {
          type: requiredKey(
            z.enum(['volume', 'bind', 'tmpfs'], {
              error: (issue) =>
                ['npipe', 'cluster', 'image'].includes(String(issue.input))
                  ? 'must be volume, bind or tmpfs: the others are for Windows, for Swarm, or for images that nobody pulls here'
                  : undefined,
            }),
            { description: 'What is mounted.' },
          ),
          source: key(z.string(), {
            description:
              "The volume's name, the path on the server, or one of the repository (`./conf`). A volume without one is new, and filled from the image, in each container.",
          }),
          target: requiredKey(z.string(), { description: 'The path in the container.' }),
          read_only: key(flag, {
            description: 'Whether the container may only read it.',
            fallback: { value: false },
          }),
          external: key(flag, {
            description:
              'Whether a volume has exactly this name on the server, because somebody else made it. Compose says this at its top level.',
            fallback: { value: false },
          }),
          bind: key(bind, { from: 'Compose', description: 'More of a directory of the server.' }),
          volume: key(volume, { from: 'Compose', description: 'More of a volume.' }),
          tmpfs: key(tmpfs, { from: 'Compose', description: 'More of scratch space.' }),
          consistency: key(z.string(), {
            from: 'Compose',
            description: 'Accepted, and without effect: it is for Docker Desktop.',
          }),
        },
        MOUNT_REFUSALS,
      ),
      checkMount,
    ),
  ],
  { error: 'must be text (name:/target) or a map' },
);

/** What a container mounts, in Compose's short and long form. */
export const volumes = z.array(mount).superRefine((list, context) => {
  for (const [index, { target }] of list.entries()) {
    if (!list.slice(0, index).some((earlier) => earlier.target === target)) continue;
    context.addIssue({
      code: 'custom',
      path: [index],
      message: `two volumes are mounted at ${target}`,
      params: { hint: 'Give one of them another target.' },
    });
  }
});
