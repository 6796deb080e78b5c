import type { BackupSpec } from '../model/backup.ts';
import type { Scope } from '../model/names.ts';
import { commandProgram } from './command/command.ts';
import { PROGRAMS } from './databases/index.ts';
import type { Program } from './program.ts';
import { volumesProgram } from './volumes/volumes.ts';

/** programFor returns how what a service holds is copied and compared. Pure. */
export function programFor({ content, image }: Pick<BackupSpec, 'content' | 'image'>, scope: Scope): Program {
  switch (content.kind) {
    case 'volumes':
      return volumesProgram(content, scope, image);
    case 'command':
      return commandProgram(content, image);
    default:
      return PROGRAMS[content.kind];
  }
}
