import { agreedMake, type NginxMake } from '../../nginx/agreed.ts';
import type { PlanInput } from './input.ts';
import type { ObservedServer } from './observed.ts';

/** wantedEdge returns what the edge of a server has to be made of. Pure. */
export function wantedEdge({ scope, nginx }: PlanInput, { edge }: Pick<ObservedServer, 'edge'>): NginxMake {
  return agreedMake(scope, nginx, edge?.tree.folders[edge.folder].manifest);
}
