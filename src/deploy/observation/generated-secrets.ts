import type { Fleet } from '../../fleet/fleet.ts';
import { GeneratedSecrets, makeSecret } from '../../fleet/generated-secrets.ts';
import { UserError } from '../../model/errors.ts';
import type { EnvironmentSpec } from '../../model/spec.ts';
import type { Snapshot } from '../../state/snapshot.ts';
import {
  type GeneratedKnowledge,
  idKnown,
  keptWith,
  NONE_SETTLED,
  type SettledSecrets,
  settleSecrets,
} from '../planning/generated-secrets.ts';

/** What a run has to know of generated secrets, and what it can do with them. */
export interface GeneratedRequest {
  /** Lengths of those that services of the run use, by name. */
  needed: Readonly<Record<string, number>>;
  /** Who can open the encrypted copies on the state branch: recipients of age; none for no such copies. */
  recipients: readonly string[];
  /** complete returns the values of all secrets, by service and name, once those of the generated ones are known. */
  complete(generated: Readonly<Record<string, string>>): Readonly<Record<string, Record<string, string>>>;
  /** seal encrypts a value for the recipients. */
  seal(value: string): Promise<string>;
  /** open decrypts a sealed value. It throws a UserError where the keys of the run do not; undefined where it has none. */
  open?(name: string, age: string): Promise<string>;
}

/**
 * findGenerated asks servers and state branch for the generated secrets that a run uses, and settles which value each has.
 * What is new is made, and nobody is told yet. It throws a UserError, see settleSecrets.
 */
export async function findGenerated(
  fleet: Fleet,
  snapshot: Snapshot,
  { project, environment, nginx }: EnvironmentSpec,
  request: Omit<GeneratedRequest, 'complete'> | undefined,
  by: { run: string; now: number },
): Promise<SettledSecrets> {
  if (request === undefined || Object.keys(request.needed).length === 0) return NONE_SETTLED;
  const { needed, recipients } = request;
  const { generated_secrets: recorded = {} } = snapshot.state;
  const names = [...new Set([...Object.keys(needed), ...Object.keys(recorded)])].sort();
  const scope = { project, environment };
  const [sealed, found] = await Promise.all([
    snapshot.sealedSecrets(),
    fleet.onAll(
      async (server) =>
        [server.name, await new GeneratedSecrets(server, scope, nginx.image).read(names)] as const,
    ),
  ]);
  const asked = { needed, recipients, recorded, sealed, kept: new Map(found) };
  return settleSecrets({ ...asked, ...(await openSealed(asked, names, request)) }, (length) =>
    makeSecret(length, by),
  );
}

/** Only those that no server has. */
async function openSealed(
  known: Pick<GeneratedKnowledge, 'recorded' | 'sealed' | 'kept'>,
  names: readonly string[],
  { open }: Pick<GeneratedRequest, 'open'>,
): Promise<Pick<GeneratedKnowledge, 'opened' | 'closed'>> {
  const opened = new Map<string, string>();
  const closed = new Map<string, UserError>();
  await Promise.all(
    names.map(async (name) => {
      const id = idKnown(known, name);
      const own = Object.hasOwn(known.sealed, name) ? known.sealed[name] : undefined;
      if (open === undefined || own === undefined || own.id !== id || keptWith(known, name, id)) return;
      try {
        opened.set(name, await open(name, own.age));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        closed.set(name, error);
      }
    }),
  );
  return { opened, closed };
}
