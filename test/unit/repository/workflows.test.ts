import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from '@actions/languageservice';
import { describe, expect, test } from '@jest/globals';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { parse } from 'yaml';
import { loadConfig } from '../../../src/config/load.ts';
import { resolveEnvironment } from '../../../src/config/resolve.ts';
import { filesBelow, read, root } from './files.ts';

/** A step, as far as the tests look at it. */
interface Step {
  uses?: string;
  with?: Record<string, unknown>;
}

interface Workflow {
  on: object;
  permissions?: unknown;
  jobs: Record<string, { steps?: Step[]; uses?: string; permissions?: unknown; 'timeout-minutes'?: unknown }>;
}

const isYaml = (path: string): boolean => /\.ya?ml$/.test(path);
const examples = readdirSync(join(root, 'examples')).map((name) => `examples/${name}`);
const own = filesBelow('.github/workflows').filter(isYaml);
const ofExamples = examples.flatMap((folder) => filesBelow(`${folder}/.github/workflows`).filter(isYaml));
const actions = ['action.yml', ...filesBelow('actions').filter(isYaml)];

let asked = 0;

/** complaints returns what GitHub's own language service has against a workflow or an action.yml. */
async function complaints(path: string, text: string): Promise<string[]> {
  // It remembers what it has read by the address.
  asked += 1;
  const document = TextDocument.create(`file:///${asked}/${path}`, 'yaml', 1, text);
  const found = await validate(document);
  return found.map(({ message, range }) => `${path}:${range.start.line + 1}: ${message}`);
}

test.each([...own, ...ofExamples, ...actions])('GitHub takes %s as it is', async (path) => {
  expect(await complaints(path, read(path))).toEqual([]);
});

const DEPLOY = '.github/workflows/deploy.yml';

test.each([
  ['a key that does not exist', DEPLOY, 'queue: max', 'queuex: max'],
  ['a wrong value', DEPLOY, 'queue: max', 'queue: all'],
  ['an unknown context', DEPLOY, '${{ inputs.environment }}', '${{ imputs.environment }}'],
  ['an input that is not declared', DEPLOY, '${{ inputs.environment }}', '${{ inputs.enviroment }}'],
  ['a key of an action that does not exist', 'action.yml', 'branding:', 'brand:'],
  ['secrets in the default of an input', 'action.yml', '${{ github.token }}', '${{ secrets.TOKEN }}'],
])('and would not take %s', async (_what, path, right, wrong) => {
  const text = read(path);
  expect(text).toContain(right);
  expect(await complaints(path, text.replaceAll(right, wrong))).not.toEqual([]);
});

describe.each([...own, ...ofExamples])('%s', (path) => {
  const workflow = parse(read(path)) as Workflow;
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap((job) => job.steps ?? []);
  const used = [...steps, ...jobs].flatMap(({ uses }) => uses ?? []);

  test('names every action of others by its commit, with the version beside it', () => {
    const lines = read(path).split('\n');
    for (const uses of used.filter((one) => !isOurs(one))) {
      expect(uses).toMatch(/^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/);
      const line = lines.find((candidate) => candidate.includes(uses));
      expect(line).toMatch(/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
  });

  test('gives our actions inputs that they have, and those they need', () => {
    for (const { uses, with: given = {} } of steps) {
      if (uses === undefined || !isOurs(uses)) continue;
      const { inputs } = parse(read(join(folderOf(uses), 'action.yml'))) as {
        inputs: Record<string, { required: boolean }>;
      };
      expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(given)));
      const needed = Object.keys(inputs).filter((input) => inputs[input]?.required);
      expect(Object.keys(given)).toEqual(expect.arrayContaining(needed));
    }
  });

  test('leaves no credentials behind in the checkout', () => {
    for (const { with: given = {} } of steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'))) {
      expect(given['persist-credentials']).toBe(false);
    }
  });

  test('says what its token may do, and how long its jobs may take', () => {
    // One that is called has what the job may do that calls it.
    const isCalled = Object.keys(workflow.on).join() === 'workflow_call';
    for (const job of jobs) {
      expect(isCalled || (job.permissions ?? workflow.permissions)).toBeTruthy();
      if (job.uses === undefined) expect(job['timeout-minutes']).toBeDefined();
    }
  });
});

