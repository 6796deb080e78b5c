/**
 * Audits all workflows and actions with zizmor (https://docs.zizmor.sh): those of this repository, of the examples, and
 * whole ones in the documents, as readers have them when they have filled in OWNER and COMMIT. It asks no network. Ends
 * with 1 when zizmor finds something, and with LEFT_OUT where zizmor is not installed.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { blocks, read, root } from '../test/unit/docs/documents.ts';

/** The exit code for: nothing was checked. */
const LEFT_OUT = 77;

/** isAudited tells whether a file from the root is a workflow, an action or the settings of Dependabot. */
function isAudited(path: string): boolean {
  return /(?:^|\/)(?:\.github\/workflows\/[^/]+|action|\.github\/dependabot)\.ya?ml$/.test(path);
}

function filesOfRepository(): Map<string, string> {
  const below = (folder: string) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path));
  const paths = ['action.yml', ...['.github', 'actions', 'examples'].flatMap(below)].filter(isAudited);
  return new Map(paths.map((path) => [path, read(path)]));
}

/** Whole workflows of the documents, by the place where they stand; zizmor knows a workflow by its folder. */
function workflowsOfDocuments(): Map<string, string> {
  const whole = blocks('yaml').filter(({ text }) => /^jobs:/m.test(text));
  return new Map(whole.map(({ file, line, text }) => [`${file}/.github/workflows/line-${line}.yml`, text]));
}

const folder = mkdtempSync(join(tmpdir(), 'switchyard-audit-'));
try {
  const files = new Map([...filesOfRepository(), ...workflowsOfDocuments()]);
  for (const [path, text] of files) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(
      join(folder, path),
      text.replaceAll('OWNER/', 'acme/').replaceAll('@COMMIT', `@${'c0'.repeat(20)}`),
    );
  }
  const options = ['--offline', '--strict-collection', '--no-progress', '--quiet', '--color=never'];
  const audit = spawnSync('zizmor', [...options, ...files.keys()], { cwd: folder, encoding: 'utf8' });
  if ((audit.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    console.log('zizmor is not on this machine (`pipx install zizmor`): no workflow was audited');
    process.exitCode = LEFT_OUT;
  } else if (audit.error !== undefined) {
    throw audit.error;
  } else {
    console.log(`${audit.stdout}${audit.stderr}`.trim());
    process.exitCode = audit.status === 0 ? 0 : 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
