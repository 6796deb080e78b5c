import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { blocks, documents, prose, read } from './documents.ts';

/** One command line of a document, without its comment. */
interface Command {
  file: string;
  text: string;
  /** Meant for a server: test/e2e/docs.test.ts runs it there. */
  isForServer: boolean;
}

const commands = blocks('sh').flatMap(({ file, text }): Command[] =>
  text
    .split('\n')
    .map((line) => line.replace(/\s+#.*$|^#.*$/, '').trim())
    .filter((line) => line !== '')
    .map((line) => ({ file, text: line, isForServer: isForServer(text) })),
);

function isForServer(text: string): boolean {
  return text.startsWith('# on the server') || text.startsWith('apt-get update');
}

/** Who works in the clone. */
const PERSON = {
  GIT_AUTHOR_NAME: 'Lab',
  GIT_AUTHOR_EMAIL: 'lab@example.com',
  GIT_COMMITTER_NAME: 'Lab',
  GIT_COMMITTER_EMAIL: 'lab@example.com',
};

const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts?: object }).scripts ?? {});
const here = commands.filter(({ isForServer }) => !isForServer);

/** inSpans returns commands that stand in the text itself, between backticks. */
function inSpans(pattern: RegExp): { file: string; name: string }[] {
  return documents().flatMap((file) =>
    [...`${prose(file)}`.matchAll(pattern)].map(([, name = '']) => ({ file, name })),
  );
}

describe('scripts that documents name', () => {
  const named = [
    ...here.flatMap(({ file, text }) => {
      const name = /^npm (?:run )?([\w:-]+)/.exec(text)?.[1];
      return name === undefined ? [] : [{ file, name }];
    }),
    ...inSpans(/`npm run ([\w:-]+)/g),
  ];

  test.each(named)('$file: npm run $name', ({ name }) => {
    expect(scripts).toContain(name);
  });
});

describe('commands for a clone', () => {
  let folder: string;
  const git = (cwd: string, ...args: string[]) => execFileSync('git', args, { cwd, encoding: 'utf8' });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-docs-'));
    const person = ['-c', 'user.name=Lab', '-c', 'user.email=lab@example.com'];
    git(folder, 'init', '--quiet', '--bare', 'origin.git');
    git(folder, 'clone', '--quiet', 'origin.git', 'clone');
    const clone = join(folder, 'clone');
    git(clone, 'checkout', '--quiet', '--orphan', 'switchyard-state');
    execFileSync('mkdir', ['-p', join(clone, 'state', 'shop')]);
    writeFileSync(join(clone, 'state', 'shop', 'production.json'), '{}\n');
    git(clone, 'add', '--all');
    git(clone, ...person, 'commit', '--quiet', '--message', 'shop production: api → 1 (2 servers)');
    git(clone, 'push', '--quiet', 'origin', 'switchyard-state');
    git(clone, 'checkout', '--quiet', '--orphan', 'main');
    git(clone, ...person, 'commit', '--quiet', '--allow-empty', '--message', 'The shop');
    git(clone, 'push', '--quiet', '--set-upstream', 'origin', 'main');
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const blocksForGit = blocks('sh').filter(({ text }) => /^git /m.test(text) && !/^gh /m.test(text));

  test.each(blocksForGit)('$file:$line runs', ({ text }) => {
    const said = execFileSync('bash', ['-euc', text], {
      cwd: join(folder, 'clone'),
      encoding: 'utf8',
      env: { ...process.env, ...PERSON, GIT_PAGER: 'cat' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(said.includes('shop production') || text.includes('git push')).toBe(true);
  });

  test.each(here.filter(({ text }) => text.startsWith('ssh-keygen -t')))('$file: $text', ({ text }) => {
    execFileSync('bash', ['-euc', text.replace('~/.ssh/switchyard-key', `${folder}/key`)]);
    expect(execFileSync('cat', [`${folder}/key.pub`], { encoding: 'utf8' })).toMatch(
      /^ssh-ed25519 \S+ switchyard\n$/,
    );
    rmSync(`${folder}/key`);
    rmSync(`${folder}/key.pub`);
  });
});

describe('every other command', () => {
  /** Checked above, in test/e2e/docs.test.ts, or only to be typed by a person with an account on GitHub. */
  const known =
    /^(?:npm (?:run |test)|git |ssh-keygen -t|gh secret set SSH_PRIVATE_KEY < ~\/\.ssh\/switchyard-key$|ssh (?:root|-i ~\/\.ssh\/switchyard-key deploy)@203\.0\.113\.10 |curl --header )/;

  test('is one of those that are run somewhere', () => {
    expect(here.filter(({ text }) => !known.test(text))).toEqual([]);
  });
});
