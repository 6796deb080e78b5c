import * as z from 'zod';
import { UserError } from '../../model/errors.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { port, wholeNumber } from './scalars.ts';

/** What the edge has on every server: its door, what ends TLS, and where it is asked what it serves and asks itself. */
const OF_THE_EDGE: ReadonlyMap<number, string> = new Map([
  [80, 'the edge serves domains there'],
  [443, 'it is kept for HTTPS'],
  [8094, 'a run asks the edge there'],
  [8095, 'a run asks the edge there'],
  [8096, 'the edge asks itself there'],
  [8097, 'the edge asks itself there'],
  [8098, 'the edge asks itself there'],
  [8099, 'the edge is asked there what it serves'],
]);

/** A port of the servers that the edge passes on to a port of the container. */
export interface PublishInput {
  /** The port of the servers. */
  published: number;
  /** The port of the container. */
  target: number;
  protocol: 'tcp' | 'udp';
  /** Of UDP: after so many answers a client and the app are through with each other. */
  responses?: number;
}

/** `1883`, `53/udp`, `8883:1883`, `8883:1883/tcp`. */
const SHORT = /^(?:(\d{1,5}):)?(\d{1,5})(?:\/(tcp|udp))?$/;

function parseShort(said: string | number): PublishInput {
  const text = String(said);
  const [, published, target = '', protocol] = SHORT.exec(text) ?? [];
  const found = { published: Number(published ?? target), target: Number(target) };
  const isPort = (number: number) => number >= 1 && number <= 65_535;
  if (!isPort(found.published) || !isPort(found.target)) {
    throw new UserError(`${JSON.stringify(said)} is no port to publish`, { hint: hintFor(text) });
  }
  return { ...found, protocol: protocol === 'udp' ? 'udp' : 'tcp' };
}

function hintFor(text: string): string {
  if (/^\S+:\d+:\d+/.test(text))
    return 'It is published on all addresses of the server: leave the address out, and let a firewall say who reaches it.';
  if (/\d-\d/.test(text)) return 'Write each port of the range by itself.';
  return 'Write 1883, "53/udp", or "8883:1883": the port of the servers, and that of the container.';
}

function checkPublished(found: PublishInput): PublishInput {
  const why = OF_THE_EDGE.get(found.published);
  if (why !== undefined) {
    throw new UserError(`port ${found.published} of the servers cannot be published: ${why}`, {
      hint:
        found.published > 8000
          ? `Publish another port of the servers, as "${found.published + 1000}:${found.target}".`
          : 'What speaks HTTP is reached by its domain: write domain.',
    });
  }
  if (found.responses !== undefined && found.protocol === 'tcp') {
    throw new UserError('responses are of udp: a connection of tcp has an end of its own', {
      hint: 'Leave it out, or write protocol: udp.',
    });
  }
  return found;
}

const short = parsed(z.union([z.number(), z.string()]), (said) => checkPublished(parseShort(said)));

const long = parsed(
  closed(
    {
      target: requiredKey(port, {
        from: 'Compose',
        description: 'The port that the container listens on.',
        example: 'target: 53',
      }),
      published: key(port, {
        from: 'Compose',
        description: 'The port of the servers.',
        fallback: { words: 'that of the container' },
        example: 'published: 5353',
      }),
      protocol: key(z.enum(['tcp', 'udp']), {
        from: 'Compose',
        description: 'What is passed on.',
        fallback: { value: 'tcp' },
        example: 'protocol: udp',
      }),
      responses: key(wholeNumber('a whole number, at least 1', 1, 1_000), {
        description:
          'Of `udp`: after so many datagrams of the app nginx forgets the client, which makes room for others: 1 for what is asked and answers, as DNS and RADIUS do. Without it a client is forgotten when it was silent for `idle_timeout`, at most a minute.',
        fallback: { words: 'without limit' },
        example: 'responses: 1',
      }),
    },
    {
      host_ip: 'it is published on all addresses of the server; let a firewall say who reaches it.',
      mode: 'the edge of every server takes it, and passes it on to the copies in its zone.',
      name: 'leave it out.',
      app_protocol: 'leave it out.',
    },
  ),
  ({ target, published, protocol, responses }) =>
    checkPublished({
      target,
      published: published ?? target,
      protocol: protocol ?? 'tcp',
      ...(responses !== undefined && { responses }),
    }),
);

/** Ports of the servers that the edge passes on, in Compose's short and long forms of `ports`. */
export const publish = parsed(
  z.array(z.union([short, long], { error: 'must be a port, or a map with one' }), {
    error: 'must be a list of ports',
  }),
  (list) => {
    const names = list.map(({ published, protocol }) => `${published}/${protocol}`);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new UserError(`${twice} is there twice`);
    return list;
  },
);
