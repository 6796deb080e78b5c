import { readdirSync, readFileSync } from 'node:fs';

/** Looks at the command lines of all processes until it is stopped. */
export interface CommandLineWatch {
  /** stop looks once more, and returns every command line that was seen. */
  stop(): string[];
}

/** watchCommandLines looks every 25 ms. The lab's servers are containers of this machine: its process table has theirs too. */
export function watchCommandLines(): CommandLineWatch {
  const seen = new Set<string>();
  const look = () => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        seen.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
      } catch {
        // It ended while we looked.
      }
    }
  };
  const timer = setInterval(look, 25);
  return {
    stop: () => {
      look();
      clearInterval(timer);
      return [...seen];
    },
  };
}
