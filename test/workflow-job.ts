import { getOctokit } from '@actions/github';
import { parse } from 'yaml';

/** A step, as far as it is carried out here. */
export interface JobStep {
  id?: string;
  uses: string;
  env?: Record<string, string>;
  with?: Record<string, unknown>;
}

/** A job whose steps run one after the other until one fails. */
export interface Job {
  if?: string;
  needs?: string;
  outputs?: Record<string, string>;
  steps: JobStep[];
}

/** What `${{ … }}` may name: `secrets`, `needs`, `steps` and so on. */
export type Contexts = Readonly<Record<string, unknown>>;

/** What became of a step, or of a job. */
export interface JobRun {
  result: 'success' | 'failure';
  outputs: Record<string, string>;
}

/** How a step is carried out, with its inputs and variables filled in. */
export type StepRunner = (
  uses: string,
  inputs: Record<string, string>,
  env: Record<string, string>,
) => Promise<JobRun>;

/** jobsOf returns the jobs of a workflow by name. */
export function jobsOf(workflow: string): Record<string, Job> {
  return (parse(workflow) as { jobs: Record<string, Job> }).jobs;
}

/** runJob carries out the steps of a job until one fails, as a runner does. */
export async function runJob(job: Job, contexts: Contexts, run: StepRunner): Promise<JobRun> {
  const steps: Record<string, Pick<JobRun, 'outputs'>> = {};
  let result: JobRun['result'] = 'success';
  for (const { id, uses, env = {}, with: inputs = {} } of job.steps) {
    const around = { ...contexts, steps };
    const step = await run(uses, filledIn(inputs, around), filledIn(env, around));
    if (id !== undefined) steps[id] = step;
    result = step.result;
    if (result === 'failure') break;
  }
  return { result, outputs: filledIn(job.outputs ?? {}, { ...contexts, steps }) };
}

/** runScript carries out a step of actions/github-script in run 42 of acme/shop, with GitHub at another address. */
export async function runScript(
  script: string,
  env: Record<string, string>,
  apiUrl: string,
): Promise<JobRun> {
  const AsyncFunction = (async () => undefined).constructor as FunctionConstructor;
  const github = getOctokit('a token', { baseUrl: apiUrl });
  const repo = { owner: 'acme', repo: 'shop' };
  const context = { repo, serverUrl: 'https://github.com', runId: 42 };
  await new AsyncFunction('github', 'context', 'process', script)(github, context, { env });
  return { result: 'success', outputs: {} };
}

function filledIn(texts: Readonly<Record<string, unknown>>, contexts: Contexts): Record<string, string> {
  const fill = (text: string) =>
    text.replaceAll(/\$\{\{ (.+?) \}\}/g, (_all, expression: string) => textOf(expression, contexts));
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, fill(String(text))]));
}

/** The two kinds of expressions that examples have; GitHub takes what is missing for an empty text. */
function textOf(expression: string, contexts: Contexts): string {
  const [, whole, path = whole] = /^(?:toJSON\(([\w-]+)\)|([\w.-]+))$/.exec(expression) ?? [];
  if (path === undefined) throw new Error(`nobody knows here what \${{ ${expression} }} is`);
  const value = path
    .split('.')
    .reduce<unknown>((around, name) => (around as Record<string, unknown> | undefined)?.[name], contexts);
  return whole === undefined ? String(value ?? '') : JSON.stringify(value);
}
