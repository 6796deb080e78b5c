import * as z from 'zod';
import { parseOpenPort } from '../../model/bootstrap.ts';
import { UserError } from '../../model/errors.ts';
import { parseUser } from '../address.ts';
import { DEFAULTS } from '../defaults.ts';
import { parseHostKey } from '../host-key.ts';
import { closed, key, parsed } from './key.ts';
import { bytes, oneOrMany } from './scalars.ts';

const openPort = parsed(z.union([z.number(), z.string()]), (given) => {
  const port = parseOpenPort(String(given));
  if (port !== undefined) return port;
  throw new UserError(`${JSON.stringify(given)} is no port`, { hint: 'Write 8080, 8080/tcp or 51820/udp.' });
});

/** How servers are set up, in its long form. */
const options = closed({
  login: key(parsed(z.string(), parseUser), {
    description:
      'Who logs in while `user` is not there yet: `root`, or a user that may use sudo without a password, as `ubuntu` or `debian` in images of clouds.',
    fallback: { value: DEFAULTS.bootstrap.login },
    example: 'login: ubuntu',
  }),
  authorized_keys: key(oneOrMany(parsed(z.string(), parseHostKey), 'a public key'), {
    description:
      'Public keys that open `user` beside that of `ssh-private-key`, as files `.pub` have them. Others that it has stay.',
    short: 'authorized_keys: "ssh-ed25519 AAAA…"',
    long: 'authorized_keys:\n  - ssh-ed25519 AAAA…\n  - ssh-ed25519 AAAA…',
  }),
  open_ports: key(z.array(openPort), {
    description:
      'What the firewall leaves open to the world beside SSH, 80, 443 and what services publish. Without this key a server is refused on which something else is published: an empty list closes it.',
    example: 'open_ports: [8080, 51820/udp]',
  }),
  swap: key(bytes, {
    description: 'Size of the swap that a server without any gets; `0` is none.',
    fallback: { value: DEFAULTS.bootstrap.swap },
    example: 'swap: 1g',
  }),
});

/** How servers are set up, as the file has it. */
export const bootstrap = z.union([z.literal(true), options], { error: 'must be true or a map' });
