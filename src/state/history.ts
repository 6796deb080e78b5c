import { versionText } from '../model/image-name.ts';
import type { Scope } from '../model/names.ts';

/** What a release is, in words. */
interface Shipped {
  /** As the file names it. */
  image: string;
  domains: readonly string[];
}

/** What a run did to one service, for the history of the environment. */
export type ServiceChange =
  /** A release was begun: its record and the intent stand before anything is touched. */
  | ({ service: string; kind: 'begun'; from: number; to: number } & Shipped)
  /** A release runs. `from` is 0 when there was none before; `restores` is set when it brings an earlier one back. */
  | ({
      service: string;
      kind: 'released';
      from: number;
      to: number;
      servers: number;
      restores?: number | undefined;
    } & Shipped)
  | { service: string; kind: 'removed'; from: number }
  /** The run failed before this release had the traffic; `from`, 0 for nothing, runs as before. */
  | ({ service: string; kind: 'failed'; from: number; to: number } & Shipped)
  /** Only domains or timeouts changed: a reload. */
  | { service: string; kind: 'routed' }
  /** Only drain, healthcheck or retention changed: neither container nor reload. */
  | { service: string; kind: 'policy' }
  /** Nothing changed on the servers; the record was brought in line with them. */
  | { service: string; kind: 'recorded' };

/** A commit message on the state branch. */
export interface HistoryMessage {
  /** One line. */
  subject: string;
  /** The full list, with images and domains; none where the subject says it all. */
  body?: string;
  /** Key → value, for example `Run`, `Actor`, `Commit`; blank values are left out. */
  trailers: Record<string, string | undefined>;
}

/** What `git log --oneline` shows in a wide terminal, and GitHub before it folds the line. */
const SUBJECT_MAX = 72;

/**
 * historyMessage returns subject and body for `changes`, in their order:
 * `shop production: api 7 → 8 (1.2.3, 2 servers)`. When not all fit into 72 characters the subject names those
 * that do (always the first) and how many more there are. The body has them all, with whole images and domains.
 */
export function historyMessage(
  scope: Scope,
  changes: readonly ServiceChange[],
): { subject: string; body?: string } {
  const start = `${scope.project} ${scope.environment}: `;
  const parts = changes.map(describeChange);
  if (parts.length === 0) return { subject: `${start}recorded` };
  const whole = start + parts.join(', ');
  const body = changes.map((change) => `- ${describeWhole(change)}`).join('\n');
  if (whole.length <= SUBJECT_MAX || parts.length === 1) {
    return { subject: whole, ...(changes.some((change) => 'image' in change) && { body }) };
  }
  for (let shown = parts.length - 1; ; shown--) {
    const subject = `${start}${parts.slice(0, shown).join(', ')} and ${parts.length - shown} more`;
    if (subject.length <= SUBJECT_MAX || shown === 1) return { subject, body };
  }
}

/** describeWhole returns one change with the image and the domains of its release. */
function describeWhole(change: ServiceChange): string {
  if (!('image' in change)) return describeChange(change);
  const where = change.domains.length === 0 ? '' : ` at ${change.domains.join(', ')}`;
  return `${describeChange(change)}: ${change.image}${where}`;
}

/** describeChange returns one change in a few words: `api 7 → 8 (1.2.3, 2 servers)`, `web removed (was 3)`. */
function describeChange(change: ServiceChange): string {
  const { service } = change;
  switch (change.kind) {
    case 'begun':
      return `begin ${service} ${step(change.from, change.to)} (${versionText(change.image)})`;
    case 'released': {
      const restored = change.restores === undefined ? '' : `${change.restores} restored, `;
      const servers = `${change.servers} server${change.servers === 1 ? '' : 's'}`;
      const version = versionText(change.image);
      return `${service} ${step(change.from, change.to)} (${restored}${version}, ${servers})`;
    }
    case 'removed':
      return `${service} removed (was ${change.from})`;
    case 'failed':
      return `${service} ${step(change.from, change.to)} (${versionText(change.image)}) not deployed`;
    case 'routed':
      return `${service} routes`;
    case 'policy':
      return `${service} policy`;
    case 'recorded':
      return `${service} recorded`;
  }
}

/** formatMessage returns the whole commit message; values of trailers are kept on one line each. */
export function formatMessage(message: HistoryMessage): string {
  const trailers = Object.entries(message.trailers)
    .filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1].trim() !== '')
    .map(([key, value]) => `${key}: ${oneLine(value)}`)
    .join('\n');
  const parts = [oneLine(message.subject), message.body?.trim(), trailers];
  return `${parts.filter((part) => part !== undefined && part !== '').join('\n\n')}\n`;
}

/** The first release has no number before it: `→ 1`. */
function step(from: number, to: number): string {
  return from === 0 ? `→ ${to}` : `${from} → ${to}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
