import { removeWithFiles } from '../../fleet/delivered-files.ts';
import type { StepKind } from './kind.ts';

/** Removing a container that nobody needs any more, its files, and the helpers that watch it. Other named volumes stay. */
export interface RemoveStep {
  kind: 'remove';
  service: string;
  server: string;
  id: string;
  /** The container's name. */
  name: string;
  /** Ids of helpers. */
  helpers: string[];
}

/** Names ids, as `stop` does. */
export const remove: StepKind<RemoveStep> = {
  describe: ({ name, server }) => `remove ${name} on ${server}`,
  async run({ server, id, helpers }, { fleet }) {
    const on = fleet.server(server);
    await removeWithFiles(on, id);
    await Promise.all(helpers.map((helper) => on.engine.removeContainer(helper)));
  },
};
