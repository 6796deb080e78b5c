import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LayoutStore } from '../registry/layout-store.ts';

/**
 * layoutsOf returns where images wait that are built for no registry, until a deploy takes them from there: a folder of the
 * job, which the runner empties.
 */
export function layoutsOf(env: NodeJS.ProcessEnv): LayoutStore {
  return new LayoutStore(join(env.RUNNER_TEMP ?? tmpdir(), 'switchyard-images'));
}
