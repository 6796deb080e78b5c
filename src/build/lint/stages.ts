import {
  DockerfileParser,
  type From,
  type Instruction,
  type Onbuild,
  type PropertyInstruction,
} from 'dockerfile-ast';
import { areKnown, globalVariables, type Variables, withVariables, writtenArguments } from '../variables.ts';

/** A stage of a Dockerfile. */
export interface Stage {
  from: From;
  /** The stage that it stands on; undefined where that is an image. */
  base: Stage | undefined;
  /** The image that it stands on, with arguments put in; undefined where it is a stage, or where nobody has said it. */
  image: string | undefined;
  /** What it does beside its FROM, and first what ONBUILD of its base has it do. */
  instructions: readonly Instruction[];
}

/** What a build says of a Dockerfile. */
export interface LintOptions {
  args?: Readonly<Record<string, string>>;
  /** Name or number of the stage that is built; the last one without it. */
  target?: string | undefined;
  /** Names of further contexts, which stand for images. */
  contexts?: readonly string[];
}

/** A Dockerfile as the rules look at it. */
export interface LintedDockerfile {
  /** What stands before the first FROM. */
  initial: readonly Instruction[];
  stages: readonly Stage[];
  /** The stage that is built; undefined where there is none. */
  built: Stage | undefined;
  /** Its text. */
  lines: readonly string[];
  /** Values before the first FROM, and those that the build gives. */
  global: Variables;
  args: Readonly<Record<string, string>>;
}

/** readStages takes a Dockerfile apart. What is none has no stages. Pure. */
export function readStages(
  text: string,
  { args = {}, target, contexts = [] }: LintOptions = {},
): LintedDockerfile {
  const parsed = DockerfileParser.parse(text);
  const initial: Instruction[] = parsed.getInitialARGs();
  const global = globalVariables(initial, args);
  const named = new Map<string, Stage>();
  const stages: Stage[] = [];
  let own: Instruction[] = [];
  for (const instruction of parsed.getInstructions()) {
    if (instruction.getKeyword() !== 'FROM') {
      own.push(instruction);
      continue;
    }
    const from = instruction as From;
    const said = from.getImage() ?? '';
    const written = areKnown(said, global) ? withVariables(said, global) : '';
    const base = named.get(written.toLowerCase());
    own = base === undefined ? [] : triggersOf(base);
    const isImage = base === undefined && written !== '' && !contexts.includes(written);
    const stage = { from, base, image: isImage ? written : undefined, instructions: own };
    named.set(String(stages.length), stage);
    const name = from.getBuildStage();
    if (name !== null) named.set(name.toLowerCase(), stage);
    stages.push(stage);
  }
  const built = (target === undefined ? undefined : named.get(target.toLowerCase())) ?? stages.at(-1);
  return { initial, stages, built, lines: text.split(/\r?\n/), global, args };
}

/** What ONBUILD leaves for a stage that stands on this one. */
function triggersOf({ instructions }: Stage): Instruction[] {
  return instructions.flatMap((instruction) => {
    if (instruction.getKeyword() !== 'ONBUILD') return [];
    const trigger = (instruction as Onbuild).getTriggerInstruction();
    return trigger === null ? [] : [trigger];
  });
}

/** chainOf returns a stage and all that it stands on, the lowest first. */
export function chainOf(stage: Stage): Stage[] {
  return [...(stage.base === undefined ? [] : chainOf(stage.base)), stage];
}

/** lineOf returns the line of an instruction, counted from 1. */
export function lineOf(instruction: Instruction): number {
  return instruction.getRange().start.line + 1;
}

/** resolved returns a text of an instruction with variables put in; undefined where some are not known there. */
export function resolved(
  text: string,
  stage: Stage,
  until: Instruction,
  { global, args }: LintedDockerfile,
): string | undefined {
  const values = variablesAt(stage, until, global, args);
  return areKnown(text, values) ? withVariables(text, values) : undefined;
}

/** What ARG and ENV have said up to an instruction of a stage; ENV is stronger. */
function variablesAt(
  stage: Stage,
  until: Instruction,
  global: Variables,
  args: Readonly<Record<string, string>>,
): Variables {
  const declared = new Map<string, string>();
  const set = new Map<string, string>();
  const known = () => new Map([...declared, ...set]);
  for (const instruction of chainOf(stage).flatMap(({ instructions }) => instructions)) {
    if (instruction === until) break;
    if (instruction.getKeyword() === 'ARG') {
      for (const { name, value } of writtenArguments(instruction)) {
        const given = Object.hasOwn(args, name) ? args[name] : undefined;
        const found = given ?? (value === undefined ? global.get(name) : withVariables(value, known()));
        if (found !== undefined) declared.set(name, found);
      }
    }
    if (instruction.getKeyword() === 'ENV') {
      const before = known();
      for (const property of (instruction as PropertyInstruction).getProperties()) {
        set.set(property.getName(), withVariables(property.getValue() ?? '', before));
      }
    }
  }
  return known();
}
