import type { InputName, OutputName } from './inputs.ts';

/** An action as its folder presents it. */
export interface ActionSpec {
  /** Folder of action.yml, from the root of the repository. */
  folder: string;
  title: string;
  description: string;
  icon: string;
  color: string;
  inputs: readonly InputName[];
  /** What inputs mean here, where that is not what they mean elsewhere. */
  meanings?: Partial<Record<InputName, string>>;
  outputs: readonly OutputName[];
}

const SHARED = ['environment', 'config', 'ssh-private-key', 'state-branch', 'github-token'] as const;

/** What is needed to plan a deploy of some services. */
const PLANNED = [
  'environment',
  'service',
  'zones',
  'exclude-servers',
  'config',
  'ssh-private-key',
  'secrets',
  'images',
  'state-branch',
  'github-token',
] as const;

/** Every action there is; action.yml and the READMEs' tables are generated from it. */
export const ACTIONS = {
  deploy: {
    folder: '.',
    title: 'Switchyard',
    description: 'Deploy everything of an environment to your own servers, without losing a request.',
    icon: 'git-merge',
    color: 'blue',
    inputs: [
      'environment',
      'exclude-servers',
      'config',
      'ssh-private-key',
      'secrets',
      'images',
      'state-branch',
      'github-token',
      'lease-wait',
      'unfinished-hook',
      'dry-run',
    ],
    outputs: ['changed', 'releases', 'result'],
  },
  'toggle-deploy': {
    folder: 'actions/toggle-deploy',
    title: 'Switchyard toggle-deploy',
    description:
      'Start new containers beside the old ones, prove them healthy, switch nginx on every server, drain and stop the old ones.',
    icon: 'repeat',
    color: 'blue',
    inputs: [...PLANNED, 'lease-wait', 'unfinished-hook', 'dry-run'],
    outputs: ['changed', 'releases', 'result'],
  },
  rollback: {
    folder: 'actions/rollback',
    title: 'Switchyard rollback',
    description:
      'Bring services back to an earlier release, with its image, settings, routes and secrets, without losing a request.',
    icon: 'rotate-ccw',
    color: 'blue',
    inputs: [
      'environment',
      'service',
      'to',
      'zones',
      'exclude-servers',
      'config',
      'ssh-private-key',
      'state-branch',
      'github-token',
      'lease-wait',
      'dry-run',
    ],
    meanings: {
      service:
        'The services to bring back, one a line. They change in the order of their dependencies. Needed, but for `to: list`, which then shows all.',
    },
    outputs: ['changed', 'releases', 'result'],
  },
  'update-nginx': {
    folder: 'actions/update-nginx',
    title: 'Switchyard update-nginx',
    description:
      'Render the routes of all that is deployed in an environment and apply them where anything differs.',
    icon: 'shuffle',
    color: 'blue',
    inputs: [...SHARED, 'zones', 'exclude-servers', 'lease-wait', 'dry-run'],
    outputs: ['changed', 'releases', 'result'],
  },
  plan: {
    folder: 'actions/plan',
    title: 'Switchyard plan',
    description:
      'Show what a deploy would change and why, where servers and record differ, and whether the servers are ready for it: in the log, the job summary and one comment of the pull request.',
    icon: 'eye',
    color: 'blue',
    inputs: [...PLANNED, 'comment', 'exit-code'],
    outputs: ['changed', 'releases', 'plan'],
  },
  status: {
    folder: 'actions/status',
    title: 'Switchyard status',
    description: 'Show what runs where in an environment, and where it differs from the record.',
    icon: 'list',
    color: 'blue',
    inputs: [...SHARED, 'zones', 'exclude-servers'],
    outputs: ['releases', 'result'],
  },
} as const satisfies Record<string, ActionSpec>;

export type ActionName = keyof typeof ACTIONS;
