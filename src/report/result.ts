import type { BackedUp } from '../commands/backup.ts';
import type { Provisioned } from '../commands/bare-servers.ts';
import type { Built } from '../commands/build-push.ts';
import type { CertificateList } from '../commands/certificates.ts';
import type { ChangeResult } from '../commands/change.ts';
import type { MaintenanceSwitched } from '../commands/maintenance.ts';
import type { plan } from '../commands/plan.ts';
import type { ReleaseList } from '../commands/rollback.ts';
import type { SecretsShown } from '../commands/secrets.ts';
import type { Status } from '../commands/status.ts';
import { renderBackups } from './backups.ts';
import { builtLines, renderBuilt } from './built.ts';
import { deployedLines, renderDeployed } from './deployed.ts';
import { dryRunLines, renderDryRun } from './dry-run.ts';
import { renderMaintenance } from './maintenance.ts';
import { renderPast } from './past-releases.ts';
import { renderPresets } from './presets.ts';
import { renderProvisioned } from './provisioned.ts';
import { renderSecrets } from './secrets.ts';
import { renderStatus } from './status.ts';

/** What any of the commands comes to. */
export type Result =
  | BackedUp
  | Built
  | CertificateList
  | ChangeResult
  | Awaited<ReturnType<typeof plan.run>>
  | ReleaseList
  | Status
  | MaintenanceSwitched
  | Provisioned
  | SecretsShown;

/** A result for people. */
export interface Rendered {
  /** For a log or a terminal; what was told while the command ran is not repeated. */
  lines: string[];
  /** Lines that nobody should overlook. */
  warnings: string[];
  /** For the job summary and comments. */
  markdown: string;
}

/** render returns what a command came to, for people. Pure. */
export function render(result: Result): Rendered {
  switch (result.kind) {
    case 'deployed':
      return {
        lines: [...builtLines(result.built), ...deployedLines(result)],
        warnings: [],
        markdown: renderDeployed(result),
      };
    case 'dry run':
      return { ...dryRunLines(result), markdown: renderDryRun(result) };
    case 'releases':
      return { ...renderPast(result.title, result.past), warnings: [] };
    case 'presets':
      return { ...renderPresets(result), warnings: [] };
    case 'built':
      return { ...renderBuilt(result), warnings: [] };
    case 'backups':
      return renderBackups(result);
    case 'secrets':
      return { ...renderSecrets(result), warnings: [] };
    case 'provisioned':
      return renderProvisioned(result);
    case 'maintenance':
      return renderMaintenance(result);
    case 'certificates':
    case 'status':
      return renderStatus(result.report);
  }
}
