import { expect, test } from '@jest/globals';
import { githubRun, localActor } from '../../../src/github/run.ts';

const env = {
  GITHUB_ACTOR: 'alice',
  GITHUB_TRIGGERING_ACTOR: 'bob',
  GITHUB_RUN_ID: '42',
  GITHUB_RUN_ATTEMPT: '2',
  GITHUB_REPOSITORY: 'o/r',
  GITHUB_SHA: 'abc',
  GITHUB_SERVER_URL: 'https://ghe.example.com/',
  GITHUB_API_URL: 'https://ghe.example.com/api/v3',
};

test('the run as GitHub tells it; who re-runs is the actor', () => {
  expect(githubRun(env)).toEqual({
    actor: 'bob',
    run: 'https://ghe.example.com/o/r/actions/runs/42/attempts/2',
    runId: 42,
    runAttempt: 2,
    repository: 'o/r',
    sha: 'abc',
    serverUrl: 'https://ghe.example.com',
    apiUrl: 'https://ghe.example.com/api/v3',
  });
  expect(githubRun({ ...env, GITHUB_RUN_ATTEMPT: '1' }).run).toBe(
    'https://ghe.example.com/o/r/actions/runs/42',
  );
});

test('outside GitHub, or with blank or odd values', () => {
  const local = {
    actor: 'me@laptop',
    run: 'local',
    serverUrl: 'https://github.com',
    apiUrl: 'https://api.github.com',
  };
  expect(githubRun({}, () => 'me@laptop')).toEqual(local);
  expect(githubRun({ GITHUB_RUN_ID: 'x', GITHUB_ACTOR: ' ' }, () => 'me@laptop')).toEqual(local);
  expect(localActor()).toMatch(/^.+@.+$/);
});
