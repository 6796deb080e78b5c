import { GeneratedSecrets } from '../../fleet/generated-secrets.ts';
import type { RecordedSecret } from '../../model/generated-secret.ts';
import type { RunContext } from './context.ts';
import type { StepKind } from './kind.ts';

/** Keeping generated secrets on a server that lacks them. */
export interface KeepGeneratedStep {
  kind: 'keep generated';
  server: string;
  /** Names of those that were made before. */
  brought: string[];
  /** Names of those that this run makes. */
  made: string[];
}

/** Saying on the record which generated secrets there are, with encrypted copies for those who may open them. */
export interface RecordGeneratedStep {
  kind: 'record generated';
  secrets: Readonly<Record<string, RecordedSecret>>;
  /** Names of those that are encrypted. */
  sealed: string[];
  /** For whom. */
  recipients: string[];
}

/** Writes them to a server, before the record says that they exist and before any container is started with one. */
export const keepGenerated: StepKind<KeepGeneratedStep> = {
  describe: ({ server, brought, made }) =>
    [
      ...(made.length === 0 ? [] : [`make secret ${made.join(', ')} and keep it on ${server}`]),
      ...(brought.length === 0 ? [] : [`bring secret ${brought.join(', ')} to ${server}`]),
    ].join('; '),
  async run({ server, brought, made }, { fleet, scope, nginx, generated }) {
    const secrets = new Map([...brought, ...made].map((name) => [name, generated.secretOf(name)]));
    await new GeneratedSecrets(fleet.server(server), scope, nginx.image).keep(secrets);
  },
};

/** Writes both in one push, once every server has them: what the record knows, somebody has. */
export const recordGenerated: StepKind<RecordGeneratedStep> = {
  describe: ({ secrets, sealed, recipients }) => {
    const names = Object.keys(secrets);
    const copies = `an encrypted copy of secret ${sealed.join(', ')} for ${recipients.length === 1 ? '1 recipient' : `${recipients.length} recipients`}`;
    return `record ${[names.length > 0 && `secret ${names.join(', ')}`, sealed.length > 0 && copies].filter(Boolean).join(', and ')}`;
  },
  async run(step, { generated, record }: RunContext) {
    const encrypted = await Promise.all(
      step.sealed.map(async (name) => {
        const { id, value } = generated.secretOf(name);
        return [name, { id, recipients: [...step.recipients], age: await generated.seal(value) }] as const;
      }),
    );
    await record.noteGenerated(step, Object.fromEntries(encrypted));
  },
};
