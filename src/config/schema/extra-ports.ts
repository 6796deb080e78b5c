import * as z from 'zod';
import { UserError } from '../../model/errors.ts';
import { isOfLanguage, NAME_PATTERN, NAME_RULE } from '../../model/names.ts';
import { DEFAULTS } from '../defaults.ts';
import { parseAddress } from '../domain.ts';
import { closed, key, parsed } from './key.ts';
import { flag, oneOrMany, port } from './scalars.ts';

/** Words that end the variables of other ports: with them two ports could have one variable. */
const RESERVED_WORDS = ['host', 'port'];

/** The name of a further port: it becomes part of variables, of nginx's configuration and of what its number follows from. */
const portName = parsed(z.string(), (name) => {
  if (!NAME_PATTERN.test(name)) {
    throw new UserError(`${JSON.stringify(name)} cannot be the name of a port`, {
      hint: `Use ${NAME_RULE}.`,
    });
  }
  if (isOfLanguage(name)) {
    throw new UserError(`${JSON.stringify(name)} cannot be the name of a port`, {
      hint: 'JavaScript, which this is written in, has it: choose another one.',
    });
  }
  if (name.split('-').some((word) => RESERVED_WORDS.includes(word))) {
    throw new UserError(`${JSON.stringify(name)} cannot be the name of a port`, {
      hint: 'Leave "host" and "port" out of it: the variables of the port end with it, and those of others end with them.',
    });
  }
  return name;
});

const long = closed({
  port: key(port, {
    description: 'The port that the container listens on. Required.',
    fallback: { words: 'none, it is required' },
    example: 'port: 15672',
  }),
  protocol: key(z.enum(['http', 'grpc', 'tcp', 'udp']), {
    description: 'What is spoken on it.',
    fallback: { words: '`http` where it has a `domain`, else `tcp`' },
    example: 'protocol: http',
  }),
  domain: key(oneOrMany(parsed(z.string(), parseAddress), 'a domain'), {
    description:
      'Domains that the edge serves the port on, or paths below them, in the forms of `domain` of a service.',
    short: 'domain: queue.example.com',
    long: 'domain: [queue.example.com, example.com/queue]',
  }),
  strip_prefix: key(flag, {
    description: 'What the `strip_prefix` of a service is for its main port.',
    fallback: { value: DEFAULTS.strip_prefix },
    example: 'strip_prefix: true',
  }),
});

/** A further port as the file has it, always in its long form. */
export type ExtraPortInput = z.infer<typeof long>;

/** Further ports of a container, by their names. */
export const extraPorts = z.record(
  portName,
  z.union([port.transform((number): ExtraPortInput => ({ port: number })), long], {
    error: 'must be a port, or a map with one',
  }),
);
