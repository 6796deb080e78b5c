import type { OpenPort } from '../model/bootstrap.ts';
import type { Phase } from './phase.ts';
import { docker } from './phases/docker.ts';
import { firewallDoor } from './phases/firewall-door.ts';
import { sshDoor } from './phases/ssh-door.ts';
import { logs, swap, time, updates } from './phases/system-care.ts';
import { user } from './phases/user.ts';

/** What the phases of a server depend on. */
export interface Recipe {
  /** The deploy user. */
  user: string;
  /** Public keys that open it, as `authorized_keys` has them. */
  keys: readonly string[];
  sshPort: number;
  /** What the world reaches beside SSH, 80 and 443. */
  openPorts: readonly OpenPort[];
  /** Private addresses of the other servers of its zone. */
  neighbours: readonly string[];
  swapBytes: number;
}

/** phasesOf returns the phases by which a server is set up, in their order, the doors last. Pure. */
export function phasesOf(recipe: Recipe): Phase[] {
  const { sshPort, openPorts: ports, neighbours } = recipe;
  return [
    docker(),
    user(recipe.user, recipe.keys),
    updates(),
    swap(recipe.swapBytes),
    time(),
    logs(),
    sshDoor(),
    firewallDoor({ sshPort, ports, neighbours }),
  ];
}
