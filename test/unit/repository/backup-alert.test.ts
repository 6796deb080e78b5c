import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type GitHubIssues, startGitHubIssues } from '../../github-issues.ts';
import { jobsOf, runJob, runScript } from '../../workflow-job.ts';
import { read } from './files.ts';

/** The alert of examples/scheduled-backup: its script, with the client of GitHub that scripts are given, over HTTP. */

const { alert } = jobsOf(read('examples/scheduled-backup/.github/workflows/backup.yml'));

let github: GitHubIssues;

beforeEach(async () => {
  github = await startGitHubIssues();
});

afterEach(async () => {
  await github.close();
});

/** A run of the workflow whose backup ends like this. */
async function ends(result: string, backups: unknown = ''): Promise<void> {
  const outputs = { backups: backups === '' ? '' : JSON.stringify(backups) };
  await runJob(alert!, { needs: { backup: { result, outputs } } }, (_uses, { script }, env) =>
    runScript(script!, env, github.apiUrl),
  );
}

const RUN = 'https://github.com/acme/shop/actions/runs/42';

test('an alert comes however the backup ends', () => {
  expect(alert).toMatchObject({ if: 'always()', needs: 'backup' });
});

test('the first failure opens an issue that says why', async () => {
  await ends('failure', [
    { service: 'db', server: 'web-1', error: 'the disk of @everybody is full' },
    { service: 'cache', server: 'web-1', verified: true },
  ]);
  expect(github.issues).toMatchObject([
    {
      title: 'The backup has failed',
      labels: [{ name: 'backup-failed' }],
      body: `The backup ended with "failure": ${RUN}\n\n    db on web-1: the disk of @everybody is full`,
    },
  ]);
});

test('one that goes on is told in that issue, and one that is over closes it', async () => {
  await ends('failure');
  await ends('cancelled');
  expect(github.issues).toMatchObject([
    { state: 'open', remarks: [`The backup ended with "cancelled": ${RUN}`] },
  ]);
  await ends('success');
  expect(github.issues).toMatchObject([
    { state: 'closed', remarks: [expect.any(String), `It is well again: ${RUN}`] },
  ]);
  await ends('failure');
  expect(github.issues.map(({ state }) => state)).toEqual(['closed', 'open']);
});

test('issues of others are left alone, and so is a pull request with the label', async () => {
  const others = { body: '', remarks: [], state: 'open' as const };
  github.issues.push(
    { ...others, number: 1, title: 'Slow', labels: [] },
    { ...others, number: 2, title: 'Mend it', labels: [{ name: 'backup-failed' }], pull_request: {} },
  );
  await ends('success');
  await ends('failure');
  expect(github.issues.map(({ state, remarks }) => ({ state, remarks }))).toEqual(
    Array.from({ length: 3 }, () => ({ state: 'open', remarks: [] })),
  );
});
