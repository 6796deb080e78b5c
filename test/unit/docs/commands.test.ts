import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { blocks, documents, prose, read } from './documents.ts';
import { isForServer, SERVER_BLOCK_NAMES, serverBlock, serverBlocks } from './server-blocks.ts';

/** One command line of a document, without its comment. */
interface Command {
  file: string;
  text: string;
}

/** Who works in the clone. */
const PERSON = {
  GIT_AUTHOR_NAME: 'Lab',
  GIT_AUTHOR_EMAIL: 'lab@example.com',
  GIT_COMMITTER_NAME: 'Lab',
  GIT_COMMITTER_EMAIL: 'lab@example.com',
};

const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts?: object }).scripts ?? {});
/** What is meant for the reader's own machine. */
const here = blocks('sh')
  .filter((block) => !isForServer(block))
  .flatMap(({ file, text }): Command[] =>
    text
      .split('\n')
      .map((line) => line.replace(/\s+#.*$|^#.*$/, '').trim())
      .filter((line) => line !== '')
      .map((line) => ({ file, text: line })),
  );

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
});

describe('commands for a server', () => {
  const typed = read('test/e2e/docs.test.ts');

  test.each(SERVER_BLOCK_NAMES)('there is one to %s, and an end-to-end test types it', (name) => {
    expect(serverBlock(name).text).not.toBe('');
    expect(typed).toContain(`serverBlock('${name}')`);
  });

  test('no others are there', () => {
    expect(serverBlocks().map(({ text }) => text)).toHaveLength(SERVER_BLOCK_NAMES.length);
  });
});

describe('every other command', () => {
  /** By what runs it; of `npm` only the names of the scripts are checked, above: they are what runs these tests. */
  const RUN_BY: Record<string, RegExp> = {
    'test/lab/age.test.ts': /^age(?:-keygen)? /,
    'the names of the scripts': /^npm (?:run |test)/,
    'the clone above': /^git (?!push$)/,
    // `gh` needs an account: there it is a stand-in with the form that its manual has.
    'first-deploy.test.ts': /^(?:ssh-keygen -t |ssh |gh secret set |curl |git push$)/,
  };

  test('is run somewhere', () => {
    const runs = Object.values(RUN_BY);
    expect(here.filter(({ text }) => !runs.some((pattern) => pattern.test(text)))).toEqual([]);
  });
});

describe('commands in the text', () => {
  const spans = documents().flatMap((file) =>
    [...prose(file).matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => ({ file, text })),
  );
  const isCommand = (text: string) =>
    /^(?:apt-get|curl|docker|gh|git|journalctl|npm|ss|ssh|ssh-keygen|ssh-keyscan|systemctl|usermod|iptables|cat|df) \S/.test(
      text,
    ) && !text.includes('…');

  /** Those that a test runs. */
  const RUN =
    /^(?:npm (?:run |test$)|ssh-keyscan |git ls-remote |docker logs switchyard_edge|cat \/etc\/ssh\/ssh_host_ed25519_key\.pub$|ssh-keygen -(?:t ed25519$|lf |p -N '' -f$|y -f$))/;

  /** Those that none can, and why. */
  const NOT_RUN: [RegExp, string][] = [
    [
      /^docker (?:image prune|builder prune|logs$|volume (?:prune|rm)|system prune|system df|update|login|pull|run|inspect|ps|buildx inspect)\b/,
      'Docker’s own, named without what they are for',
    ],
    [/^docker system dial-stdio$/, 'typed by the product, see src/fleet/dial.ts'],
    [/^(?:systemctl|journalctl|usermod|ss) /, 'of the server’s system: the lab’s servers have no systemd'],
    [
      /^git (?:log -p|ls-remote|push|remote -v|config --global --add safe\.directory|failed|was not found)/,
      'of the reader’s own machine and settings, or the beginning of an error',
    ],
  ];

  test('are run, or named here as those that cannot be', () => {
    const unknown = spans.filter(
      ({ text }) => isCommand(text) && !RUN.test(text) && !NOT_RUN.some(([pattern]) => pattern.test(text)),
    );
    expect(unknown).toEqual([]);
  });
});

describe('ssh-keygen, as the runbook says', () => {
  let folder: string;
  const keygen = (...args: string[]) =>
    execFileSync('ssh-keygen', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-docs-'));
    keygen('-t', 'ed25519', '-q', '-N', 'secret', '-f', join(folder, 'key'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('shows the fingerprint, takes a passphrase off, and reads the key then', () => {
    const operations = prose('docs/operations.md');
    for (const form of ['ssh-keygen -lf ', "ssh-keygen -p -N '' -f", 'ssh-keygen -y -f']) {
      expect(operations).toContain(`\`${form}`);
    }
    expect(keygen('-lf', join(folder, 'key.pub'))).toMatch(/^256 SHA256:/);
    keygen('-p', '-P', 'secret', '-N', '', '-f', join(folder, 'key'));
    expect(keygen('-y', '-f', join(folder, 'key'))).toMatch(/^ssh-ed25519 /);
  });
});
