import { loadConfig } from '../../../src/config/load.ts';
import { resolveEnvironment } from '../../../src/config/resolve.ts';
import { status } from '../../../src/deploy/status.ts';
import type { EnvironmentSpec } from '../../../src/model/spec.ts';
import { renderStatus } from '../../../src/report/status.ts';
import { Store } from '../../../src/state/store.ts';
import { REPOSITORY } from '../../simulation/stories/specs.ts';
import { World } from '../../simulation/world/world.ts';
import { shown } from './documents.ts';

/** The shop of the guide: what it wants now, and the servers in memory on which the version before it runs. */
export interface Shop {
  world: World;
  wanted: EnvironmentSpec;
}

/** openShop returns the shop of the guide, whose next version is about to be deployed. */
export async function openShop(): Promise<Shop> {
  const { text } = shown('docs/guide.md', 'file');
  const world = new World({ images: 'digests' });
  await world.deploy(production(text.replace('api:1.2.3', 'api:1.2.2')));
  return { world, wanted: production(text) };
}

function production(file: string): EnvironmentSpec {
  return resolveEnvironment(loadConfig(file, 'switchyard.yml', {}), 'production');
}

/** recordIn returns the text of the shop's state file. */
export function recordIn({ world, wanted: { project, environment } }: Shop): string {
  return world.remote.file('refs/heads/switchyard-state', `state/${project}/${environment}.json`) ?? '';
}

/** statusIn returns what the log of `status` says. */
export async function statusIn({ world, wanted }: Shop): Promise<string> {
  const scope = { project: wanted.project, environment: wanted.environment };
  const self = { identity: { host: 'runner', pid: 1 }, isRunning: () => true };
  const ended = await world.run(({ provider, clock, log, wire, run: { name: run } }) =>
    status({
      wanted,
      zones: undefined,
      excludedServers: undefined,
      secrets: {},
      provider,
      clock,
      log,
      registryAuth: async () => undefined,
      findRepository: async () => REPOSITORY,
      openStore: async () =>
        new Store(world.remote.branch(scope, { wire }), {
          scope,
          clock,
          log,
          self,
          run: { actor: 'ann', run },
        }),
    }),
  );
  if (ended.how !== 'done') throw new Error('nobody can tell how the shop is', { cause: ended });
  return `${renderStatus(ended.value).lines.join('\n')}\n`;
}
