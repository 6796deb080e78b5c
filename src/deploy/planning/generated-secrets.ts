import { UserError } from '../../model/errors.ts';
import type { GeneratedSecret, RecordedSecret, SealedSecret } from '../../model/generated-secret.ts';

/** What is known of the generated secrets of an environment. */
export interface GeneratedKnowledge {
  /** Lengths of those that services of the run use, by name. */
  needed: Readonly<Record<string, number>>;
  recorded: Readonly<Record<string, RecordedSecret>>;
  /** The encrypted copies on the state branch, by name. */
  sealed: Readonly<Record<string, SealedSecret>>;
  /** What each server that the run reaches keeps. */
  kept: ReadonlyMap<string, ReadonlyMap<string, GeneratedSecret>>;
  /** Values of those that a key has opened, by name. */
  opened: ReadonlyMap<string, string>;
  /** Why some could not be opened, by name. */
  closed: ReadonlyMap<string, UserError>;
  /** For whom they shall be. */
  recipients: readonly string[];
}

/** The generated secrets of a run: those that there are, those that it makes, and what is to be done with them. */
export interface SettledSecrets {
  secrets: ReadonlyMap<string, GeneratedSecret>;
  /** Names of those that nobody has had before. */
  made: readonly string[];
  /** Names of what each server lacks. */
  lacking: Readonly<Record<string, readonly string[]>>;
  /** Those of which the record says something else, or nothing, as it shall say. */
  unrecorded: Readonly<Record<string, RecordedSecret>>;
  /** Names of those whose encrypted copies are to be written. */
  unsealed: readonly string[];
  recipients: readonly string[];
}

/** NONE_SETTLED is for a run that has nothing to do with any. */
export const NONE_SETTLED: SettledSecrets = {
  secrets: new Map(),
  made: [],
  lacking: {},
  unrecorded: {},
  unsealed: [],
  recipients: [],
};

/** idKnown returns the id of the value that a secret has, by the record or else its encrypted copy; undefined where neither knows it. */
export function idKnown({ recorded, sealed }: Pick<GeneratedKnowledge, 'recorded' | 'sealed'>, name: string) {
  return ownOf(recorded, name)?.id ?? ownOf(sealed, name)?.id;
}

/** keptWith returns a secret with this id from any server that has it. */
export function keptWith(
  { kept }: Pick<GeneratedKnowledge, 'kept'>,
  name: string,
  id: string,
): GeneratedSecret | undefined {
  return [...kept.values()].map((ofServer) => ofServer.get(name)).find((one) => one?.id === id);
}

/**
 * settleSecrets decides which value each secret has. The id that the record names wins; where the record says nothing, what
 * servers have was made by a run that was killed before it could say so, or the record was lost: it is used. Only what nobody
 * has heard of is made. Pure, but for `make`. It throws a UserError for a secret that is lost, and where servers disagree and
 * nothing says who is right: a wrong value would lock an app out of its data.
 */
export function settleSecrets(
  known: GeneratedKnowledge,
  make: (length: number) => GeneratedSecret,
): SettledSecrets {
  const { needed, recorded, sealed, kept, recipients } = known;
  const names = [...new Set([...Object.keys(needed), ...Object.keys(recorded)])].sort();
  const found = new Map<string, GeneratedSecret>();
  const made: string[] = [];
  for (const name of names) {
    const secret = foundSecret(known, name);
    if (secret !== undefined) found.set(name, secret);
    else if (!Object.hasOwn(needed, name)) continue;
    else if (idKnown(known, name) !== undefined) throw lost(known, name);
    else {
      found.set(name, make(needed[name]!));
      made.push(name);
    }
  }
  const lacking = Object.fromEntries(
    [...kept].flatMap(([server, ofServer]) => {
      const missing = [...found].filter(([name, { id }]) => ofServer.get(name)?.id !== id);
      return missing.length === 0 ? [] : [[server, missing.map(([name]) => name)]];
    }),
  );
  return {
    secrets: found,
    made,
    lacking,
    unrecorded: Object.fromEntries(
      [...found].flatMap(([name, secret]) => {
        const before = ownOf(recorded, name);
        const after = recordOf(secret, [...(before?.servers ?? []), ...kept.keys()]);
        return before?.id === after.id && before.servers.length === after.servers.length
          ? []
          : [[name, { ...before, ...after }]];
      }),
    ),
    unsealed:
      recipients.length === 0
        ? []
        : [...found].flatMap(([name, { id }]) => {
            const own = ownOf(sealed, name);
            return own?.id === id && isSame(own.recipients, recipients) ? [] : [name];
          }),
    recipients,
  };
}

