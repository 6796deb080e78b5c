import { spawn } from 'node:child_process';

/** What a finished program left behind. */
export interface CommandResult {
  stdout: string;
  stderr: string;
  code: number;
}

/** Options of {@link run}: text or bytes for stdin, extra environment, the folder to run in, a limit in ms. */
export interface CommandOptions {
  input?: string | Buffer;
  env?: Record<string, string>;
  cwd?: string;
  timeoutMs?: number;
}

/**
 * run starts a program without a shell and waits for its end. A non-zero exit code is a result, not an error; it
 * throws only when the program cannot be started or outlives `timeoutMs` (default ten minutes).
 */
export function run(argv: string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
  const [program = '', ...args] = argv;
  const limit = options.timeoutMs ?? 600_000;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: 'pipe',
  });
  const timer = setTimeout(() => {
    child.kill('SIGKILL');
    reject(new Error(`${argv.join(' ')}: no end after ${limit / 1000} s`));
  }, limit);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.on('error', (error) => {
    clearTimeout(timer);
    reject(new Error(`${program} cannot be started: ${error.message}`, { cause: error }));
  });
  child.on('close', (code) => {
    clearTimeout(timer);
    resolve({
      stdout: Buffer.concat(stdout).toString(),
      stderr: Buffer.concat(stderr).toString(),
      code: code ?? 1,
    });
  });
  // A program that ends before reading all of its input is judged by its exit code, not by the broken pipe.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input);
  return promise;
}

/** mustRun is {@link run} for a program that has to succeed: returns stdout without the final newline, or throws. */
export async function mustRun(argv: string[], options: CommandOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.code !== 0) {
    const said = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-15).join('\n');
    throw new Error(`${argv.join(' ')}: exit code ${result.code}\n${said}`);
  }
  return result.stdout.replace(/\n$/, '');
}

/** docker runs the docker CLI against this machine's engine; returns stdout, throws when it fails. */
export function docker(args: string[], options: CommandOptions = {}): Promise<string> {
  // The classic builder is in every engine; BuildKit needs a CLI plugin that may not be there.
  return mustRun(['docker', ...args], { ...options, env: { DOCKER_BUILDKIT: '0', ...options.env } });
}

/** dockerList runs a docker command that prints one id or name a line; returns the lines. */
export async function dockerList(args: string[], options: CommandOptions = {}): Promise<string[]> {
  return (await docker(args, options)).split('\n').filter((line) => line !== '');
}
