import type { BareServer, ServerReport } from '../bootstrap/bootstrap.ts';
import { failTogether, messageOf, UserError } from '../model/errors.ts';
import { publishedOf, type ServerSpec } from '../model/spec.ts';
import { normalisePrivateKey, publicKeyLine } from '../ssh/keys.ts';
import type { CommandResult } from './command.ts';
import type { FLEET, Inputs } from './inputs.ts';
import type { ServerOutput } from './outputs.ts';
import type { ReadProject } from './project.ts';
import type { ConcealingLog } from './surroundings.ts';

/** What became of servers, or what they lack. */
export interface Provisioned extends CommandResult<'changed' | 'servers'> {
  kind: 'provisioned';
  /** For people: `shop production`. */
  title: string;
  what: 'plan' | 'apply' | 'doctor';
  servers: ServerOutput[];
}

/**
 * bareServers returns the servers of an environment that are set up, with how. It throws a UserError for an environment whose servers are
 * somebody else's affair.
 */
export function bareServers(
  { wanted }: Pick<ReadProject, 'wanted'>,
  inputs: Pick<Inputs, (typeof FLEET)[number]>,
  log: ConcealingLog,
): BareServer[] {
  const { bootstrap, environment, servers } = wanted;
  if (bootstrap === undefined) {
    throw new UserError(`the servers of ${environment} are not set up by Switchyard`, {
      hint: 'Write "bootstrap: true" at the environment, beside "provider: static".',
    });
  }
  const { 'ssh-private-key': given = '', 'exclude-servers': excluded = [] } = inputs;
  log.hide(given.replaceAll('\\n', '\n'));
  const privateKey = normalisePrivateKey(given);
  const keys = [publicKeyLine(privateKey), ...bootstrap.authorizedKeys];
  return servers
    .filter(({ name }) => !excluded.includes(name))
    .map((spec) => ({
      spec,
      login: bootstrap.login,
      privateKey,
      recipe: {
        user: spec.user,
        keys,
        sshPort: spec.port,
        openPorts: [...(bootstrap.openPorts ?? []), ...wanted.services.flatMap(publishedOf)],
        neighbours: neighboursOf(spec, servers),
        swapBytes: bootstrap.swapBytes,
      },
      mayClose: bootstrap.openPorts !== undefined,
    }));
}

/** The other servers of its zone reach copies at the host ports of a server. */
function neighboursOf({ name, zone }: ServerSpec, servers: readonly ServerSpec[]): string[] {
  return servers.flatMap((other) =>
    other.name !== name && other.zone === zone && other.privateIp !== undefined ? [other.privateIp] : [],
  );
}

/** toProvisioned works on all servers side by side, and says what became of each; one that fails holds no other up. */
export async function toProvisioned(
  title: string,
  what: Provisioned['what'],
  servers: readonly BareServer[],
  work: (server: BareServer) => Promise<ServerReport>,
): Promise<Provisioned> {
  const outcomes = await Promise.allSettled(servers.map(work));
  const errors: UserError[] = [];
  const reports = outcomes.map((outcome, index): ServerOutput => {
    if (outcome.status === 'fulfilled') return outcome.value;
    const { reason } = outcome;
    if (!(reason instanceof UserError)) throw reason;
    errors.push(reason);
    return { server: servers[index]!.spec.name, lacks: [], left: [], error: messageOf(reason) };
  });
  const changed = reports.some(({ lacks }) => lacks.length > 0);
  return {
    kind: 'provisioned',
    title,
    what,
    servers: reports,
    outputs: { changed, servers: reports },
    failure: failureOf(errors),
  };
}

function failureOf(errors: readonly UserError[]): unknown {
  try {
    failTogether(errors);
    return undefined;
  } catch (error) {
    return error;
  }
}
