import { UserError } from '../model/errors.ts';
import { type Mode, type Phase, textOf } from './phase.ts';

/** What runs the fixed line as root; the connection may be root's own. */
export interface Shell {
  /** Of the server, for errors. */
  name: string;
  run(command: string, input: string): Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** What a phase has said. */
export interface Said {
  /** What is missing; after `apply`, what was missing and is there now. */
  lacks: string[];
  /** What was found and is left alone. */
  left: string[];
  facts: Record<string, string>;
}

/**
 * The line that every phase is run by. It reads how long the script is, the script, and its arguments, a line each behind a
 * `=`; so no value ever is a part of a command line that a shell reads.
 */
const READER =
  'IFS= read -r size; script=$(head -c "$size"); set --; while IFS= read -r line; do case $line in =*) set -- "$@" "${line#=}";; *) break;; esac; done; exec /bin/sh -c "$script" switchyard "$@"';
/** As root already, or by sudo: a line as root would read it. */
const LINE = `if [ "$(id -u)" = 0 ]; then exec /bin/sh -c '${READER}'; else exec sudo -n /bin/sh -c '${READER}'; fi`;

/** runPhase runs a phase on a server, as root. It throws a UserError where the script fails. */
export async function runPhase(shell: Shell, phase: Phase, mode: Mode): Promise<Said> {
  const { code, stdout, stderr } = await shell.run(LINE, inputOf(phase, mode));
  if (code === 0) return readSaid(stdout);
  if (/^sudo: /m.test(stderr)) {
    throw new UserError(`${shell.name}: the user that logs in may not become root (${lastLine(stderr)})`, {
      hint: 'Name one as bootstrap.login that is root, or may use sudo without a password.',
    });
  }
  throw new UserError(`${shell.name}: the phase ${phase.name} failed: ${lastLine(stderr)}`, {
    hint: 'What was done stays, and the next run goes on from there. The last lines of the log above say what went wrong.',
    cause: new Error(stderr.slice(-4000)),
  });
}

/** inputOf returns what READER reads. It throws for an argument of several lines, which is a mistake of ours. Pure. */
export function inputOf(phase: Phase, mode: Mode): string {
  const script = textOf(phase);
  const args = [mode, ...phase.args];
  const wrong = args.find((arg) => arg.includes('\n'));
  if (wrong !== undefined)
    throw new Error(`an argument of the phase ${phase.name} has several lines: ${wrong}`);
  return `${Buffer.byteLength(script)}\n${script}${args.map((arg) => `=${arg}\n`).join('')}.\n`;
}

/** readSaid reads what a script prints: `lacks …`, `left …` and `fact name value`, a line each. Pure. */
export function readSaid(stdout: string): Said {
  const said: Said = { lacks: [], left: [], facts: {} };
  for (const line of stdout.split('\n')) {
    const [, word, rest = ''] = /^(lacks|left|fact) (.*)$/.exec(line) ?? [];
    if (word === 'lacks' || word === 'left') said[word].push(rest.trim());
    if (word === 'fact') {
      const [name = '', ...value] = rest.split(' ');
      said.facts[name] = value.join(' ');
    }
  }
  return said;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) || 'it says nothing';
}
