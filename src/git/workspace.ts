import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseSettings, type Setting } from './configuration.ts';
import { quietEnvironment } from './environment.ts';
import { runGit } from './run-git.ts';

/** Where a repository is looked for. */
export interface RepositoryPlace {
  /** A folder of its work tree. */
  workspace: string;
  /** Environment variables. */
  env: NodeJS.ProcessEnv;
}

/** What git says of a workspace. */
export interface Workspace {
  /** Its git folder, and that which all of its work trees share; both absolute. */
  gitDir: string;
  commonDir: string;
  /** `sha1` or `sha256`: how its repository names objects. */
  objectFormat: string;
  /** The top of its work tree: undefined for a bare repository. */
  top: string | undefined;
  /** The whole configuration that holds there. */
  settings: Setting[];
}

/** Why there is none: what git has said. */
export interface NoWorkspace {
  complaint: string;
}

/** readWorkspace asks git for all that is needed of a workspace: two processes, at once. It throws a UserError without git. */
export async function readWorkspace({
  workspace,
  env: given,
}: RepositoryPlace): Promise<Workspace | NoWorkspace> {
  const env = quietEnvironment(given);
  const asked = [
    '--absolute-git-dir',
    '--show-object-format',
    '--git-common-dir',
    '--is-inside-work-tree',
    '--show-cdup',
  ];
  const [place, settings] = await Promise.all([
    runGit(['rev-parse', ...asked], { cwd: workspace, env }),
    runGit(['config', '--list', '--null', '--includes'], { cwd: workspace, env }),
  ]);
  if (place.exitCode !== 0) return { complaint: place.stderr };
  const [gitDir = '', objectFormat = 'sha1', commonDir = '', isInWorkTree, up = ''] = place.stdout
    .toString()
    .split('\n');
  // What git says counts from where it is, and not from a link that leads there.
  const from = realpathSync(workspace);
  return {
    gitDir,
    objectFormat,
    commonDir: commonDir === '' ? gitDir : resolve(from, commonDir),
    top: isInWorkTree === 'true' ? resolve(from, up) : undefined,
    settings: parseSettings(settings.stdout.toString()),
  };
}
