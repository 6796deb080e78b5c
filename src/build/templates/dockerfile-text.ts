import { UserError } from '../../model/errors.ts';
import type { CommandLine } from './template.ts';

/** execForm returns words as CMD and RUN take them without a shell: `["node", "server.js"]`. */
export function execForm(words: readonly string[]): string {
  return `[${words.map((word) => JSON.stringify(word)).join(', ')}]`;
}

/** run returns a RUN of a command, with these flags. A line stays one; it throws for one of several. */
export function run(command: CommandLine, ...flags: readonly string[]): string {
  if (typeof command === 'string' && /[\r\n]/.test(command)) {
    throw new UserError('the command of a build has several lines', {
      hint: 'Join them by &&, or put them into a script of the repository.',
    });
  }
  return ['RUN', ...flags, typeof command === 'string' ? command.trim() : execForm(command)].join(' ');
}

/** What of a path would mean something to a Dockerfile. */
const UNSAFE = /[$"'\\\n\r*?[\]]|^--/;

/** copy returns a COPY of these paths. It throws for a path that no COPY can name. */
export function copy(sources: readonly string[], to: string, ...flags: readonly string[]): string {
  const words = [...sources, to];
  const unsafe = words.find((word) => UNSAFE.test(word));
  if (unsafe !== undefined) {
    throw new UserError(`${JSON.stringify(unsafe)} cannot stand in a Dockerfile that is made`, {
      hint: 'Rename it, or write a Dockerfile of your own.',
    });
  }
  const told = words.some((word) => /\s/.test(word)) ? execForm(words) : words.join(' ');
  return ['COPY', ...flags, told].join(' ');
}

/** env returns an ENV of these variables, byte for byte; nothing where there are none. */
export function env(variables: Readonly<Record<string, string>>): string[] {
  const pairs = Object.entries(variables).map(([name, value]) =>
    /^[\w./:@+-]+$/.test(value) ? `${name}=${value}` : `${name}="${value.replace(/[\\"$]/g, '\\$&')}"`,
  );
  return pairs.length === 0 ? [] : [`ENV ${pairs.join(' ')}`];
}

/** dockerfile returns the text of a Dockerfile of these stages, each a list of instructions. */
export function dockerfile(title: string, stages: readonly (readonly string[])[]): string {
  const heading = `# ${title}. Made by Switchyard.\n`;
  return `${[heading, ...stages.map((lines) => `${lines.join('\n')}\n`)].join('\n')}`;
}

/** inFolder returns a path below a folder, where `.` and nothing are the place itself. */
export function inFolder(folder: string, path: string): string {
  return folder === '.' ? path : `${folder}/${path}`;
}
