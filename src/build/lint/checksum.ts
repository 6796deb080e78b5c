import type { Add } from 'dockerfile-ast';
import type { Rule } from './finding.ts';
import { lineOf, resolved } from './stages.ts';

/** checksum looks for what is fetched from an address, and could be anything. A git repository has commits. */
export const checksum: Rule = (dockerfile) =>
  dockerfile.stages.flatMap((stage) =>
    stage.instructions.flatMap((instruction) => {
      if (instruction.getKeyword() !== 'ADD') return [];
      const add = instruction as Add;
      if (add.getFlags().some((flag) => flag.getName() === 'checksum')) return [];
      const listed = add.getJSONStrings().map((one) => one.getJSONValue());
      const words = listed.length > 0 ? listed : add.getArguments().map((one) => one.getValue());
      const isFetched = words.slice(0, -1).some((source) => {
        // A variable within an address leaves it one.
        const address = resolved(source, stage, instruction, dockerfile) ?? source;
        return /^https?:\/\//i.test(address) && !/\.git(?:#|$)/.test(address);
      });
      if (!isFetched) return [];
      return [
        {
          rule: 'checksum',
          line: lineOf(instruction),
          message: 'ADD takes whatever the address gives on the day of the build',
          hint: 'Write ADD --checksum=sha256:… with the sum of what you have looked at.',
        },
      ];
    }),
  );
