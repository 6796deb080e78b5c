import type { Server } from '../../fleet/server.ts';
import { messageOf } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import type { SweepStep } from '../planning/plan.ts';
import { perform } from './perform.ts';

/** sweep removes one leftover of a server. What cannot be removed does no harm: it is a warning, and the next run tries again. */
export async function sweep(server: Pick<Server, 'engine'>, step: SweepStep, log: Log): Promise<void> {
  try {
    await perform(log, step, () => remove(server, step));
  } catch (error) {
    log.warning(`a leftover stays: ${messageOf(error)}`);
  }
}

function remove({ engine }: Pick<Server, 'engine'>, { what, id }: SweepStep): Promise<void> {
  switch (what) {
    case 'container':
      return engine.removeContainer(id);
    case 'network':
      return engine.removeNetwork(id);
    case 'volume':
      return engine.removeVolume(id);
    case 'image':
      return engine.removeImage(id);
  }
}
