import type { BackupFacts } from '../model/backup.ts';

/** At most so many differences are told one by one. */
const TOLD = 5;

/** differencesOf returns what a restored database has not as it was counted, as sentences; none where all is there. Pure. */
export function differencesOf(counted: BackupFacts, restored: BackupFacts): string[] {
  const differences = [
    ...countsOf('rows of', counted.rows, restored.rows),
    ...countsOf('', counted.objects ?? {}, restored.objects ?? {}),
    ...Object.entries(counted.sequences ?? {}).flatMap(([name, value]) => {
      const now = restored.sequences?.[name];
      // It may have moved on between the count and the dump.
      return now !== undefined && now >= value
        ? []
        : [`sequence ${name}: ${value}, restored ${now ?? 'not at all'}`];
    }),
    ...(counted.indexes ?? [])
      .filter((name) => !restored.indexes?.includes(name))
      .map((name) => `index ${name} is missing`),
    ...Object.entries(counted.digests ?? {}).flatMap(([name, digest]) =>
      restored.digests?.[name] === digest ? [] : [`${name} has another SHA-256 than it had`],
    ),
    ...(counted.query === restored.query
      ? []
      : [
          `the query answers ${JSON.stringify(restored.query ?? '')}, and answered ${JSON.stringify(counted.query ?? '')}`,
        ]),
  ];
  const more = differences.length - TOLD;
  return more > 0 ? [...differences.slice(0, TOLD), `and ${more} more`] : differences;
}

function countsOf(
  what: string,
  counted: Readonly<Record<string, number>>,
  restored: Readonly<Record<string, number>>,
): string[] {
  const names = [...new Set([...Object.keys(counted), ...Object.keys(restored)])].sort();
  return names.flatMap((name) => {
    const [was, is] = [counted[name], restored[name]];
    const title = `${what} ${name}`.trim();
    return was === is ? [] : [`${title}: ${was ?? 'none'}, restored ${is ?? 'none'}`];
  });
}
