import { describeBackup, describeRestore } from '../deploy/observation/backups.ts';
import { describeEnd } from '../deploy/observation/certificates.ts';
import type { StatusReport } from '../deploy/observation/status.ts';
import type { ServiceTraffic } from '../nginx/traffic.ts';
import { historyRows } from './history.ts';
import { page } from './markdown.ts';
import { markdownTable, type Row, textTable } from './table.ts';

/** Releases of each service. */
const SHOWN = 5;

/** renderStatus returns a status as lines for a log, as warnings, and as Markdown for the job summary. Pure. */
export function renderStatus(report: StatusReport): {
  lines: string[];
  warnings: string[];
  markdown: string;
} {
  const { title, services } = report;
  const rows = Object.entries(services).flatMap(([service, { copies }]) =>
    copies.map((copy) => copyRow(service, copy)),
  );
  const past = Object.entries(services).flatMap(([service, { history }]) =>
    historyRows(service, history.slice(0, SHOWN)),
  );
  const routes = Object.entries(services).flatMap(([service, { routes: own = [] }]) =>
    own.length === 0 ? [] : `${service} at ${own.join(', ')}`,
  );
  const served = Object.entries(services).flatMap(([service, { traffic }]) =>
    traffic === undefined ? [] : [trafficRow(service, traffic)],
  );
  const drift = report.drift.map((one) => `drift: ${one}`);
  const exposed = report.exposed.map((one) => `exposed: ${one}`);
  const maintenance = report.maintenance.map((one) => `maintenance: ${one}`);
  const lease = report.lease === undefined ? [] : [`being changed by ${report.lease}`];
  const nginx = report.nginx.map(
    ({ server, edge, sidecar }) => `${server}: edge ${edge}, sidecar ${sidecar}`,
  );
  const certificates = report.certificates.map(certificateLine);
  const backups = [...report.backups.map(describeBackup), ...report.restores.map(describeRestore)];
  const late = report.certificates.filter(({ urgency }) => urgency === 'late');
  return {
    warnings: [
      ...late.map((one) => `${certificateLine(one)}, and nothing has renewed it`),
      ...report.backups
        .filter(({ verified, isLate }) => verified === undefined && !isLate)
        .map(describeBackup),
    ],
    lines: [
      title,
      ...(rows.length === 0 ? ['nothing is deployed'] : textTable(rows)),
      ...routes,
      ...textTable(served),
      ...nginx,
      ...certificates,
      ...backups,
      ...lease,
      ...maintenance,
      ...drift,
      ...exposed,
      ...textTable(past),
    ],
    markdown: page(
      `## ${title}`,
      rows.length === 0 ? 'Nothing is deployed.' : markdownTable(rows),
      maintenance.map((line) => `- 🚧 ${line}`).join('\n'),
      served.length === 0 ? '' : `### What the edge sees\n\n${markdownTable(served)}`,
      [...routes, ...nginx, ...certificates, ...backups, ...lease].map((line) => `- ${line}`).join('\n'),
      drift.length === 0 ? 'Servers and record agree.' : drift.map((line) => `- ⚠️ ${line}`).join('\n'),
      exposed.map((line) => `- ⛔ ${line}`).join('\n'),
      past.length === 0 ? '' : `### The last releases\n\n${markdownTable(past)}`,
    ),
  };
}

function certificateLine(one: StatusReport['certificates'][number]): string {
  return `certificate of ${one.domain}: ${describeEnd(one)} on ${one.servers.join(', ')}`;
}

function copyRow(service: string, copy: StatusReport['services'][string]['copies'][number]): Row {
  const { server, slot, container, release, image, isRunning, isActive, isStandby } = copy;
  const role = isActive ? ' (active)' : isStandby ? ' (standby)' : '';
  return {
    service,
    release: String(release),
    server,
    slot: `${slot}${role}`,
    container,
    image,
    state: isRunning ? 'runs' : 'stopped',
  };
}

function trafficRow(service: string, traffic: ServiceTraffic): Row {
  const { seconds, requests, requestsPerSecond, errors, latencyMs, connections } = traffic;
  const time = (ms: number | undefined) => (ms === undefined ? '-' : `${ms} ms`);
  const { active, draining } = connections;
  return {
    service,
    'in the last': `${Math.round(seconds / 60)} min`,
    requests: String(requests),
    'a second': requestsPerSecond.toFixed(1),
    errors: errors === 0 ? '0' : `${errors} (${((100 * errors) / requests).toFixed(1)} %)`,
    p50: time(latencyMs?.p50),
    p95: time(latencyMs?.p95),
    p99: time(latencyMs?.p99),
    connections: draining === 0 ? String(active) : `${active}, ${draining} draining`,
  };
}