function foundSecret(known: GeneratedKnowledge, name: string): GeneratedSecret | undefined {
  const id = idKnown(known, name);
  if (id === undefined) return agreedSecret(known, name);
  const kept = keptWith(known, name, id);
  if (kept !== undefined) return kept;
  const value = ownOf(known.sealed, name)?.id === id ? known.opened.get(name) : undefined;
  if (value === undefined) return undefined;
  const { made_at = '', run = '' } = ownOf(known.recorded, name) ?? {};
  return { id, value, made_at, run };
}

/** The one value that servers have of which the record says nothing. */
function agreedSecret({ kept }: GeneratedKnowledge, name: string): GeneratedSecret | undefined {
  const all = [...kept].flatMap(([server, ofServer]) => {
    const secret = ofServer.get(name);
    return secret === undefined ? [] : [{ server, secret }];
  });
  const [first] = all;
  const other = all.find(({ secret }) => secret.id !== first?.secret.id);
  if (first === undefined || other === undefined) return first?.secret;
  const told = [first, other].map(({ server, secret }) => `${server} has one of ${secret.made_at}`);
  throw new UserError(
    `secret ${name} has two values: ${told.join(', ')}; and the record, which would say which one is used, says nothing of it`,
    {
      hint: 'Nothing was changed. Bring the state branch back, or deploy once with "exclude-servers" naming the server whose value is not the one in use: the record then knows the other one.',
    },
  );
}

function lost({ recorded, sealed, kept, closed }: GeneratedKnowledge, name: string): UserError {
  const { servers = [] } = ownOf(recorded, name) ?? {};
  const own = ownOf(sealed, name);
  const away = servers.filter((server) => !kept.has(server));
  const asked = [...kept.keys()];
  const where = asked.length === 1 ? asked[0] : `none of ${asked.join(', ')}`;
  const said = asked.length === 1 ? 'does not have it any more' : 'has it any more';
  const reason = closed.get(name);
  const ways = [
    ...(own === undefined
      ? ['There is no encrypted copy of it on the state branch.']
      : [
          `An encrypted copy lies on the state branch, for ${own.recipients.join(', ')}: pass the key of one of them as the input "age-key".`,
        ]),
    ...(away.length === 0
      ? []
      : [
          `${away.join(', ')} had it as well, and this run does not reach ${away.length === 1 ? 'it' : 'them'}.`,
        ]),
    `Whoever knows the value, from the data of the service or from a container that runs, can give it: put it into a secret of GitHub, and write "${name}: { environment: ${name.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_')} }" in place of generate.`,
  ];
  return new UserError(
    `secret ${name} is lost: ${where} ${said}${reason === undefined ? '' : `, and its encrypted copy cannot be opened: ${reason.message}`}`,
    { hint: `Nothing was changed. ${ways.join(' ')}` },
  );
}

function recordOf({ id, made_at, run, value }: GeneratedSecret, servers: readonly string[]): RecordedSecret {
  return { id, made_at, run, length: value.length, servers: [...new Set(servers)].sort() };
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && others.every((one) => some.includes(one));
}

/** Names come from the file: one may be that of something which every object has. */
function ownOf<T>(map: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}
