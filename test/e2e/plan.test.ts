import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { EnvironmentState } from '../../src/model/release.ts';
import { type GitHub, startGitHub } from '../github.ts';
import type { LabServer } from '../lab/lab.ts';
import type { ActionRun } from './action.ts';
import { versionOf } from './ask.ts';
import { byHand, editRecordByHand } from './by-hand.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import type { Project } from './project.ts';
import { said } from './said.ts';
import { startUsers } from './users.ts';
import { newWebShop, release, webService } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'drifting.example.com';
const SCOPE = 'drifting_production';
const SIDECAR = `${SCOPE}_nginx`;

/** Case 5: what people do to servers and record by hand is named by the plan and repaired by the next deploy. */
describe('A plan', () => {
  let lab: Fleet;
  let first: LabServer;
  let second: LabServer;
  let shop: Project;
  let github: GitHub;
  let folder: string;

  beforeAll(async () => {
    github = await startGitHub();
    folder = mkdtempSync(join(tmpdir(), 'switchyard-plan-'));
    lab = await fleet();
    [first, second] = lab.servers as [LabServer, LabServer];
    shop = await newWebShop(lab, 'drifting', [first, second]);
    shop.edit(({ services }) => {
      services.worker = workerService();
    });
  });

  beforeEach(() => {
    github.refusal = undefined;
    github.comments.length = 0;
  });

  afterAll(async () => {
    // A server with a frozen container in it cannot be ended.
    const frozen = 'docker ps --quiet --filter status=paused | xargs --no-run-if-empty docker unpause';
    await first?.exec(['sh', '-c', frozen]);
    await shop?.leave();
    await github?.close();
    if (folder) rmSync(folder, { recursive: true });
  });

  test('before the first deploy: all that would come, and the comment of the pull request', async () => {
    const run = await plan({ 'exit-code': 'true' });
    expect(run).toMatchObject({ code: 2, outputs: { changed: 'true' } });
    expect(run.summary).toMatch('## 📋 drifting production: changes');
    expect(run.summary).toMatch(/- web none → 1: new on .*not deployed yet/);
    for (const { host } of [first, second]) {
      expect(run.log).toMatch(new RegExp(`^${host}: engine: Docker 2\\d\\.`, 'm'));
      expect(run.log).toMatch(new RegExp(`^${host}: disk: .* GB are free in /var/lib/docker`, 'm'));
      expect(run.log).toMatch(`${host}: clock: its clock agrees with ours`);
    }
    expect(outputOf(run)).toMatchObject({ outcome: 'changes', drift: [] });
    expect(github.comments).toHaveLength(1);
    expect(github.comments[0]!.body).toMatch(
      /^<!-- switchyard plan switchyard.yml production -->\n## 📋 drifting production: changes/,
    );
    expect(await shop.recordId()).toBeUndefined();
  });

  test('after it: no changes, in the same comment', async () => {
    await plan();
    await shop.stands();
    const run = await plan({ 'exit-code': 'true' });
    expect(run).toMatchObject({ code: 0, outputs: { changed: 'false' } });
    expect(outputOf(run)).toMatchObject({ outcome: 'no changes', steps: [], drift: [] });
    expect(github.comments).toHaveLength(1);
    expect(github.comments[0]!.body).toMatch('## ✅ drifting production: no changes');
  });

  fullSizeTest('containers, nginx and networks changed by hand', async () => {
    await shop.stands();
    await second.docker('stop', '--time', '1', `${SCOPE}_web`);
    await first.docker('pause', `${SCOPE}_worker`);
    await byHand(second).remake(`${SCOPE}_worker`, ['--env', 'DEBUG=1']);
    await byHand(first).copy(`${SCOPE}_web`, `${SCOPE}_web_secondary`, [
      ...['--label', 'switchyard.slot=secondary'],
    ]);
    await byHand(second).copy(`${SCOPE}_worker`, `${SCOPE}_ghost`, ['--label', 'switchyard.service=ghost']);
    await byHand(second).writeLive(SIDECAR, `http/${SCOPE}/web.conf`, '# mine\n');
    // It would not start as it is now.
    await second.docker('stop', '--time', '1', SIDECAR);
    await second.docker('network', 'disconnect', `${SCOPE}_network`, 'switchyard_edge');

    await expectDrift([
      `web: ${SCOPE}_web on ${second.host} does not run`,
      `worker: ${SCOPE}_worker on ${first.host} is paused`,
      `worker: ${SCOPE}_worker on ${second.host} was changed by hand: environment.LOG_LEVEL, environment.DEBUG, `,
      `web: ${SCOPE}_web_secondary on ${first.host} is there, but what is recorded is`,
      `ghost runs, but is not recorded: ${SCOPE}_ghost on ${second.host}`,
      `${second.host}: the sidecar needs a start`,
      `${second.host}: files of the sidecar were changed by hand: http/${SCOPE}/web.conf`,
      `${second.host}: the edge is not in the network of drifting production`,
    ]);
    await expectRepaired();
  });

  fullSizeTest('what is gone, other limits, and a record that is not so', async () => {
    await shop.stands();
    const names = await Promise.all([first, second].map((server) => shop.containers(server, 'worker')));
    await second.docker('rm', '--force', `${SCOPE}_web`);
    await second.docker('rm', '--force', SIDECAR);
    await first.docker(
      'update',
      '--restart',
      'no',
      '--memory',
      '256m',
      '--memory-swap',
      '256m',
      names[0]![0]!,
    );
    await editRecord(({ services }) => {
      const { worker, web } = services;
      worker!.copies = worker!.copies.filter(({ server }) => server !== second.host);
      Object.assign(web!.copies.find(({ server }) => server === first.host)!, {
        slot: 'secondary',
        container: `${SCOPE}_web_secondary`,
      });
      web!.copies.push({ ...web!.copies[0]!, server: '203.0.113.99' });
    });

    await expectDrift([
      'the record names copies on 203.0.113.99, which is not in the file',
      `web: ${SCOPE}_web is recorded on ${second.host}, but is not there`,
      `${second.host}: the sidecar is not there`,
      `worker: ${names[0]![0]} on ${first.host} was changed by hand: restart, mem_limit`,
      `web: ${SCOPE}_web_secondary is recorded on ${first.host}, but is not there`,
      `web: ${SCOPE}_web on ${first.host} is there, but what is recorded is`,
      `worker: ${names[1]![0]} on ${second.host} is there, but what is recorded is`,
    ]);
    await expectRepaired();
  });

  test('what a deploy would fail of: said before, for each server, and in the comment', async () => {
    await shop.stands();
    release(shop, 'web', 'not-built');
    shop.edit(({ services }) => {
      services.worker!.pull_policy = 'never';
      services.worker!.image = lab.images.web('neither');
    });
    const run = await plan();
    expect(run).toMatchObject({ code: 1, outputs: { changed: 'true' } });
    expect(outputOf(run)).toMatchObject({ outcome: 'error' });
    for (const { host } of [first, second]) {
      expect(said(run)).toMatch(
        new RegExp(`${host}: ${lab.images.web('not-built')} cannot be pulled: .*(unknown|not found)`),
      );
      expect(said(run)).toMatch(
        `${host}: the image ${lab.images.web('neither')} is not there, and pull_policy is "never"`,
      );
    }
    expect(github.comments).toHaveLength(1);
    expect(github.comments[0]!.body).toMatch('## ❌ drifting production: a deploy would fail');

    const record = await shop.recordId();
    expect(said(await shop.failToDeploy())).toMatch('is not there, and pull_policy is "never"');
    expect(await shop.recordId()).toBe(record);
  });

  test('that cannot be made: the error in the comment, and a token that may not write only warns', async () => {
    await shop.stands();
    shop.edit(({ services }) => {
      services.web!.portt = 1;
    });
    expect(await plan()).toMatchObject({ code: 1, outputs: { changed: '' } });
    expect(github.comments).toHaveLength(1);
    expect(github.comments[0]!.body).toMatch('## ❌ production: the plan failed');
    expect(github.comments[0]!.body).toMatch('portt');

    shop.edit(({ services }) => {
      services.web = webService(lab, 'drifting', 2);
      services.worker = workerService();
    });
    github.refusal = { status: 403, message: 'Resource not accessible by integration' };
    const run = await plan({}, 'eve/shop');
    expect(run.code).toBe(0);
    expect(said(run)).toMatch('no comment in pull request 7: it comes from a fork, whose runs may only read');
    const silent = await plan({ comment: 'false' });
    expect(silent.log).not.toMatch('comment');
  });

  /** It says all that a container can be told to be: none of it may be taken for changed by hand. */
  function workerService(): Record<string, unknown> {
    return {
      ...webService(lab, 'drifting', 2),
      domain: undefined,
      command: ['node', '/app/server.mjs'],
      user: '0:0',
      working_dir: '/app/',
      stop_signal: 'SIGTERM',
      labels: { team: 'web' },
      environment: { LOG_LEVEL: 'info' },
      volumes: [{ type: 'tmpfs', target: '/scratch/' }, '/etc/hostname:/server//name:ro'],
      restart: 'on-failure:5',
      deploy: { resources: { limits: { cpus: '0.5', memory: '128M', pids: 100 } } },
    };
  }

  /** Plans as a run for pull request 7 of acme/shop does. */
  function plan(inputs: Record<string, string> = {}, head = 'acme/shop'): Promise<ActionRun> {
    const path = join(folder, 'event.json');
    const repo = { full_name: 'acme/shop' };
    writeFileSync(
      path,
      JSON.stringify({ pull_request: { number: 7, head: { repo: { full_name: head } }, base: { repo } } }),
    );
    return shop.run(
      'plan',
      { 'github-token': 'a token of the lab', ...inputs },
      {
        GITHUB_API_URL: github.apiUrl,
        GITHUB_REPOSITORY: 'acme/shop',
        GITHUB_EVENT_NAME: 'pull_request',
        GITHUB_EVENT_PATH: path,
      },
    );
  }

  async function expectDrift(messages: string[]): Promise<void> {
    const run = await plan();
    expect(run).toMatchObject({ code: 0, outputs: { changed: 'true' } });
    const drift = (outputOf(run).drift as { message: string }[]).map(({ message }) => message);
    expect(drift).toEqual(
      expect.arrayContaining(messages.map((message) => expect.stringContaining(message))),
    );
    expect(drift).toHaveLength(messages.length);
    for (const message of drift) expect(run.log).toMatch(`drift: ${message}`);
  }

  /** One deploy under traffic puts all right. */
  async function expectRepaired(): Promise<void> {
    const traffic = startUsers([first], DOMAIN);
    await traffic.untilSent(50);
    await shop.deploy();
    const { lost, losses } = await traffic.stop();
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
    const run = await plan();
    expect(run).toMatchObject({ code: 0, outputs: { changed: 'false' } });
    expect(outputOf(run)).toMatchObject({ outcome: 'no changes', drift: [] });
    for (const server of [first, second]) {
      expect(await versionOf(server, DOMAIN)).toBe('v1');
      for (const service of ['web', 'worker']) expect(await shop.containers(server, service)).toHaveLength(1);
      expect(await shop.containers(server, 'ghost')).toEqual([]);
    }
  }

  async function editRecord(change: (state: EnvironmentState) => void): Promise<void> {
    await editRecordByHand(shop, (text) => {
      const state = JSON.parse(text) as EnvironmentState;
      change(state);
      return JSON.stringify(state, null, 2);
    });
  }
});

function outputOf({ outputs }: ActionRun): Record<string, unknown> {
  return JSON.parse(outputs.plan!) as Record<string, unknown>;
}
