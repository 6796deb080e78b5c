import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { ACTIONS, type Action } from '../../../src/actions/catalogue.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { resolveEnvironment } from '../../../src/config/resolve.ts';
import { ANY_FILES } from '../config/files.ts';
import { blocks, read } from './documents.ts';
import { complaintsAbout } from './workflow-check.ts';

interface Step {
  uses?: string;
  with?: Record<string, string>;
}

interface Workflow {
  on?: unknown;
  concurrency?: { group?: string; queue?: string };
  jobs: Record<string, { steps?: Step[]; uses?: string; permissions?: object; 'timeout-minutes'?: number }>;
}

/** What a block of YAML is: a switchyard.yml, a workflow, a job of one, or steps. */
function kindOf(text: string): 'configuration' | 'workflow' | 'job' | 'steps' {
  const value: unknown = parse(text);
  if (Array.isArray(value)) return 'steps';
  if (Object.hasOwn(value as object, 'steps')) return 'job';
  return Object.hasOwn(value as object, 'jobs') ? 'workflow' : 'configuration';
}

/** workflowAround returns a whole workflow with a block in it. */
function workflowAround({ text, kind }: { text: string; kind: ReturnType<typeof kindOf> }): string {
  const indented = (depth: number) => text.replaceAll(/^(?=.)/gm, ' '.repeat(depth));
  const job = 'on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n';
  return kind === 'workflow' ? text : kind === 'job' ? job + indented(4) : `${job}    steps:\n${indented(6)}`;
}

const found = blocks('yaml').map((block) => ({
  ...block,
  place: `${block.file}:${block.line}`,
  kind: kindOf(block.text),
}));
const examples = ['shop', 'single-server', 'local', 'push-to-deploy', 'stack', 'scheduled-backup'];

/** wrongWith returns what is wrong with the steps of a workflow that use an action of this repository. */
function wrongWith(steps: readonly Step[]): string[] {
  return steps.flatMap(({ uses = '', with: given = {} }) => {
    const path = /^OWNER\/switchyard(?:\/(\S+))?@COMMIT$/.exec(uses);
    if (path === null) return uses.includes('switchyard') ? [`${uses}: no action of this repository`] : [];
    const action = Object.values<Action>(ACTIONS).find(({ folder, composite }) =>
      [folder, composite?.folder].includes(path[1] ?? '.'),
    );
    if (action === undefined) return [`${uses}: there is no such action`];
    const inputs: readonly string[] = action.command.inputs;
    const unknown = Object.keys(given).filter((name) => !inputs.includes(name));
    return [
      ...unknown.map((name) => `${uses}: no input ${name}`),
      ...(given.environment === undefined ? [`${uses}: no environment`] : []),
    ];
  });
}

function stepsOf(workflow: string): Step[] {
  const { jobs } = parse(workflow) as Workflow;
  return Object.values(jobs).flatMap(({ steps = [] }) => steps);
}

function actionsOf(workflow: string): string[] {
  return stepsOf(workflow).flatMap(({ uses }) => uses ?? []);
}

/** load resolves every environment of a configuration. */
function load(text: string, name: string): void {
  const config = loadConfig(text, name, {});
  for (const environment of Object.keys(config.config.environments))
    resolveEnvironment(config, environment, { repository: ANY_FILES });
}

