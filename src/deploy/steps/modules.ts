import type { Compressor } from '../../model/door.ts';
import { UserError } from '../../model/errors.ts';
import { instanceAt } from './context.ts';
import type { StepKind } from './kind.ts';

/** Making sure that the edge of a server has modules that not every nginx has. */
export interface FindModulesStep {
  kind: 'find modules';
  server: string;
  modules: Compressor[];
}

/** Before anything starts: else the run would find out at its switch. */
export const findModules: StepKind<FindModulesStep> = {
  describe: ({ server, modules }) => `look for ${modules.join(' and ')} in the edge of ${server}`,
  async run({ server, modules }, context) {
    const edge = instanceAt(context, server, 'edge');
    const lacking = await edge.lackedModules(modules);
    if (lacking.length === 0) return;
    throw new UserError(`${edge.title}: its nginx has no module for ${lacking.join(' and ')}`, {
      hint: `Leave edge.${lacking[0]} out; or name an image under sidecar.image that loads the module in /etc/nginx/modules-enabled/, and deploy that first: it comes without a gap.`,
    });
  },
};
