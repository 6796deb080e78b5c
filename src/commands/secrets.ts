import { namedSecrets } from '../config/named-secrets.ts';
import { type PrunedSets, pruneSecrets } from '../deploy/prune-secrets.ts';
import { type ListedSecret, listSecrets } from '../deploy/record/secret-list.ts';
import { type CommandResult, command } from './command.ts';
import { exportSecrets } from './export-secrets.ts';
import { PROJECT } from './inputs.ts';
import { openProject, type Project } from './project.ts';

/** What was done with secrets, or is known of them. */
export type SecretsShown = CommandResult<'changed' | 'result'> & {
  kind: 'secrets';
  /** For people: `shop production`. */
  title: string;
  secrets: Record<string, ListedSecret>;
  /** Who can open encrypted copies, as the file says now. */
  recipients: readonly string[];
} & (
    | { task: 'list' | 'show-recipients' }
    | { task: 'prune'; pruned: PrunedSets[]; isDryRun: boolean }
    | { task: 'export'; exported: string[]; file: string; isPlain: boolean }
  );

/** secrets shows which secrets there are and who can open the encrypted copies of generated ones, gives up old values, and exports. */
export const secrets = command({
  title: 'Switchyard secrets',
  description:
    'Show the secrets of an environment by name, and who can open the encrypted copies of generated ones; give up old values; export for whoever has a key.',
  inputs: [...PROJECT, 'task', 'age-key', 'file', 'plain', 'exclude-servers', 'lease-wait', 'dry-run'],
  outputs: ['changed', 'result'],
  meanings: {
    'age-key':
      'The key that opens the encrypted copies of generated secrets, as age-keygen has written it; for `export`.',
    'dry-run': 'With `true`, `prune` says what it would give up, and gives up nothing.',
    result:
      'JSON: by name where a secret comes from (`from`), the services that use it with the number of their values and since when they have them (`usedBy`), and of a generated one when, by which run and how long it was made, its servers (`generated`), and who can open its encrypted copy (`sealedFor`).',
  },
  async run(inputs, surroundings): Promise<SecretsShown> {
    const project = await openProject(inputs, surroundings);
    const { task, file, plain: isPlain, 'dry-run': isDryRun } = inputs;
    const shown = async (changed: boolean) => {
      const secrets = await listed(project);
      const { title, recipients } = project;
      const outputs = { changed, result: secrets };
      return { kind: 'secrets' as const, title, secrets, recipients, outputs, failure: undefined };
    };
    switch (task) {
      case 'prune': {
        const { reach, wanted, author } = project;
        const { 'exclude-servers': excludedServers, 'lease-wait': leaseWaitMs } = inputs;
        const { signal } = surroundings;
        const pruned = await pruneSecrets({
          ...reach,
          ...{ wanted, author, excludedServers, leaseWaitMs, isDryRun, signal },
        });
        return { ...(await shown(pruned.length > 0)), task, pruned, isDryRun };
      }
      case 'export': {
        const exported = await exportSecrets(project, inputs, surroundings.log);
        return { ...(await shown(false)), task, exported, file: file!, isPlain };
      }
      default:
        return { ...(await shown(false)), task };
    }
  },
});

async function listed(project: Project): Promise<Record<string, ListedSecret>> {
  const named = namedSecrets(project);
  const store = await project.reach.openStore();
  try {
    return await listSecrets(await store.read(), named);
  } finally {
    await store.close();
  }
}
