import { UserError } from '../../model/errors.ts';

/** What a look at a server before a deploy has found. */
export interface Finding {
  /** The server; empty for what concerns the whole environment. */
  server: string;
  check:
    | 'engine'
    | 'disk'
    | 'memory'
    | 'clock'
    | 'image'
    | 'nginx'
    | 'port'
    | 'health'
    | 'hook'
    | 'lease'
    | 'rights'
    | 'certificate';
  /** An error is certain to make a deploy fail; only one about a certificate is what the look itself fails for. */
  level: 'ok' | 'warning' | 'error';
  message: string;
  /** What to do next. */
  hint?: string;
}

/** errorsOf returns the findings that are errors as what a run ends with. */
export function errorsOf(findings: readonly Finding[]): UserError[] {
  return findings
    .filter(({ level }) => level === 'error')
    .map(({ server, check, message, hint }) => {
      return new UserError(`${server || check}: ${message}`, hint === undefined ? {} : { hint });
    });
}

/** describeFinding returns a finding as a line: `203.0.113.10: disk: 42.0 GB are free in /var/lib/docker`. */
export function describeFinding({ server, check, message }: Finding): string {
  return `${server === '' ? '' : `${server}: `}${check}: ${message}`;
}
