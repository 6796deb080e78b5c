import { allOrErrors } from '../../fleet/fleet.ts';
import { UserError } from '../../model/errors.ts';
import { putUserList, readUserList, removeUserList } from '../../nginx/given-users.ts';
import { instanceAt, type RunContext } from './context.ts';
import type { StepKind } from './kind.ts';

/** A list of users for a port at an edge. */
export interface GivenList {
  /** Names the port. */
  key: string;
  /** The secret that has them. */
  secret: string;
  /** The server that has them already; else the run has them. */
  from?: string;
}

/** Giving the edge of a server the users that come from secrets. */
export interface GiveUsersStep {
  kind: 'give users';
  server: string;
  lists: GivenList[];
}

/** Taking lists away whose services have gone. */
export interface RemoveUsersStep {
  kind: 'remove users';
  server: string;
  keys: string[];
}

/** Before anybody is asked for a password of theirs; nothing is reloaded. */
export const giveUsers: StepKind<GiveUsersStep> = {
  describe: ({ server, lists }) =>
    `give ${server} the users of ${[...new Set(lists.map(({ secret }) => secret))].join(', ')}`,
  async run({ server, lists }, context) {
    const edge = instanceAt(context, server, 'edge');
    await allOrErrors(
      lists.map(async (list) => putUserList(edge, list.key, await textOf(list, context), context.clock)),
    );
  },
};

/** They are kept as long as there is a release of the service to go back to. */
export const removeUsers: StepKind<RemoveUsersStep> = {
  mayOutlastLease: () => true,
  describe: ({ server, keys }) =>
    `remove ${keys.length === 1 ? 'a list of users' : `${keys.length} lists of users`} from ${server}`,
  async run({ server, keys }, context) {
    const edge = instanceAt(context, server, 'edge');
    await allOrErrors(keys.map((key) => removeUserList(edge, key, context.clock)));
  },
};

async function textOf({ key, secret, from }: GivenList, context: RunContext): Promise<string> {
  if (from !== undefined) return await readUserList(instanceAt(context, from, 'edge'), key);
  const text = context.tlsSecrets[secret];
  if (text !== undefined) return text;
  throw new UserError(`basic_auth needs the secret ${secret}, which this run was not given`, {
    hint: 'Pass the input "secrets".',
  });
}
