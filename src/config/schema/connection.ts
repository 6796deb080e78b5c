import * as z from 'zod';
import type { ConnectionKind } from '../../model/connection.ts';
import { entryName } from './configs.ts';
import { closed, key, requiredKey } from './key.ts';
import { filledText, flag } from './scalars.ts';

const KINDS = [
  'postgres',
  'mysql',
  'mongodb',
  'redis',
  'opensearch',
  'amqp',
  's3',
] as const satisfies readonly ConnectionKind[];

/** How apps connect to a service, as the file has it. */
export type ConnectionInput = z.infer<typeof connection>;

/** How apps connect to a service, in the words of the file. */
export const connection = closed({
  kind: requiredKey(
    z.enum(KINDS, {
      error: ({ input }) =>
        input === undefined
          ? undefined
          : `must be one of ${KINDS.join(', ')}; MariaDB speaks mysql, RabbitMQ amqp`,
    }),
    {
      description: 'What is spoken on `port`, by which the address of the service is written.',
    },
  ),
  user: key(filledText, {
    description: 'The user that apps are; of `s3` the access key.',
    fallback: { words: 'none' },
    example: 'user: app',
  }),
  database: key(filledText, {
    description: 'The database that they use; of `amqp` the virtual host, of `s3` the bucket.',
    fallback: { words: 'none' },
    example: 'database: shop',
  }),
  password: key(entryName('secret'), {
    description: 'The name of the secret that is the password; of `s3` the secret key.',
    fallback: { words: 'none' },
    example: 'password: db-password',
  }),
  tls: key(flag, {
    description: 'Of `opensearch` and `s3`: the address begins with `https://`.',
    fallback: { value: false },
    example: 'tls: true',
  }),
});
