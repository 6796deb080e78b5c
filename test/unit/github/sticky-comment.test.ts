import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pullRequestOf } from '../../../src/github/pull-request.ts';
import { CommentForbidden, fitComment, putComment } from '../../../src/github/sticky-comment.ts';
import { type GitHub, startGitHub } from '../../github.ts';

const MARKER = '<!-- switchyard plan switchyard.yml production -->';

describe('a sticky comment', () => {
  let github: GitHub;
  beforeEach(async () => {
    github = await startGitHub();
  });
  afterEach(() => github.close());

  const put = (body: string, marker = MARKER) =>
    putComment({
      token: 'T',
      apiUrl: github.apiUrl,
      repository: 'acme/shop',
      pullRequest: 7,
      marker,
      body,
      elsewhere: 'https://github.com/acme/shop/actions/runs/1',
    });

  test('is created once, and written over from then on', async () => {
    expect(await put('one')).toBe('created');
    expect(await put('two')).toBe('updated');
    expect(await put('other', '<!-- switchyard plan switchyard.yml staging -->')).toBe('created');
    expect(github.comments.map(({ body }) => body)).toEqual([
      `${MARKER}\ntwo`,
      '<!-- switchyard plan switchyard.yml staging -->\nother',
    ]);
    expect([...github.authorizations]).toEqual(['token T']);
  });

  test('is found behind hundreds of others, also where they quote its marker', async () => {
    for (let id = 1; id <= 230; id++) github.comments.push({ id, body: `look: ${MARKER}` });
    github.comments.push({ id: 231, body: `${MARKER}\nold` });
    expect(await put('new')).toBe('updated');
    expect(github.comments).toHaveLength(231);
    expect(github.comments.at(-1)?.body).toBe(`${MARKER}\nnew`);
    expect(github.requests.filter((line) => line.startsWith('GET'))).toHaveLength(3);
  });

  test.each([403, 404])('where the token may not write (%i), that is what is thrown', async (status) => {
    github.refusal = { status, message: 'Resource not accessible by integration' };
    await expect(put('one')).rejects.toBeInstanceOf(CommentForbidden);
    github.refusal = { status: 422, message: 'no' };
    await expect(put('one')).rejects.not.toBeInstanceOf(CommentForbidden);
  });

  test('that is too long is cut where a line ends, names the rest, and hides nothing of it', async () => {
    const line = `- ${'x'.repeat(98)}\n`;
    const body = `## plan\n<details>\n${line.repeat(900)}</details>\n`;
    expect(await put(body)).toBe('created');
    const written = github.comments[0]!.body;
    expect(written.length).toBeLessThan(65_536);
    expect(
      written.endsWith('… cut here: the whole text stands in https://github.com/acme/shop/actions/runs/1\n'),
    ).toBe(true);
    expect(written.split('</details>')).toHaveLength(2);
    expect(written.split('\n').filter((one) => one.startsWith('- ') && one.length !== 100)).toEqual([]);
    expect(fitComment({ marker: MARKER, body: 'short', elsewhere: '' })).toBe(`${MARKER}\nshort`);
  });
});

describe('the pull request of a run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-event-'));
  const path = join(folder, 'event.json');
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ['of the same repository', 'acme/shop', { number: 7, isFromFork: false }],
    ['of a fork', 'eve/shop', { number: 7, isFromFork: true }],
    ['of a fork that was deleted', undefined, { number: 7, isFromFork: true }],
  ])('%s', (_what, head, expected) => {
    const repo = head === undefined ? null : { full_name: head };
    const pull_request = { number: 7, head: { repo }, base: { repo: { full_name: 'acme/shop' } } };
    writeFileSync(path, JSON.stringify({ action: 'opened', pull_request }));
    const env = { GITHUB_EVENT_PATH: path };
    expect(pullRequestOf({ ...env, GITHUB_EVENT_NAME: 'pull_request' })).toEqual(expected);
    expect(pullRequestOf({ ...env, GITHUB_EVENT_NAME: 'push' })).toBeUndefined();
  });

  test('there is none in another event, without a file, or in one that says something else', () => {
    const env = { GITHUB_EVENT_NAME: 'pull_request', GITHUB_EVENT_PATH: path };
    expect(pullRequestOf({ ...env, GITHUB_EVENT_PATH: join(folder, 'gone') })).toBeUndefined();
    writeFileSync(path, '{ "pull_request": {} }');
    expect(pullRequestOf(env)).toBeUndefined();
    expect(pullRequestOf({})).toBeUndefined();
  });
});
