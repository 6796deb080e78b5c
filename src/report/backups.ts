import type { BackedUp } from '../commands/backup.ts';
import type { BackupOutput } from '../commands/outputs.ts';
import { describeRestore } from '../deploy/observation/backups.ts';
import { caution, escapeMarkdown, page } from './markdown.ts';
import { markdownTable, type Row, textTable } from './table.ts';

/** renderBackups returns what was done to backups as lines for a log and as Markdown, and what nobody should overlook. Pure. */
export function renderBackups({ title, operation, report, outputs: { backups } }: BackedUp): {
  lines: string[];
  warnings: string[];
  markdown: string;
} {
  const rows = backups.map(rowOf);
  // Of those that were only looked at, the table says it.
  const isMade = operation === 'create' || operation === 'verify';
  const unverified = backups.filter(({ verified, error }) => isMade && !verified && error === undefined);
  const warnings = unverified.map(
    ({ id, service }) =>
      `backup ${id} of ${service} was not restored yet: it counts once "operation: verify" has`,
  );
  const beside = backups.filter(({ target, error }) => operation === 'create' && target === 'disk' && !error);
  for (const { service, server } of beside) {
    warnings.push(
      `the only copy of ${service} stands beside the original, on ${server}: name a place elsewhere with "to" of "backup" in the file`,
    );
  }
  const restores = (report.restores ?? []).map(describeRestore);
  const failed = backups.filter(({ error }) => error !== undefined);
  return {
    lines: [title, ...textTable(rows), ...restores],
    warnings,
    markdown: page(
      `## ${failed.length === 0 ? '🗄️' : '⛔'} ${title}: ${backups.length === 1 ? 'a backup' : `${backups.length} backups`}`,
      failed.map(({ service, server, error }) => caution(`${service} on ${server}: ${error}`)).join('\n\n'),
      markdownTable(rows),
      restores.map((line) => `- ${escapeMarkdown(line)}`).join('\n'),
      warnings.map((line) => `- ⚠️ ${escapeMarkdown(line)}`).join('\n'),
    ),
  };
}

function rowOf(one: BackupOutput): Row {
  return {
    service: one.service,
    server: one.server,
    backup: one.id ?? '-',
    size: bytes(one.size_bytes),
    stored: bytes(one.stored_bytes),
    took: seconds(one.took_ms),
    verified: one.error !== undefined ? 'failed' : one.verified ? 'yes' : 'not yet',
    'restore takes': seconds(one.restore_ms),
    where: one.file ?? one.target ?? '-',
  };
}

function bytes(count: number | undefined): string {
  return count === undefined ? '-' : `${(count / 1e6).toFixed(1)} MB`;
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${(ms / 1000).toFixed(1)} s`;
}
