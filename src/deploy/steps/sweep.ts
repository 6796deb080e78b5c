import { removeWithFiles } from '../../fleet/delivered-files.ts';
import type { Server } from '../../fleet/server.ts';
import { messageOf } from '../../model/errors.ts';
import type { StepKind } from './kind.ts';

/** Removing something of ours that nothing refers to. */
export interface SweepStep {
  kind: 'sweep';
  server: string;
  what: 'container' | 'network' | 'volume' | 'image';
  id: string;
  /** For people. */
  name: string;
}

/** What cannot be removed does no harm: it is a warning, and the next run tries again. */
export const sweep: StepKind<SweepStep> = {
  // Without the lease another run may be about to use what nothing refers to yet.
  needsLease: true,
  describe: ({ what, name, server }) => `remove ${what} ${name} from ${server}: nothing refers to it`,
  async run(step, { fleet, log }) {
    await remove(fleet.server(step.server), step).catch((error) =>
      log.warning(`a leftover stays: ${step.what} ${step.name} on ${step.server}: ${messageOf(error)}`),
    );
  },
};

function remove(server: Server, { what, id }: SweepStep): Promise<void> {
  const { engine } = server;
  switch (what) {
    case 'container':
      return removeWithFiles(server, id);
    case 'network':
      return engine.removeNetwork(id);
    case 'volume':
      return engine.removeVolume(id);
    case 'image':
      return engine.removeImage(id);
  }
}
