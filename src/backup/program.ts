import type { BackupFacts, BackupSpec } from '../model/backup.ts';
import type { Scope } from '../model/names.ts';
import { commandProgram } from './command/command.ts';
import type { RunningContainer } from './database-container.ts';
import { PROGRAMS } from './databases/index.ts';
import type { DatabaseJob, DatabaseProgram } from './databases/program.ts';
import { volumesProgram } from './volumes/volumes.ts';

/** How something is copied and compared, whatever it is. All pure. */
export interface Program extends Pick<DatabaseProgram, 'dataPath' | 'toolsOf'> {
  /** dump writes the snapshots of a backup; what was counted is in its output. */
  dump(container: RunningContainer, query: string | undefined): DatabaseJob;
  /** verify brings a backup back, to where nobody else is, and counts again. */
  verify(container: RunningContainer, query: string | undefined): DatabaseJob;
  /** factsOf reads what was counted. It throws where that is damaged. */
  factsOf(output: ReadonlyMap<string, string>): BackupFacts;
}

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
