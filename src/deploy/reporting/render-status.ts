import type { StatusReport } from '../looking/status.ts';
import { historyRows } from './render-history.ts';
import { markdownTable, textTable } from './table.ts';

/** Releases of each service. */
const SHOWN = 5;

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
  const past = Object.entries(report.services).flatMap(([service, { history }]) =>
    historyRows(service, history.slice(0, SHOWN)),
  );
  const drift = report.drift.map((one) => `drift: ${one}`);
  const lease = report.lease === undefined ? [] : [`being changed by ${report.lease}`];
  const nginx = report.nginx.map(({ host, edge, sidecar }) => `${host}: edge ${edge}, sidecar ${sidecar}`);
  return {
    lines: [
      report.title,
      ...(rows.length === 0 ? ['nothing is deployed'] : textTable(rows)),
      ...nginx,
      ...lease,
      ...drift,
      ...textTable(past),
    ],
    markdown: `## ${report.title}

${rows.length === 0 ? 'Nothing is deployed.' : markdownTable(rows)}

${[...nginx, ...lease].map((line) => `- ${line}`).join('\n')}

${drift.length === 0 ? 'Servers and record agree.' : drift.map((line) => `- ⚠️ ${line}`).join('\n')}
${past.length === 0 ? '' : `\n### The last releases\n\n${markdownTable(past)}\n`}`,
  };
}