describe.each(examples)('%s', (folder) => {
  const path = `${folder}/switchyard.yml`;

  test('has a configuration that loads, and environments that resolve', () => {
    const config = loadConfig(read(path), path, {});
    const environments = Object.keys((parse(read(path)) as { environments: object }).environments);
    expect(environments.length).toBeGreaterThan(0);
    for (const environment of environments) {
      const { services, servers } = resolveEnvironment(config, environment);
      expect(services.length).toBeGreaterThan(0);
      expect(servers.length).toBeGreaterThan(0);
    }
  });

  test('deploys to environments that its configuration has', () => {
    const { environments } = parse(read(path)) as { environments: object };
    const workflows = filesBelow(`${folder}/.github/workflows`).map((file) => parse(read(file)) as Workflow);
    const given = workflows
      .flatMap(({ jobs }) => Object.values(jobs).flatMap((job) => job.steps ?? []))
      .filter(({ uses }) => uses !== undefined && isOurs(uses))
      .map((step) => String(step.with?.environment));
    expect(given.length).toBeGreaterThan(0);
    for (const environment of given.filter((name) => !name.startsWith('${{'))) {
      expect(Object.keys(environments)).toContain(environment);
    }
  });

  test('points editors at the schema, wherever it is copied to', () => {
    const address =
      /^# yaml-language-server: \$schema=https:\/\/raw\.githubusercontent\.com\/OWNER\/switchyard\/COMMIT\/(\S+)$/m;
    expect(existsSync(join(root, address.exec(read(path))?.[1] ?? 'none'))).toBe(true);
  });
});

/** Ours are those of this repository: `$/…` in it, and OWNER/switchyard in what is meant to be copied. */
function isOurs(uses: string): boolean {
  return uses.startsWith('$/') || /^OWNER\/switchyard(\/|@)/.test(uses);
}

function folderOf(uses: string): string {
  return uses.replace(/^(\$|OWNER\/switchyard)\/?/, '').replace(/@.*$/, '') || '.';
}

describe('the reusable workflow', () => {
  interface Input {
    default?: unknown;
  }
  const { on, jobs } = parse(read(DEPLOY)) as Workflow & {
    on: { workflow_call: { inputs: Record<string, Input>; secrets: object; outputs: object } };
  };
  const { inputs, secrets, outputs } = on.workflow_call;
  const step = jobs.deploy?.steps?.find(({ uses }) => uses !== undefined && isOurs(uses));
  const action = parse(read(join(folderOf(step!.uses!), 'action.yml'))) as {
    inputs: Record<string, Input>;
    outputs: object;
  };
  /** The job has a token, whose rights stand at the job. */
  const ofTheJob = ['github-token'];
  /** The rest is about the job around the action. */
  const aboutTheJob = ['timeout-minutes', 'keep-evidence'];

  test('takes what its action takes, and passes it on', () => {
    const taken = [...Object.keys(inputs), ...Object.keys(secrets)];
    expect([...taken, ...ofTheJob].sort()).toEqual([...Object.keys(action.inputs), ...aboutTheJob].sort());
    const passed = Object.entries(step?.with ?? {});
    expect(passed.map(([name]) => name).sort()).toEqual(
      taken.filter((name) => !aboutTheJob.includes(name)).sort(),
    );
    for (const [name, value] of passed)
      expect(value).toMatch(new RegExp(`^\\$\\{\\{ (inputs|secrets)\\.${name} `));
  });

  test('has the defaults of its action', () => {
    for (const [name, { default: fallback = '' }] of Object.entries(inputs)) {
      if (aboutTheJob.includes(name)) continue;
      expect([name, String(fallback)]).toEqual([name, String(action.inputs[name]?.default ?? '')]);
    }
  });

  test('checks out to where the action looks', () => {
    const checkout = jobs.deploy?.steps?.find(({ uses }) => uses?.startsWith('actions/checkout@'));
    expect(checkout?.with?.path).toBe(step?.with?.['working-directory']);
  });

  test('hands on all outputs of its action', () => {
    // A folder of the runner is nothing to other jobs: the workflow makes an artifact of it.
    const ofUse = Object.keys(action.outputs).filter((name) => name !== 'evidence');
    expect(Object.keys(outputs)).toEqual(ofUse);
  });
});

test.each(ofExamples.filter((path) => !/\/(plan|backup)\.yml$/.test(path)))(
  '%s waits in the queue of the reusable workflow',
  (path) => {
    const reusable = parse(read(DEPLOY)) as { jobs: { deploy: { concurrency: { group: string } } } };
    const { jobs, concurrency } = parse(read(path)) as Workflow & { concurrency: { group: string } };
    const given = Object.values(jobs).flatMap((job) => job.steps ?? []);
    const environment = given.find(({ uses }) => uses !== undefined && isOurs(uses))?.with?.environment;
    const { group } = reusable.jobs.deploy.concurrency;
    expect(concurrency.group).toBe(group.replace('${{ inputs.environment }}', String(environment)));
  },
);
