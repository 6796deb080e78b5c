import * as z from 'zod';
import type { Release } from '../model/release.ts';
import { type FilePlace, formatJson, parseJson } from './json-file.ts';

/**
 * The file is written once, by us, and never changed: its frame is checked, and the specs inside are
 * taken as they were written.
 */
const frame = z.looseObject({
  schema: z.literal(1),
  project: z.string(),
  environment: z.string(),
  service: z.string(),
  number: z.int().positive(),
  protocol: z.string(),
  port: z.int(),
  container: z.looseObject({ image: z.string() }),
  route: z.looseObject({}),
  policy: z.looseObject({}),
});

/** parseRelease reads a release file. It throws a UserError, see parseJson. */
export function parseRelease(text: string, place: FilePlace): Release {
  return parseJson(text, place, frame, 1) as unknown as Release;
}

/** formatRelease returns the text of a release file. */
export function formatRelease(release: Release): string {
  return formatJson(release);
}
