import { type Command, programOf, startOf } from './command.ts';
import type { Finding, Rule } from './finding.ts';

const SHELLS = ['sh', 'bash', 'ash', 'dash', 'zsh'];
const PACKAGE_MANAGERS = ['npm', 'npx', 'yarn', 'yarnpkg', 'pnpm', 'pnpx'];

/** A shell that is given a line: `-c`, also among other letters. */
const LINE_FLAG = /^-[a-z]*c$/;

/** A shell becomes what it runs. */
const EXEC = /^exec\s+/;

/** start looks at who stands between the container and the app, and keeps SIGTERM from it. */
export const start: Rule = ({ built }) => {
  if (built === undefined) return [];
  const { entrypoint, cmd } = startOf(built);
  if (tellsAll(entrypoint?.words ?? [])) return [];
  // What follows an ENTRYPOINT that is a line is never read.
  const isLine = entrypoint !== undefined && entrypoint.words === undefined;
  return [entrypoint, ...(isLine ? [] : [cmd])].flatMap((command) =>
    command === undefined ? [] : findings(command),
  );
};

/** An init that tells each process below it, and not its child alone. */
function tellsAll(words: readonly string[]): boolean {
  const program = programOf(words[0]);
  return program === 'dumb-init' || (program === 'tini' && words.some((word) => /^-\w*g/.test(word)));
}

function findings(command: Command): Finding[] {
  const { keyword, line } = command;
  const { shell, text, program } = launched(command);
  const found: Finding[] = [];
  if (shell && text !== '' && !EXEC.test(text)) {
    found.push({
      rule: 'shell-form',
      line,
      message: `${keyword} runs in a shell, which may keep SIGTERM from the app: it is killed then, with what it was doing`,
      hint: `Write it as a list: ${keyword} ${listFor(text)}. What needs a shell begins with exec.`,
    });
  }
  if (PACKAGE_MANAGERS.includes(program)) {
    found.push({
      rule: 'package-manager',
      line,
      message: `${program} stands between the container and the app, and does not pass SIGTERM on`,
      hint: `Start the app itself: ${keyword} ["node", "server.js"].`,
    });
  }
  return found;
}

function launched({ words, text }: Command): { shell: boolean; text: string; program: string } {
  const isShell = words !== undefined && SHELLS.includes(programOf(words[0]));
  const flag = isShell ? words.findIndex((word) => LINE_FLAG.test(word)) : -1;
  if (words !== undefined && flag === -1) return { shell: false, text, program: programOf(words[0]) };
  const line = (words === undefined ? text : (words[flag + 1] ?? '')).trim();
  return { shell: true, text: line, program: programOf(line.replace(EXEC, '').split(/\s+/)[0]) };
}

/** The line as a list where it needs no shell, else an example. */
function listFor(text: string): string {
  const isPlain = /^[\w\s@%+=:,./-]+$/.test(text) && !/^\w+=/.test(text);
  return JSON.stringify(isPlain ? text.split(/\s+/) : ['node', 'server.js']).replaceAll('","', '", "');
}
