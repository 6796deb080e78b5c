import { allOrErrors } from '../../fleet/fleet.ts';
import { scopeName } from '../../model/names.ts';
import { accountKeyOf, writeAccountKey } from '../../nginx/certificate-keys.ts';
import { putChallengeAnswer } from '../../nginx/certificates.ts';
import { instanceAt } from './context.ts';
import type { StepKind } from './kind.ts';

/** Having servers answer CAs for the account of the environment. */
export interface ShareAccountStep {
  kind: 'share account';
  servers: string[];
}

/**
 * One account for the environment, on all its servers, so that a server that is lost takes none along; and each of them
 * answers for it whatever a CA asks, also in a run that does not reach it.
 */
export const shareAccount: StepKind<ShareAccountStep> = {
  moments: ['account is kept'],
  mayOutlastLease: () => true,
  describe: ({ servers }) => `have one account with certificate authorities on ${servers.join(', ')}`,
  async run({ servers }, context) {
    const { authority, known, clock } = context;
    const scope = scopeName(context.scope);
    const edges = servers.map((server) => instanceAt(context, server, 'edge'));
    const keys = await allOrErrors(edges.map((edge) => accountKeyOf(edge, scope)));
    const account = keys.find((key) => key !== undefined) ?? (await authority.newAccountKey());
    const lacking = edges.filter((_edge, index) => keys[index] !== account);
    await allOrErrors(lacking.map((edge) => writeAccountKey(edge, scope, account)));
    context.moment('account is kept');
    const thumbprint = authority.thumbprintOf(account);
    await allOrErrors(edges.map((edge) => putChallengeAnswer(edge, scope, thumbprint, clock)));
    known.account = account;
  },
};
