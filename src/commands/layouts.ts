import { join } from 'node:path';
import { cacheFolder } from '../model/cache-folder.ts';
import { LayoutStore } from '../registry/layout-store.ts';

/**
 * layoutsOf returns where images wait that are built for no registry, until a deploy takes them from there: a folder of the
 * job, which the runner empties, and without a runner one of the user.
 */
export function layoutsOf(env: NodeJS.ProcessEnv): LayoutStore {
  const { RUNNER_TEMP: temporary } = env;
  return new LayoutStore(temporary ? join(temporary, 'switchyard-images') : cacheFolder(env, 'images'));
}
