import type { Copy, Instruction, JSONInstruction } from 'dockerfile-ast';
import { commandOf, programOf } from './command.ts';
import type { Finding, Rule } from './finding.ts';
import { chainOf, lineOf, type Stage } from './stages.ts';

/** installOrder looks for dependencies that are installed after all of the source was copied, and so with each change of it. */
export const installOrder: Rule = ({ stages }) => stages.flatMap(inStage);

function inStage(stage: Stage): Finding[] {
  let copy: Instruction | undefined;
  for (const instruction of chainOf(stage).flatMap(({ instructions }) => instructions)) {
    if (copiesAll(instruction)) copy ??= instruction;
    const installer = instruction.getKeyword() === 'RUN' ? installerIn(instruction) : undefined;
    if (installer === undefined) continue;
    // What is installed before the source has its layer: what comes later is quick.
    if (copy === undefined || !stage.instructions.includes(instruction)) return [];
    return [
      {
        rule: 'install-order',
        line: lineOf(copy),
        message: `${installer} runs again with each change of the source, which is copied before it`,
        hint: 'Copy what names the dependencies (package.json and the lock file, requirements.txt), install, and copy the rest after that.',
      },
    ];
  }
  return [];
}

/** COPY or ADD of the whole context. */
function copiesAll(instruction: Instruction): boolean {
  if (!['COPY', 'ADD'].includes(instruction.getKeyword())) return false;
  if ((instruction as Copy).getFlags().some((flag) => flag.getName() === 'from')) return false;
  const listed = (instruction as JSONInstruction).getJSONStrings().map((one) => one.getJSONValue());
  const words = listed.length > 0 ? listed : instruction.getArguments().map((one) => one.getValue());
  return words.slice(0, -1).some((source) => ['.', './', '/', '*'].includes(source));
}

/** Who installs with what, without the names of packages behind it. */
const INSTALLERS: Readonly<Record<string, readonly string[]>> = {
  npm: ['ci', 'clean-install', 'i', 'install'],
  yarn: ['', 'install'],
  pnpm: ['i', 'install', 'fetch'],
  bun: ['i', 'install'],
  poetry: ['install', 'sync'],
  uv: ['sync'],
  pipenv: ['install', 'sync'],
  bundle: ['', 'install'],
  composer: ['install'],
};

/** What of a RUN installs the dependencies of an app, for people: `npm ci`. */
function installerIn(instruction: Instruction): string | undefined {
  const { words, text } = commandOf(instruction);
  const commands =
    words === undefined ? text.split(/&&|\|\||[;|\n]/).map((one) => one.trim().split(/\s+/)) : [words];
  for (const command of commands) {
    const found = installer(command);
    if (found !== undefined) return found;
  }
  return undefined;
}

function installer(command: readonly string[]): string | undefined {
  const [first, ...rest] = command.slice(command.findIndex((word) => !/^\w+=|^(?:sudo|exec)$/.test(word)));
  const program = programOf(first);
  if (/^python[\d.]*$/.test(program) && rest[0] === '-m') return installer(rest.slice(1));
  if (program === 'uv' && rest[0] === 'pip') return installer(rest);
  const [verb = '', ...named] = rest.filter((word) => !word.startsWith('-'));
  if (/^pip[\d.]*$/.test(program)) {
    const isOwn = rest.some((word) => /^(?:-r|--requirement|-e|--editable|\.)/.test(word));
    return verb === 'install' && isOwn ? `${program} install` : undefined;
  }
  if (!Object.hasOwn(INSTALLERS, program) || !INSTALLERS[program]!.includes(verb)) return undefined;
  // Tools that are installed by their names are no dependencies of the app.
  if (named.length > 0 || rest.some((word) => word === '-g' || word === '--global')) return undefined;
  return `${program} ${verb}`.trim();
}
