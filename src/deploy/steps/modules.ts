import type { Compressor } from '../../model/edge-options.ts';
import { UserError } from '../../model/errors.ts';
import { instanceAt } from './context.ts';
import type { StepKind } from './kind.ts';

/** What not every nginx has, by the directive that it does not know then. */
export type ModuleName = Compressor | 'http3';

/** Making sure that the edge of a server has modules that not every nginx has. */
export interface FindModulesStep {
  kind: 'find modules';
  server: string;
  modules: ModuleName[];
}

/** Before anything starts: else the run would find out at its switch. */
export const findModules: StepKind<FindModulesStep> = {
  describe: ({ server, modules }) => `look for ${modules.join(' and ')} in the edge of ${server}`,
  async run({ server, modules }, context) {
    const edge = instanceAt(context, server, 'edge');
    const lacking = await edge.lackedModules(modules);
    const [first] = lacking;
    if (first === undefined) return;
    throw new UserError(`${edge.title}: its nginx has no module for ${lacking.join(' and ')}`, {
      hint: `${WAYS_OUT[first]}, and deploy that first: it comes without a gap.`,
    });
  },
};

const LOADED = 'or name an image under sidecar.image that loads the module in /etc/nginx/modules-enabled/';

const WAYS_OUT: Readonly<Record<ModuleName, string>> = {
  brotli: `Leave edge.brotli out; ${LOADED}`,
  zstd: `Leave edge.zstd out; ${LOADED}`,
  http3: 'Leave tls.http3 out; or name an image under sidecar.image whose nginx has ngx_http_v3_module',
};
