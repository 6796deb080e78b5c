import type { SecretsShown } from '../commands/secrets.ts';
import type { ListedSecret } from '../deploy/record/secret-list.ts';
import type { SecretSource } from '../model/named-secret.ts';
import { escapeMarkdown, page } from './markdown.ts';
import { markdownTable, type Row, textTable } from './table.ts';

const SOURCE: Record<SecretSource, string> = {
  generated: 'generated',
  'encrypted file': 'encrypted file of the repository',
  file: 'file of the runner',
  run: 'input secrets',
};

/** renderSecrets returns what is known of secrets, or was done with them, for a log and as Markdown. Pure. */
export function renderSecrets(shown: SecretsShown): { lines: string[]; markdown: string } {
  const { title } = shown;
  const { headline, rows = [], lines = [] } = tellingOf(shown);
  return {
    lines: [`${title}: ${headline}`, ...textTable(rows), ...lines],
    markdown: page(
      `## ${escapeMarkdown(title)}: ${escapeMarkdown(headline)}`,
      markdownTable(rows),
      lines.map((line) => `- ${escapeMarkdown(line)}`).join('\n'),
    ),
  };
}

function tellingOf(shown: SecretsShown): { headline: string; rows?: Row[]; lines?: string[] } {
  const all = Object.entries(shown.secrets);
  switch (shown.task) {
    case 'list':
      return all.length === 0 ? { headline: 'no secrets' } : { headline: 'secrets', rows: all.map(rowOf) };
    case 'show-recipients':
      return recipientsOf(all, shown.recipients);
    case 'prune': {
      const { pruned, isDryRun } = shown;
      const verb = isDryRun ? 'would be given up' : 'were given up';
      return {
        headline: pruned.length === 0 ? 'there are no old values that nobody needs' : `old values ${verb}`,
        lines: pruned.map(
          ({ server, sets }) =>
            `${server}: ${sets.map(({ service, version }) => `${service} ${version}`).join(', ')}`,
        ),
      };
    }
    case 'export': {
      const { exported, file, isPlain } = shown;
      return {
        headline: `${exported.length === 1 ? '1 generated secret is' : `${exported.length} generated secrets are`} in ${file}, ${isPlain ? 'readable by whoever has the file: remove it when it is not needed any more' : 'encrypted for the key that opened the copies on the state branch'}`,
        lines: exported,
      };
    }
  }
}

function rowOf([name, { from, usedBy, generated }]: [string, ListedSecret]): Row {
  const users = usedBy.map(({ service, set, since }) => {
    return set === 0
      ? service
      : `${service} (set ${set}${since === undefined ? '' : `, since ${dayOf(since)}`})`;
  });
  const made =
    generated === undefined ? 'not made yet' : `${dayOf(generated.made_at)}, ${generated.length} characters`;
  return {
    secret: name,
    from: SOURCE[from],
    made: from === 'generated' ? made : '',
    'used by': users.join(', ') || 'nobody',
  };
}

function recipientsOf(all: [string, ListedSecret][], recipients: readonly string[]) {
  const rows = all.flatMap(([name, { generated, sealedFor = [] }]) =>
    generated === undefined
      ? []
      : [{ secret: name, 'its encrypted copy is for': sealedFor.join(', ') || 'nobody: there is none' }],
  );
  const isStale = all.some(
    ([, { generated, sealedFor = [] }]) =>
      generated !== undefined &&
      recipients.length > 0 &&
      (sealedFor.length !== recipients.length || recipients.some((one) => !sealedFor.includes(one))),
  );
  return {
    headline: 'who can open the encrypted copies of generated secrets',
    rows,
    lines: [
      recipients.length === 0
        ? 'The file names nobody: with "age_recipients" there is an encrypted copy of each on the state branch.'
        : `The file names ${recipients.join(', ')}.${isStale ? ' The next deploy of a service that uses them writes those copies anew.' : ''}`,
    ],
  };
}

function dayOf(time: string): string {
  return time.slice(0, 10);
}
