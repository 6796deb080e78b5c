import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { SshConnection } from '../../../src/ssh/connection.ts';
import { blocks, documents, prose, read } from './documents.ts';
import { Reader } from './reader.ts';

// Each test starts a dozen programs, which wait for one another.
jest.setTimeout(30_000);

let reader: Reader;
beforeEach(async () => {
  reader = await Reader.open();
});
afterEach(() => reader.close());

/** inText returns the commands that stand in the text itself, between backticks. */
function inText(start: string): string[] {
  const spans = documents().flatMap((file) => [...prose(file).matchAll(/`([^`\n]+)`/g)]);
  const commands = spans.map(([, command = '']) => command).filter((command) => command.startsWith(start));
  return [...new Set(commands)];
}

describe('the key of the workflow, as a reader makes it', () => {
  const steps = blocks('sh').filter(({ text }) => text.startsWith('ssh-keygen -t'));

  test('README and guide tell how', () => {
    expect(steps.map(({ file }) => file)).toEqual(['README.md', 'docs/guide.md']);
  });

  test.each(steps)('$file:$line: is shown to work, and lets the workflow in', async ({ text }) => {
    expect(await reader.type(text)).toMatch(/Client:[\s\S]*Server:/);
    // `git add .` would commit what lies there.
    expect(await reader.type('git status --short')).toBe('');
    // What the workflow reads is what the reader has set.
    const secret = /ssh-private-key: \$\{\{ secrets\.(\w+) \}\}/.exec(
      read('examples/single-server/.github/workflows/deploy.yml'),
    )?.[1];
    const key = reader.read(`secret-${secret}`);
    const target = { name: 'web-1', host: '127.0.0.1', port: reader.sshPort, user: 'deploy' };
    const connection = await SshConnection.open({ ...target, hostKeys: [reader.hostKey] }, key);
    await connection.close();
  });

  test.each(steps)(
    '$file:$line: is refused where its public half did not get to the server',
    async ({ text }) => {
      const lines = text.split('\n').filter((line) => !line.startsWith('ssh root@'));
      await expect(reader.type(lines.join('\n'))).rejects.toThrow('Permission denied (publickey)');
    },
  );

  test('the guide ends with a push, and everything is ready by then', async () => {
    const { text = '' } = steps.find(({ file }) => file === 'docs/guide.md') ?? {};
    expect(text.trim().split('\n').at(-1)).toBe('git push');
    await reader.type(text);
    expect(await reader.type('git log --oneline origin/main..main')).toBe('');
  });
});

test.each(inText('ssh-keyscan '))('`%s` shows the host key', async (command) => {
  const [, ...line] = (await reader.type(command)).trim().split(' ');
  expect(line.join(' ')).toBe(reader.hostKey);
});

test.each(inText('git ls-remote '))('`%s` shows the commit of the release', async (command) => {
  expect((await reader.type(command)).split('\t')[0]).toBe(reader.released);
});

/** Where a machine has none nobody can type it, and the test counts as skipped. */
const withCurl = Reader.has('curl') ? test : test.skip;

withCurl.each(blocks('sh').filter(({ text }) => text.startsWith('curl ')))(
  '$file:$line: the server is asked for the domain before DNS leads there',
  async ({ text }) => {
    expect(await reader.type(text)).toBe('Welcome to hello.example.com\n');
  },
);
