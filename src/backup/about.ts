import * as z from 'zod';
import { type BackupReceipt, DATABASES } from '../model/backup.ts';

/** The file beside the data of a backup, in its repository, that says what it is: for whoever has nothing but that. */
export const ABOUT_FILE = 'about.json';

const About = z.looseObject({
  /** The form of this file and of what lies beside it. */
  schema: z.literal(1),
  project: z.string(),
  environment: z.string(),
  service: z.string(),
  id: z.string(),
  content: z.enum([...DATABASES, 'volumes', 'command']),
  server: z.string(),
  release: z.int(),
  /** With its version. */
  image: z.string(),
  began_at: z.iso.datetime(),
  query: z.string().optional(),
  run: z.string(),
  actor: z.string(),
});

/** What a backup says of itself before it is made: the part of its receipt that nothing else in the repository tells. */
export type About = Pick<
  BackupReceipt,
  | 'schema'
  | 'project'
  | 'environment'
  | 'service'
  | 'id'
  | 'content'
  | 'server'
  | 'release'
  | 'image'
  | 'began_at'
  | 'query'
  | 'run'
  | 'actor'
>;

/** aboutText writes what a backup says of itself. Pure. */
export function aboutText(about: About): string {
  return `${JSON.stringify(about, undefined, 2)}\n`;
}

/** parseAbout reads what a backup says of itself; undefined where nothing, or another version, has written it. Pure. */
export function parseAbout(text: string | undefined): About | undefined {
  try {
    const parsed = About.safeParse(JSON.parse(text ?? ''));
    return parsed.success ? (parsed.data as About) : undefined;
  } catch {
    return undefined;
  }
}
