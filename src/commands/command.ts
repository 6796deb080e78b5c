import type { InputName, Inputs } from './inputs.ts';
import type { OutputName, Outputs } from './outputs.ts';
import type { Surroundings } from './surroundings.ts';

/** What every command comes to, whatever else its result holds. */
export interface CommandResult<O extends OutputName = never> {
  /** For the programs that come after. */
  outputs: Pick<Outputs, O>;
  /** What made it fail although it has something to show; undefined when it has not failed. */
  failure: unknown;
  /** What a process ends with whose command has not failed: 0 unless set. */
  exitCode?: number;
}

/** A use case: all that an action needs to offer it. */
export interface Command<I extends InputName, O extends OutputName, R extends CommandResult> {
  title: string;
  description: string;
  inputs: readonly I[];
  /** What inputs and outputs mean here, where that is not what they mean elsewhere. */
  meanings?: Partial<Record<I | O, string>>;
  outputs: readonly O[];
  /** run does it. It throws where there is nothing to show but the error: a mistake of the user as UserError. */
  run(inputs: Pick<Inputs, I>, surroundings: Surroundings): Promise<R>;
  /** outputsOf says what its outputs are when it throws an error with this text; without it there are none. */
  outputsOf?(error: string): { [Name in O]?: Outputs[Name] | undefined };
}

/** command returns a command as it is given: it ties the types of its inputs, its outputs and its result together. */
export function command<I extends InputName, O extends OutputName, R extends CommandResult<O>>(
  given: Command<I, O, R>,
): Command<I, O, R> {
  return given;
}
