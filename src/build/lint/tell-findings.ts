import type { Log } from '../../model/log.ts';
import type { Finding } from './finding.ts';

/** What tellFindings reads of a build. */
interface Linted {
  spec: { service: string };
  /** The Dockerfile for people; undefined for one that stands in the configuration. */
  file: string | undefined;
  findings: readonly Finding[];
}

/**
 * tellFindings warns of what would be better otherwise, on its line. Services that share a Dockerfile may differ in arguments
 * and stage: what holds for several is said once.
 */
export function tellFindings(builds: readonly Linted[], log: Log): void {
  const told = new Set<string>();
  for (const { spec, file, findings } of builds) {
    for (const { line, rule, message, hint } of findings) {
      const place = file ?? `the inline Dockerfile of ${spec.service}`;
      const key = `${place}:${line} ${message}`;
      if (told.has(key)) continue;
      told.add(key);
      log.warning(
        `${place}:${line}: ${message} (${rule})\n→ ${hint}`,
        file === undefined ? undefined : { file, line, column: 1 },
      );
    }
  }
}
