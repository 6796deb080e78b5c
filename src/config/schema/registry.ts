import * as z from 'zod';
import { parseRegistry, parseRegistryAddress, parseRegistryUser } from '../registry.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { filledText } from './scalars.ts';

const long = closed({
  address: requiredKey(parsed(filledText, parseRegistryAddress), {
    description: 'Host of the registry, with its port where that is not 443. Docker Hub is `docker.io`.',
    example: 'address: ghcr.io',
  }),
  user: key(parsed(filledText, parseRegistryUser), {
    description: 'The account, or the path, that images lie below.',
    fallback: { words: 'none; most registries want one' },
    example: 'user: acme',
  }),
});

/** Where the images that are built are kept, in its short and long form. */
export const registry = z.union([parsed(filledText, parseRegistry), long], {
  error: 'must be text such as ghcr.io/acme, or a map',
});
