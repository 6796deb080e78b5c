import { DockerfileParser, type From, type Instruction } from 'dockerfile-ast';
import { globalVariables, withVariables } from './variables.ts';

/** A Dockerfile as far as a build follows from it. */
export interface Dockerfile {
  /** Images that it builds on or copies from, as they are written with arguments put in; each once. */
  images: string[];
  /** lineOf returns the line, counted from 1, of an instruction as BuildKit tells it: `RUN npm ci`; undefined if none is. */
  lineOf(instruction: string): number | undefined;
}

/** readDockerfile reads a Dockerfile with these arguments. What it cannot read is for the builder to refuse. Pure. */
export function readDockerfile(text: string, args: Readonly<Record<string, string>>): Dockerfile {
  const parsed = DockerfileParser.parse(text);
  const instructions = parsed.getInstructions();
  const froms = parsed.getFROMs();
  const stages = new Set<string>();
  const images = new Set<string>();
  const global = globalVariables(parsed.getInitialARGs(), args);
  const add = (said: string | null | undefined) => {
    const image = said && withVariables(said, global);
    if (!image || image === 'scratch' || stages.has(image.toLowerCase()) || /^\d+$/.test(image)) return;
    images.add(image);
  };
  const syntax = parsed.getDirectives().find((one) => one.getDirective() === 'syntax');
  if (syntax !== undefined) images.add(syntax.getValue());
  for (const instruction of instructions) {
    if (froms.includes(instruction as From)) {
      const from = instruction as From;
      add(from.getImage());
      const stage = from.getBuildStage();
      if (stage !== null) stages.add(stage.toLowerCase());
    } else for (const name of copiedFrom(instruction)) add(name);
  }
  return { images: [...images], lineOf: (told) => lineOf(instructions, told) };
}

/** COPY --from=…, and RUN --mount=type=…,from=…. */
function copiedFrom(instruction: Instruction): string[] {
  const text = instruction.getTextContent();
  const flags = /^\S+((?:\s+(?:\\\r?\n\s*)*--\S+)*)/.exec(text)?.[1] ?? '';
  return flags.split(/\s+/).flatMap((flag) => {
    const [, from] = /^--from=(.+)$/.exec(flag) ?? /^--mount=(?:.*,)?from=([^,]+)/.exec(flag) ?? [];
    return from === undefined ? [] : [from];
  });
}

/** BuildKit tells an instruction in one line, with variables put in: what is before the first one has to do. */
function lineOf(instructions: readonly Instruction[], told: string): number | undefined {
  const wanted = words(told);
  const scored = instructions.map((instruction) => {
    const own = words(instruction.getTextContent().replaceAll(/\\\r?\n/g, ' '));
    const same = own.findIndex((word, index) => word !== wanted[index]);
    return { instruction, same: same === -1 ? own.length : same };
  });
  const best = scored.reduce((first, one) => (one.same > first.same ? one : first), {
    instruction: undefined as Instruction | undefined,
    same: 0,
  });
  return best.instruction && best.instruction.getRange().start.line + 1;
}

const words = (text: string): string[] => text.trim().split(/\s+/);
