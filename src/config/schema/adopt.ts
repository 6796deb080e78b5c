import * as z from 'zod';
import type { AdoptSpec } from '../../model/spec.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { filledText } from './scalars.ts';

/** A container that runs already, by its name alone or with what of it may be lost. */
export const adopt = parsed(
  z.union(
    [
      filledText,
      closed({
        container: requiredKey(filledText, { description: 'Its name, as `docker ps` shows it.' }),
        drop: key(z.array(filledText), { description: 'What it has that may be lost.' }),
      }),
    ],
    { error: "must be a container's name, or a map with container and drop" },
  ),
  (value): AdoptSpec =>
    typeof value === 'string'
      ? { container: value, drop: [] }
      : { container: value.container, drop: value.drop ?? [] },
);