describe('the YAML of the documents', () => {
  test('is there in several kinds', () => {
    expect(found.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['configuration', 'workflow', 'steps']),
    );
  });

  test.each(found.filter(({ kind }) => kind === 'configuration'))('$place loads', ({ text, place }) => {
    expect(() => load(text, place)).not.toThrow();
  });

  test.each(found.filter(({ kind }) => kind !== 'configuration'))('$place is a $kind', async (block) => {
    const workflow = workflowAround(block);
    // What is no whole workflow may refer to a step that is not shown.
    const complaints = (await complaintsAbout(workflow)).filter(
      (one) => block.kind === 'workflow' || !one.includes('Context access might be invalid'),
    );
    expect(complaints).toEqual([]);
    expect(wrongWith(stepsOf(workflow))).toEqual([]);
  });

  test.each(found.filter(({ example }) => example !== undefined))('$place is what $example is', (block) => {
    // The line for editors would lead nowhere in a reader's repository.
    expect(block.text).toBe(read(block.example!).replace(/^# yaml-language-server.*\n/, ''));
  });
});

describe('whole workflows of the documents', () => {
  const whole = found
    .filter(({ kind }) => kind === 'workflow')
    .map(({ place, text }) => ({ place, workflow: parse(text) as Workflow, actions: actionsOf(text) }));

  test.each(whole)(
    '$place says when it runs, what its token may do, and how long it may take',
    ({ workflow }) => {
      expect(workflow.on).toBeDefined();
      for (const job of Object.values(workflow.jobs)) {
        expect(Object.keys(job.permissions ?? {})).toContain('contents');
        if (job.uses === undefined) expect(job['timeout-minutes']).toBeGreaterThan(0);
      }
    },
  );

  const changing = whole.filter(({ actions }) =>
    actions.some((uses) => /switchyard(?:\/actions\/(?:toggle-deploy|rollback|update-nginx))?@/.test(uses)),
  );

  test.each(changing)('$place waits in the queue of the deploys', ({ workflow }) => {
    const [environment] = Object.values(workflow.jobs).flatMap(({ steps = [] }) =>
      steps.flatMap(({ uses, with: given }) =>
        uses?.startsWith('OWNER/') ? (given?.environment ?? []) : [],
      ),
    );
    expect(workflow.concurrency).toEqual({ group: `switchyard-${environment}`, queue: 'max' });
  });

  // Nobody adds a step for these to a workflow that there is: they are started by hand.
  test.each(['status', 'update-nginx'])('%s is shown in one, by the guide and by its own page', (action) => {
    const places = whole
      .filter(({ actions }) => actions.some((uses) => uses.includes(`/${action}@`)))
      .map(({ place }) => place.split(':')[0]);
    expect(places.sort()).toEqual([`actions/${action}/README.md`, 'docs/guide.md']);
  });
});

describe('the examples', () => {
  test.each(examples)('%s has a configuration that loads', (name) => {
    expect(() => load(read(`examples/${name}/switchyard.yml`), name)).not.toThrow();
  });

  test.each(examples)('%s has a workflow without mistakes', async (name) => {
    const text = read(`examples/${name}/.github/workflows/deploy.yml`);
    expect(await complaintsAbout(text)).toEqual([]);
    expect(wrongWith(stepsOf(text))).toEqual([]);
  });

  test.each(examples)('%s deploys an environment that its file has', (name) => {
    const config = loadConfig(read(`examples/${name}/switchyard.yml`), name, {});
    const steps = stepsOf(read(`examples/${name}/.github/workflows/deploy.yml`));
    const deploys = steps.filter(({ uses }) => uses?.startsWith('OWNER/'));
    const environments = new Set(deploys.map((step) => step.with?.environment));
    expect(Object.keys(config.config.environments)).toEqual([...environments]);
  });
});

describe('the checks of these tests', () => {
  test('see an unknown key of a workflow', async () => {
    const text = read('examples/shop/.github/workflows/deploy.yml').replace('queue: max', 'queues: max');
    expect(await complaintsAbout(text)).toEqual([expect.stringContaining("Unexpected value 'queues'")]);
  });

  test('see an unknown action and an unknown input', () => {
    const given = { environment: 'production', services: 'api' };
    expect(wrongWith([{ uses: 'OWNER/switchyard/actions/deploy@COMMIT', with: given }])).toHaveLength(1);
    expect(wrongWith([{ uses: 'OWNER/switchyard@COMMIT', with: given }])).toHaveLength(1);
  });
});
