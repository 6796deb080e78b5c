import { LABEL } from '../../../src/model/labels.ts';
import { EDGE_BRIDGE_NAME, EDGE_NAME, sidecarName } from '../../../src/model/names.ts';
import type { Container } from '../world/container.ts';
import type { Machine } from '../world/machine.ts';
import { SHOP, type World } from '../world/world.ts';

/** What somebody does to the servers between two runs; `pick` says to which of them. */
export interface Mischief {
  kind: (typeof MISCHIEF)[number];
  pick: number;
}

/** Everything that somebody may do. */
export const MISCHIEF = [
  'stop a container',
  'crash a container',
  'remove a container',
  'change a container',
  'stop the sidecar',
  'remove the sidecar',
  'stop the edge',
  'remove the edge',
  'change a file of the sidecar',
  'move an image',
  'prune the image of nginx',
  'stop what was made by hand',
  'lose the record',
  'copy a container',
  'leave things behind',
  'kill all hooks',
  'remove all hooks',
  'reboot a server',
  'switch a server off',
  'switch all servers on',
] as const;

/** What the mischief was done to. */
interface Victims {
  world: World;
  machine: Machine;
  /** A copy of the shop's services on it. */
  copy: Container | undefined;
  pick: number;
}

/** makeMischief does it, and returns what was done as a line of a story; undefined when there was nothing to do it to. */
export async function makeMischief(world: World, { kind, pick }: Mischief): Promise<string | undefined> {
  const machines = [...world.machines.values()].filter(({ isOff }) => !isOff);
  const machine = machines[pick % Math.max(1, machines.length)];
  if (kind === 'switch all servers on') return switchAllOn(world);
  if (machine === undefined) return undefined;
  const copies = world
    .containersOf(machine.name, 'service')
    .filter(({ labels }) => labels[LABEL.project] === SHOP.project);
  const copy = copies[pick % Math.max(1, copies.length)];
  const what = await does[kind]({ world, machine, copy, pick });
  if (what !== undefined) world.note(what);
  return what;
}

/** switchAllOn boots the servers that are off; it returns which. */
export function switchAllOn(world: World): string | undefined {
  const off = [...world.machines.values()].filter(({ isOff }) => isOff).map(({ name }) => name);
  for (const name of off) world.switchOn(name);
  return off.length === 0 ? undefined : `${off.join(' and ')} switched on`;
}

const does: Record<
  Exclude<Mischief['kind'], 'switch all servers on'>,
  (victims: Victims) => string | undefined | Promise<string | undefined>
> = {
  'stop a container': ({ world, machine, copy }) => stop(world, machine, copy),
  'crash a container': ({ machine, copy }) =>
    copy && told(machine, `${copy.name} crashed`, () => machine.crash(copy, 1)),
  'remove a container': ({ machine, copy }) =>
    copy && told(machine, `${copy.name} removed`, () => machine.remove(copy)),
  'change a container': ({ world, machine, copy }) =>
    copy && told(machine, `${copy.name} changed`, () => world.changeByHand(machine.name, copy.name)),
  'copy a container': ({ world, machine, copy }) =>
    copy && told(machine, `${copy.name} copied`, () => world.copy(machine.name, copy.name)),
  'stop the sidecar': ({ world, machine }) => stop(world, machine, machine.find(sidecarName(SHOP))),
  'remove the sidecar': ({ machine }) => remove(machine, machine.find(sidecarName(SHOP))),
  'stop the edge': ({ world, machine }) => stop(world, machine, edgeOf(machine)),
  'remove the edge': ({ machine }) => remove(machine, edgeOf(machine)),
  'change a file of the sidecar': ({ machine, pick }) => {
    const files = machine.volumes.get(sidecarName(SHOP))?.files;
    const paths = [...(files?.keys() ?? [])].filter((path) => path.endsWith('.conf') && path.includes('/'));
    const path = paths[pick % Math.max(1, paths.length)];
    if (files === undefined || path === undefined) return undefined;
    return told(machine, `${path} of the sidecar changed`, () => files.set(path, '# changed by hand'));
  },
  'move an image': ({ world, pick }) => {
    const name = `api:${(pick % 4) + 1}`;
    world.moveImage(name);
    return `${name} means another image`;
  },
  'prune the image of nginx': ({ machine }) => {
    if (machine.images.find('nginx:1.30') === undefined) return undefined;
    const image = machine.images.find('nginx:1.30');
    const isUsed = [...machine.containers.values()].some((one) => one.image === image);
    return told(machine, 'the image of nginx pruned', () => {
      if (isUsed) machine.images.untag('nginx:1.30');
      else machine.images.remove('nginx:1.30', () => false);
    });
  },
  'stop what was made by hand': async ({ world, machine, pick }) => {
    const made = [...machine.containers.values()].filter((one) => one.labels[LABEL.role] === undefined);
    const picked = made[pick % Math.max(1, made.length)];
    if (picked === undefined) return undefined;
    // Also who passes requests to it: an nginx that finds no such name does not say what it serves, and is refused.
    const front = made.filter(
      (one) => one !== picked && one.readFile('/etc/nginx/nginx.conf')?.includes(picked.name),
    );
    const lines = [];
    for (const one of [...front, picked]) lines.push(await stop(world, machine, one));
    return lines.join(' and ');
  },
  'lose the record': ({ world }) => {
    world.loseRecord();
    return 'the record is lost';
  },
  'leave things behind': ({ world, machine }) => {
    if (machine.images.all().some((image) => machine.images.namesOf(image).length === 0)) return undefined;
    if (machine.images.all().length === 0) return undefined;
    return told(machine, 'things left behind', () => world.litter(machine.name));
  },
  'kill all hooks': ({ world }) => {
    world.killHooks();
    return 'all hooks killed';
  },
  'remove all hooks': ({ world }) => {
    world.removeHooks();
    return 'all hooks removed';
  },
  'reboot a server': async ({ world, machine }) => {
    world.switchOff(machine.name, 30_000);
    await world.clock.pass(40_000);
    return `${machine.name} rebooted`;
  },
  'switch a server off': ({ world, machine }) => {
    const isLast = [...world.machines.values()].filter(({ isOff }) => !isOff).length < 2;
    if (isLast) return undefined;
    world.switchOff(machine.name);
    return `${machine.name} switched off`;
  },
};

function told(machine: Machine, what: string, work: () => void): string {
  work();
  return `on ${machine.name}: ${what}`;
}

async function stop(
  world: World,
  machine: Machine,
  container: Container | undefined,
): Promise<string | undefined> {
  if (!container?.isRunning) return undefined;
  await world.clock.finish(machine.stop(container, 10_000));
  return `on ${machine.name}: ${container.name} stopped`;
}

function remove(machine: Machine, container: Container | undefined): string | undefined {
  return container && told(machine, `${container.name} removed`, () => machine.remove(container));
}

function edgeOf(machine: Machine): Container | undefined {
  return machine.find(EDGE_BRIDGE_NAME) ?? machine.find(EDGE_NAME);
}
