import type { Instruction } from 'dockerfile-ast';
import type { Stage } from './stages.ts';
import { chainOf, lineOf } from './stages.ts';

/** What an instruction runs: a list of words, or a line for a shell. */
export interface Command {
  /** Undefined for a line. */
  words: readonly string[] | undefined;
  text: string;
  keyword: string;
  /** The line of the Dockerfile, counted from 1. */
  line: number;
}

/** commandOf reads CMD, ENTRYPOINT or RUN as Docker does: what is no JSON list of texts is a line for a shell. */
export function commandOf(instruction: Instruction): Command {
  const text = instruction.getArgumentsContent()?.trim() ?? '';
  return { words: wordsOf(text), text, keyword: instruction.getKeyword(), line: lineOf(instruction) };
}

function wordsOf(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const read: unknown = JSON.parse(text);
    const isList = Array.isArray(read) && read.every((word) => typeof word === 'string');
    return isList ? read : undefined;
  } catch {
    return undefined;
  }
}

/** What a container of a stage runs. */
export interface Start {
  entrypoint: Command | undefined;
  cmd: Command | undefined;
}

/** startOf returns what a stage has a container run. A stage with an ENTRYPOINT forgets the CMD of its base. */
export function startOf(stage: Stage): Start {
  let start: Start = { entrypoint: undefined, cmd: undefined };
  for (const { instructions } of chainOf(stage)) {
    const last = (keyword: string) => {
      const found = instructions.findLast((one) => one.getKeyword() === keyword);
      return found && commandOf(found);
    };
    const [entrypoint, cmd] = [last('ENTRYPOINT'), last('CMD')];
    start = {
      entrypoint: entrypoint ?? start.entrypoint,
      cmd: cmd ?? (entrypoint === undefined ? start.cmd : undefined),
    };
  }
  return start;
}

/** programOf returns the name of a program without its folder. */
export function programOf(word: string | undefined): string {
  return word?.split('/').at(-1) ?? '';
}
