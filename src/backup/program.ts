import type { BackupFacts } from '../model/backup.ts';
import type { RunningContainer } from './database-container.ts';
import type { DatabaseJob, DatabaseProgram } from './databases/program.ts';

/** How something is copied and compared, whatever it is. All pure. */
export interface Program extends Pick<DatabaseProgram, 'dataPath' | 'toolsOf'> {
  /** dump writes the snapshots of a backup; what was counted is in its output. */
  dump(container: RunningContainer, query: string | undefined): DatabaseJob;
  /** verify brings a backup back, to where nobody else is, and counts again. */
  verify(container: RunningContainer, query: string | undefined): DatabaseJob;
  /** factsOf reads what was counted. It throws where that is damaged. */
  factsOf(output: ReadonlyMap<string, string>): BackupFacts;
}
