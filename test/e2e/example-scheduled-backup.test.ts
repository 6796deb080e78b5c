import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { startGitHubIssues } from '../github-issues.ts';
import { buildImages } from '../lab/images.ts';
import { push } from '../lab/registry.ts';
import { jobsOf, runJob, runScript, type StepRunner } from '../workflow-job.ts';
import { Example } from './example.ts';
import { borrow, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';

jest.setTimeout(600_000);

test('the example has a database that is backed up by itself', async () => {
  const ledger = await Example.copy(await fleet(), 'scheduled-backup');
  const { code, log } = await ledger.run('plan', { presets: 'true' });
  expect({ code, log }).toEqual({ code: 0, log: expect.stringMatching(/^ {4}backup: true$/m) });
});

fullSizeTest(
  'the example backs up every night into a bucket, and says in one issue when that fails',
  async () => {
    const lab = await borrow(1);
    const github = await startGitHubIssues();
    try {
      const ledger = await Example.copy(lab, 'scheduled-backup');
      const { s3 } = await lab.startStores();
      const { restic } = await buildImages(['restic'], () => undefined);
      await ledger.configure(['backup', 'image'], await push(lab.registry, restic!, 'restic:0.19'));
      await ledger.configure(['backup', 'to', 's3'], new URL('ledger', s3.target.url).href);
      await ledger.configure(['backup', 'to', 'ca'], s3.target.ca);
      const path = join(ledger.folder, '.github/workflows/backup.yml');
      const { backup, alert } = jobsOf(readFileSync(path, 'utf8'));

      const logs: string[] = [];
      const step: StepRunner = async (uses, inputs, env) => {
        if (uses.startsWith('actions/checkout@')) return { result: 'success', outputs: {} };
        if (uses.startsWith('actions/github-script@'))
          return await runScript(inputs.script!, env, github.apiUrl);
        const [, action] = /^OWNER\/switchyard\/actions\/([\w-]+)@/.exec(uses)!;
        const { code, log, outputs } = await ledger.run(action!, inputs);
        logs.push(log);
        return { result: code === 0 ? 'success' : 'failure', outputs };
      };
      /** A night in which the repository has this password. */
      const night = async (password: string) => {
        const secrets = {
          ...s3.secrets,
          SSH_PRIVATE_KEY: lab.keys.deploy,
          BACKUP_PASSWORD: password,
        };
        const made = await runJob(backup!, { secrets }, step);
        await runJob(alert!, { needs: { backup: made } }, step);
        return { result: made.result, backups: JSON.parse(made.outputs.backups!) };
      };

      const deployed = await ledger.run('deploy');
      expect({ code: deployed.code, log: deployed.code === 0 ? '' : deployed.log }).toEqual({
        code: 0,
        log: '',
      });
      const first = await night('the right one');
      expect({ ...first, log: first.result === 'success' ? '' : logs.join('\n') }).toMatchObject({
        result: 'success',
        backups: [{ service: 'db', verified: true }],
        log: '',
      });
      expect(github.issues).toEqual([]);

      expect(await night('a wrong one')).toMatchObject({
        result: 'failure',
        backups: [{ service: 'db', verified: false }],
      });
      expect(github.issues).toMatchObject([
        { state: 'open', body: expect.stringMatching(/^ {4}db on \S+: .*password/m) },
      ]);
      expect(await night('the right one')).toMatchObject({ result: 'success' });
      expect(github.issues).toMatchObject([{ state: 'closed' }]);
    } finally {
      await github.close();
      lab.giveBack();
    }
  },
);
