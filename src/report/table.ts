import { escapeMarkdown } from './markdown.ts';

/** A row of a table: its cells by column. All rows of a table have the same columns. */
export type Row = Record<string, string>;

/** textTable returns rows as the lines of a log, with a head; none for no rows. */
export function textTable(rows: readonly Row[]): string[] {
  const [first] = rows;
  if (first === undefined) return [];
  const columns = Object.keys(first);
  const widths = columns.map((column) =>
    Math.max(column.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: string[]) =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(columns), ...rows.map((row) => line(columns.map((column) => row[column] ?? '')))];
}

/** markdownTable returns rows as a table in GitHub's Markdown; empty for no rows. */
export function markdownTable(rows: readonly Row[]): string {
  const [first] = rows;
  if (first === undefined) return '';
  const columns = Object.keys(first);
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map((row) => line(columns.map((column) => escapeMarkdown(row[column] ?? '')))),
  ].join('\n');
}
