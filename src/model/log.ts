import type { Location } from './errors.ts';

/** Log is where logic reports to; the actions hand in one that writes to the runner, tests one that records. */
export interface Log {
  debug(message: string): void;
  info(message: string): void;
  /** warning tells what is no reason to stop; one about a place in a file of the workspace is shown there. */
  warning(message: string, location?: Location): void;
  /** group runs `work` with its lines folded under `title`, and returns what it returns. */
  group<T>(title: string, work: () => Promise<T>): Promise<T>;
}
