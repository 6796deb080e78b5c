import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** SWITCHYARD_DIST names another build, so that work on the tests and on the sources can go on side by side. */
const dist = process.env.SWITCHYARD_DIST ?? join(import.meta.dirname, '..', '..', 'dist');

/** What a run of an action left behind. */
export interface ActionRun {
  code: number;
  /** What it printed, both streams as they came. */
  log: string;
  outputs: Record<string, string>;
  summary: string;
  /** What it left for its post step, as the runner hands it on. */
  state: Record<string, string>;
  /** From the start of the process to its end. */
  ms: number;
  /** What it printed, as it came, and how long after the start of the process. */
  printed: { text: string; ms: number }[];
}

/** An action that is running. */
export interface RunningAction {
  pid: number;
  /** What it printed so far. */
  log(): string;
  /** Resolves when the log matches; rejects when the action ends before. */
  says(pattern: RegExp): Promise<void>;
  signal(name: NodeJS.Signals): void;
  done: Promise<ActionRun>;
}

/**
 * startAction starts a built action as the runner does: inputs as INPUT_ variables, files for outputs and
 * summary, nothing else of this process's environment but what a runner has. `inside` is a command that runs it
 * somewhere else, such as `nsenter`; `build` is the dist of another revision.
 */
export function startAction(
  name: string,
  inputs: Record<string, string | undefined>,
  options: { workspace: string; env?: Record<string, string>; inside?: readonly string[]; build?: string },
): RunningAction {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-run-'));
  const files = {
    GITHUB_OUTPUT: 'output',
    GITHUB_STEP_SUMMARY: 'summary',
    GITHUB_STATE: 'state',
    GITHUB_ENV: 'env',
  };
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    GITHUB_WORKSPACE: options.workspace,
    // A run begins with a quarter less work where V8 has compiled the bundle before.
    NODE_COMPILE_CACHE: join(tmpdir(), 'switchyard-compile-cache'),
    ...options.env,
  };
  for (const [variable, file] of Object.entries(files)) {
    env[variable] = join(folder, file);
    writeFileSync(join(folder, file), '');
  }
  for (const [input, value] of Object.entries(inputs)) {
    if (value !== undefined) env[`INPUT_${input.toUpperCase()}`] = value;
  }
  const begun = performance.now();
  const [program = '', ...args] = [
    ...(options.inside ?? []),
    process.execPath,
    join(options.build ?? dist, `${name}.js`),
  ];
  const child = spawn(program, args, { cwd: options.workspace, env });
  let log = '';
  const printed: ActionRun['printed'] = [];
  let isOver = false;
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log += chunk;
      printed.push({ text: String(chunk), ms: performance.now() - begun });
      tell();
    });
  }
  const done = new Promise<ActionRun>((resolve) => {
    child.once('close', (code, signal) => {
      isOver = true;
      tell();
      const outputs = parseOutputs(readFileSync(join(folder, 'output'), 'utf8'));
      const summary = readFileSync(join(folder, 'summary'), 'utf8');
      const state = parseOutputs(readFileSync(join(folder, 'state'), 'utf8'));
      rmSync(folder, { recursive: true });
      const ms = performance.now() - begun;
      resolve({ code: code ?? (signal ? 128 : 1), log, outputs, summary, state, ms, printed });
    });
  });
  return {
    pid: child.pid!,
    log: () => log,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(log)) resolve();
          else if (isOver) reject(new Error(`the action ended without saying ${pattern}:\n${log}`));
          else return;
          listeners.delete(look);
        };
        listeners.add(look);
        look();
      }),
    signal: (signalName) => void child.kill(signalName),
    done,
  };
}

/** The runner's file format: `name<<delimiter`, lines, `delimiter`. */
function parseOutputs(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  for (const match of text.matchAll(/^([^\n<]+)<<(\S+)\n([\s\S]*?)\n\2$/gm)) outputs[match[1]!] = match[3]!;
  return outputs;
}
