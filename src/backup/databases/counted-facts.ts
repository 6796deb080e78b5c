import * as z from 'zod';
import type { BackupFacts } from '../../model/backup.ts';

/** What scripts write of what they have counted, a fact a line. */
const Fact = z.union([
  z.tuple([z.literal('rows'), z.string(), z.int()]),
  z.tuple([z.literal('sequence'), z.string(), z.number()]),
  z.tuple([z.literal('index'), z.string()]),
  z.tuple([z.literal('objects'), z.string(), z.int()]),
]);

/**
 * countedFacts reads what was counted in a database that speaks SQL: the file `facts`, and the file `query` with the answer of the
 * user's query. It throws for a line that is no fact. Pure.
 */
export function countedFacts(output: ReadonlyMap<string, string>): BackupFacts {
  const lines = (output.get('facts') ?? '').split('\n').filter((line) => line !== '');
  const facts = lines.map((line) => Fact.parse(JSON.parse(line)));
  const query = output.get('query') ?? '';
  const pick = (kind: 'rows' | 'sequence' | 'objects') =>
    Object.fromEntries(facts.flatMap(([of, name, count]) => (of === kind ? [[name, count ?? 0]] : [])));
  const sequences = pick('sequence');
  return {
    rows: pick('rows'),
    ...(Object.keys(sequences).length > 0 && { sequences }),
    indexes: facts.flatMap(([of, name]) => (of === 'index' ? [name] : [])),
    objects: pick('objects'),
    ...(query !== '' && { query: query.trimEnd() }),
  };
}
