import { buildPush } from '../commands/build-push.ts';
import { certificates } from '../commands/certificates.ts';
import type { Command } from '../commands/command.ts';
import { deploy } from '../commands/deploy.ts';
import type { InputName } from '../commands/inputs.ts';
import { maintenance } from '../commands/maintenance.ts';
import type { OutputName } from '../commands/outputs.ts';
import { plan } from '../commands/plan.ts';
import { rollback } from '../commands/rollback.ts';
import { status } from '../commands/status.ts';
import { toggleDeploy } from '../commands/toggle-deploy.ts';
import { updateNginx } from '../commands/update-nginx.ts';
import type { Result } from '../report/result.ts';

/** An action: a command behind a folder. */
export interface Action {
  /** Folder of action.yml, from the root of the repository. */
  folder: string;
  /** Of the Marketplace. */
  icon: string;
  color: string;
  command: Command<InputName, OutputName, Result>;
}

/** Every action there is; action.yml and the READMEs' tables are generated from it. */
export const ACTIONS = {
  deploy: { folder: '.', icon: 'git-merge', color: 'blue', command: deploy },
  'build-push': { folder: 'actions/build-push', icon: 'package', color: 'blue', command: buildPush },
  'toggle-deploy': {
    folder: 'actions/toggle-deploy',
    icon: 'repeat',
    color: 'blue',
    command: toggleDeploy,
  },
  rollback: { folder: 'actions/rollback', icon: 'rotate-ccw', color: 'blue', command: rollback },
  'update-nginx': { folder: 'actions/update-nginx', icon: 'shuffle', color: 'blue', command: updateNginx },
  certificates: { folder: 'actions/certificates', icon: 'lock', color: 'blue', command: certificates },
  plan: { folder: 'actions/plan', icon: 'eye', color: 'blue', command: plan },
  maintenance: {
    folder: 'actions/maintenance',
    icon: 'pause-circle',
    color: 'blue',
    command: maintenance,
  },
  status: { folder: 'actions/status', icon: 'list', color: 'blue', command: status },
} as const satisfies Record<string, Action>;

export type ActionName = keyof typeof ACTIONS;
