import type { MaintenanceSwitched } from '../commands/maintenance.ts';
import { describeMaintenance } from '../deploy/observation/maintenance.ts';
import { page } from './markdown.ts';

/** renderMaintenance returns what was switched as lines for a log and as Markdown, and what people may not expect. Pure. */
export function renderMaintenance({ title, report }: MaintenanceSwitched): {
  lines: string[];
  warnings: string[];
  markdown: string;
} {
  const { isOn, changed, services, now } = report;
  const state = isOn ? 'in maintenance' : 'not in maintenance by the action';
  const headline = `${title}: ${services.join(', ')} ${services.length === 1 ? 'is' : 'are'} ${changed ? 'now' : 'already'} ${state}`;
  const stays = isOn ? [] : now.filter(({ from, service }) => from === 'file' && services.includes(service));
  const warnings = stays.map(
    ({ service }) =>
      `${service} stays in maintenance: switchyard.yml says so. Take that out of the file and deploy`,
  );
  const lines = describeMaintenance(now);
  return {
    lines: [headline, ...lines],
    warnings,
    markdown: page(
      `## ${isOn ? '🚧' : '✅'} ${headline}`,
      [...lines, ...warnings.map((line) => `⚠️ ${line}`)].map((line) => `- ${line}`).join('\n'),
    ),
  };
}
