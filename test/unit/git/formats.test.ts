import { describe, expect, test } from '@jest/globals';
import { parseObjects } from '../../../src/git/cat-file.ts';
import { remoteFailure } from '../../../src/git/failures.ts';
import { importStream, parseImport } from '../../../src/git/fast-import.ts';
import { blobId } from '../../../src/git/object-id.ts';
import { isRace, parsePushReport } from '../../../src/git/push-report.ts';
import { isRefName, refspecFor } from '../../../src/git/ref-pattern.ts';
import { namesInTree } from '../../../src/git/tree.ts';

const ID = 'a'.repeat(40);

test('objects are cut by bytes, and missing ones are undefined', () => {
  const output = Buffer.from(`${ID} blob 3\nü\n\nrefs/x missing\n${ID} commit 0\n\n`, 'utf8');
  expect(parseObjects(output, 3).map((object) => object?.content.toString())).toEqual(['ü\n', undefined, '']);
  expect(() => parseObjects(output, 4)).toThrow('answered 3 of 4');
});

test.each([
  ['sha1', 20],
  ['sha256', 32],
])('a tree of %s has names of any length, and ids with any byte', (format, length) => {
  const item = (name: string) => Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.alloc(length, 0x20)]);
  expect(namesInTree(Buffer.concat([item('1.json'), item('ü b.json')]), format)).toEqual([
    '1.json',
    'ü b.json',
  ]);
  expect(namesInTree(Buffer.alloc(0), format)).toEqual([]);
});

test('a blob has the id git gives it', () => {
  expect(blobId('hello\n', 'sha1')).toBe('ce013625030ba8dba906f756967f9e9ca394464a');
});

test('an import counts bytes, keeps line ends out of names, and tells what stood before', () => {
  const drafts = [
    { parent: undefined, message: 'ä', files: new Map([['a', '1']]) },
    {
      parent: ID,
      message: 'm',
      files: new Map([
        ['b', '2'],
        ['c', '3'],
      ]),
    },
  ];
  const stream = importStream(drafts, { name: 'x\n<y>', email: 'e', at: new Date(1500) }).toString();
  expect(stream).toContain('committer x  y <e> 1 +0000\ndata 2\nä\n');
  expect(stream).toContain(`ls ${ID} b\nls ${ID} c\ncommit`);
  const [first, second] = parseImport(`${ID}\n100644 blob ${ID}\tb\nmissing c\n${ID}\n`, drafts);
  expect(first).toEqual({ id: ID, before: new Map([['a', undefined]]) });
  expect(second?.before).toEqual(
    new Map([
      ['b', ID],
      ['c', undefined],
    ]),
  );
  expect(() => parseImport('', drafts)).toThrow();
});

describe('a refused push', () => {
  const report = (line: string) => parsePushReport(`To /x\n${line}\nDone\n`);
  test('is a race when a ref stands elsewhere', () => {
    expect(isRace(report(`!\t${ID}:refs/heads/s\t[rejected] (stale info)`), '')).toBe(true);
    expect(
      isRace(
        report(`!\t${ID}:refs/heads/s\t[remote rejected] (cannot lock ref 'x': is at a but expected b)`),
        '',
      ),
    ).toBe(true);
  });
  test('is none when a hook said no, or a name is in the way', () => {
    expect(isRace(report(`!\t${ID}:refs/heads/s\t[remote rejected] (pre-receive hook declined)`), '')).toBe(
      false,
    );
    const stderr =
      "error: cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create 'refs/heads/a/b'";
    expect(isRace(report(`!\t${ID}:refs/heads/a/b\t[remote rejected] (failed to update ref)`), stderr)).toBe(
      false,
    );
    expect(isRace([], 'fatal: unable to access')).toBe(false);
  });
});

test('a ref is asked for by a pattern that may match nothing', () => {
  expect(refspecFor('refs/heads/state')).toBe('+refs/heads/sta*te:refs/heads/sta*te');
  expect(refspecFor('refs/heads/x')).toBe('+refs/heads/x*:refs/heads/x*');
});

test('names of refs', () => {
  for (const good of ['switchyard-state', 'a/b.c', 'x']) expect(isRefName(good)).toBe(true);
  for (const bad of [
    '',
    '-x',
    'a..b',
    'a//b',
    'a/',
    'a.lock',
    'a/.b',
    'a b',
    'a~1',
    'a:b',
    'a*',
    'a.',
    '@{x}',
    'ä',
  ]) {
    expect(isRefName(bad)).toBe(false);
  }
});

test.each([
  [
    "fatal: unable to access 'https://x/': The requested URL returned error: 403",
    'permission was denied',
    'contents: write',
  ],
  [
    'remote: Permission to o/r.git denied to github-actions[bot].',
    'permission was denied',
    'contents: write',
  ],
  [
    'remote: error: GH013: Repository rule violations found for refs/heads/s.',
    'the branch is protected',
    'except the branch "s"',
  ],
  [
    "fatal: could not read Username for 'https://x': terminal prompts disabled",
    'the credentials were not accepted',
    'github-token',
  ],
  [
    'git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.',
    'the credentials were not accepted',
    'git push',
  ],
  ['remote: Repository not found.', 'there is no repository', 'git remote -v'],
  ['ssh: Could not resolve hostname x: Name or service not known', 'it cannot be reached', 'run again'],
  ['fatal: the receiving end does not support --atomic push', 'two refs in one step', 'atomic'],
  ['fatal: something else', 'git failed', 'git fetch'],
])('%s', (stderr, what, hint) => {
  const error = remoteFailure(
    { kind: 'write', url: 'https://x', branch: 's' },
    `To https://x\nhint: no\n${stderr}`,
  );
  expect(error.message).toContain(what);
  expect(error.message).toContain(stderr.split('\n')[0]);
  expect(error.message).not.toContain('hint: no');
  expect(error.hint).toContain(hint);
});
