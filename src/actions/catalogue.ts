import { backup } from '../commands/backup.ts';
import { buildPush } from '../commands/build-push.ts';
import { certificates } from '../commands/certificates.ts';
import type { Command } from '../commands/command.ts';
import { deploy } from '../commands/deploy.ts';
import { doctor } from '../commands/doctor.ts';
import type { InputName } from '../commands/inputs.ts';
import { maintenance } from '../commands/maintenance.ts';
import type { OutputName } from '../commands/outputs.ts';
import { plan } from '../commands/plan.ts';
import { provision } from '../commands/provision.ts';
import { rollback } from '../commands/rollback.ts';
import { secrets } from '../commands/secrets.ts';
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
  /** Another folder, whose composite action runs actions of others before this one. */
  composite?: { folder: string; before: readonly CompositeStep[] };
  command: Command<InputName, OutputName, Result>;
}

/** An action of others, named by its commit. */
export interface CompositeStep {
  uses: string;
  /** The version of that commit. */
  version: string;
  if?: string;
}

/** Every action there is; action.yml and the READMEs' tables are generated from it. */
export const ACTIONS = {
  deploy: { folder: '.', icon: 'git-merge', color: 'blue', command: deploy },
  'build-push': {
    folder: 'actions/build-push/node',
    icon: 'package',
    color: 'blue',
    // A builder that keeps caches, builds for several platforms, and says what is in an image.
    composite: {
      folder: 'actions/build-push',
      before: [
        {
          uses: 'docker/setup-buildx-action@4d04d5d9486b7bd6fa91e7baf45bbb4f8b9deedd',
          version: 'v4.0.0',
          if: "inputs.dry-run != 'true'",
        },
      ],
    },
    command: buildPush,
  },
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
  backup: { folder: 'actions/backup', icon: 'archive', color: 'blue', command: backup },
  secrets: { folder: 'actions/secrets', icon: 'shield', color: 'blue', command: secrets },
  provision: { folder: 'actions/provision', icon: 'server', color: 'blue', command: provision },
  doctor: { folder: 'actions/doctor', icon: 'heart', color: 'blue', command: doctor },
  status: { folder: 'actions/status', icon: 'list', color: 'blue', command: status },
} as const satisfies Record<string, Action>;

export type ActionName = keyof typeof ACTIONS;
