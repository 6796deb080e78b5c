import { UserError } from '../model/errors.ts';

/** Distributions that servers are set up on, with what their VERSION_ID says. */
const SUPPORTED: Readonly<Record<string, readonly string[]>> = {
  debian: ['12', '13'],
  ubuntu: ['22.04', '24.04', '26.04'],
};

/** checkDistribution throws a UserError for a server that is none of those that can be set up. Pure. */
export function checkDistribution(server: string, distribution: string | undefined): void {
  const [id = '', version = ''] = (distribution ?? '').split(' ');
  if (Object.hasOwn(SUPPORTED, id) && SUPPORTED[id]!.includes(version)) return;
  throw new UserError(
    `${server}: ${[id, version].join(' ').trim() || 'a system without /etc/os-release'} cannot be set up`,
    {
      hint: 'Servers are set up on Debian 12 and 13, and on Ubuntu 22.04, 24.04 and 26.04. Any other Linux does as well with Docker and a user in the group docker that are there already: leave "bootstrap" out.',
    },
  );
}
