import type { CommandContent } from '../../model/backup.ts';
import type { Program } from '../program.ts';
import { DUMP, STREAM, VERIFY } from './scripts.ts';

/** What the digest is of. */
const PRINTED = 'what the command has printed';

/**
 * commandProgram returns how what a command prints is backed up: in a container of the service's image, with its variables,
 * network, and volumes, which it cannot change. Pure.
 */
export function commandProgram({ command }: CommandContent, image: string): Program {
  return {
    dataPath: '/output',
    dump: ({ id, variables, workingDir }) => ({
      script: 'dump.sh',
      files: { 'dump.sh': DUMP, 'stream.sh': STREAM },
      environment: {
        ...Object.fromEntries(variables.map(pairOf)),
        COMMAND_FOLDER: workingDir,
        COMMAND_WORDS: String(command.length),
      },
      words: command,
      volumesOf: id,
    }),
    verify: () => ({
      script: 'verify.sh',
      files: { 'verify.sh': VERIFY },
      environment: {},
      image,
      network: 'bridge',
    }),
    factsOf: (output) => ({
      rows: {},
      digests: { [PRINTED]: (output.get('sha256') ?? '').trim().split(' ')[0] ?? '' },
    }),
    toolsOf: () => ({}),
  };
}

function pairOf(variable: string): [string, string] {
  const at = variable.indexOf('=');
  return [variable.slice(0, at), variable.slice(at + 1)];
}
