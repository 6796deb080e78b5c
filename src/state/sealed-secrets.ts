import * as z from 'zod';
import type { SealedSecret } from '../model/generated-secret.ts';
import type { Scope } from '../model/names.ts';
import { type FilePlace, formatJson, parseJson } from './json-file.ts';

const file = z.looseObject({
  schema: z.literal(1),
  project: z.string(),
  environment: z.string(),
  secrets: z.record(
    z.string(),
    z.looseObject({ id: z.string(), recipients: z.array(z.string()).readonly(), age: z.string() }),
  ),
});

/** Encrypted copies of generated secrets, by name. */
export type SealedSecrets = Readonly<Record<string, SealedSecret>>;

/** sealedPath returns where the encrypted copies of an environment's generated secrets stand on the state branch. */
export function sealedPath({ project, environment }: Scope): string {
  return `secrets/${project}/${environment}.json`;
}

/** formatSealed returns the file with them: each is encrypted by itself, so one can be written without the others. */
export function formatSealed({ project, environment }: Scope, secrets: SealedSecrets): string {
  return formatJson({ schema: 1, project, environment, secrets });
}

/** parseSealed reads such a file. It throws a UserError, see parseJson. */
export function parseSealed(text: string, place: FilePlace): SealedSecrets {
  return parseJson(text, place, file, 1).secrets;
}
