import type { StatusReport } from './status.ts';

/** renderStatus returns a status as lines for a log and as Markdown for the job summary. Pure. */
export function renderStatus(report: StatusReport): { lines: string[]; markdown: string } {
  const rows = Object.entries(report.services).flatMap(([service, { release, servers }]) =>
    servers.map(({ host, side, container, release: created, image, isRunning, isActive }) => ({
      service,
      release: String(created || release),
      host,
      side: `${side}${isActive ? ' (active)' : ''}`,
      container,
      image,
      state: isRunning ? 'runs' : 'stopped',
    })),
  );
  const drift = report.drift.map((one) => `drift: ${one}`);
  const lease = report.lease === undefined ? [] : [`being changed by ${report.lease}`];
  const nginx = report.nginx.map(({ host, edge, sidecar }) => `${host}: edge ${edge}, sidecar ${sidecar}`);
  return {
    lines: [report.title, ...table(rows), ...nginx, ...lease, ...drift],
    markdown: `## ${report.title}

${rows.length === 0 ? 'Nothing is deployed.' : markdownTable(rows)}

${[...nginx, ...lease].map((line) => `- ${line}`).join('\n')}

${drift.length === 0 ? 'Servers and record agree.' : drift.map((line) => `- ⚠️ ${line}`).join('\n')}
`,
  };
}

type Row = Record<string, string>;

function table(rows: readonly Row[]): string[] {
  const [first] = rows;
  if (first === undefined) return ['nothing is deployed'];
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

function markdownTable(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map((row) => line(columns.map((column) => row[column] ?? ''))),
  ].join('\n');
}
