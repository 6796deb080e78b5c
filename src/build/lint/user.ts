import type { Instruction } from 'dockerfile-ast';
import { startOf } from './command.ts';
import type { Finding, Rule } from './finding.ts';
import { chainOf, lineOf, resolved } from './stages.ts';

/** Names of images whose makers have put a user in. */
const HAS_USER = /nonroot|non-root|unprivileged|rootless|(?:^|\/)(?:bitnami|chainguard)\//i;

/** Programs that begin as root in order to become somebody else. */
const CHANGES_USER = ['gosu', 'su-exec', 'setpriv', 'runuser'];

/** user looks at who the app runs as. */
export const user: Rule = (dockerfile) => {
  const { built } = dockerfile;
  if (built === undefined) return [];
  const chain = chainOf(built);
  const { image } = chain[0]!;
  const { entrypoint, cmd } = startOf(built);
  const words = [entrypoint, cmd].flatMap((command) => command?.words ?? command?.text.split(/\s+/) ?? []);
  if (words.some((word) => CHANGES_USER.includes(word.split('/').at(-1)!))) return [];
  const stage = chain.findLast(({ instructions }) => instructions.some(isUser));
  const last = stage?.instructions.findLast(isUser);
  if (stage === undefined || last === undefined) {
    if (image !== undefined && HAS_USER.test(image)) return [];
    return [
      finding(
        lineOf(built.from),
        'the app runs as root, unless the image below has another user: there is no USER',
        'Write USER 10001, or any other number, before CMD.',
      ),
    ];
  }
  const said = resolved(last.getArgumentsContent() ?? '', stage, last, dockerfile);
  const name = said?.trim().split(':')[0] ?? '';
  if (name === 'root' || /^0+$/.test(name)) {
    return [
      finding(
        lineOf(last),
        `the app runs as root: USER ${name} is the last one`,
        'Write USER 10001, or any other number, behind what needs root.',
      ),
    ];
  }
  const isName = name !== '' && !/^\d+$/.test(name);
  if (isName && image === 'scratch' && !chain.some(({ instructions }) => instructions.some(bringsUsers))) {
    return [
      finding(
        lineOf(last),
        `nothing says who ${name} is: an image from scratch has no /etc/passwd`,
        'Write a number: USER 10001.',
      ),
    ];
  }
  return [];
};

const isUser = (instruction: Instruction): boolean => instruction.getKeyword() === 'USER';

const bringsUsers = (instruction: Instruction): boolean =>
  ['COPY', 'ADD'].includes(instruction.getKeyword()) &&
  /\/(?:etc|passwd|rootfs)\b|\s\/$/.test(instruction.getArgumentsContent() ?? '');

const finding = (line: number, message: string, hint: string): Finding => ({
  rule: 'user',
  line,
  message,
  hint,
});
