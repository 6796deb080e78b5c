import { networkInterfaces } from 'node:os';
import { docker, run } from './command.ts';

/** A network of a lab on the host's engine. */
export interface LabNetwork {
  /** The network's name on the host's engine. */
  name: string;
  /** The first three numbers of its addresses: `172.30.0`. */
  prefix: string;
}

/** The networks of one lab: the outside of all servers, and one private network a zone. */
export interface LabNetworks {
  /** The number N of this lab's address ranges, 0 to 31. */
  index: number;
  outside: LabNetwork;
  zones: Record<string, LabNetwork>;
}

/** Most zones a lab can have, and most labs at once on a machine: together they fill 172.31.0.0/16. */
const maxLabs = 32;
const maxZones = 8;

/**
 * createNetworks makes a lab's networks with the first free number N: outside 172.30.N.0/24, private 172.31.N.0/24
 * for the first zone and 172.31.(N + 32 k).0/24 for further ones. The lab named `default` gets 0, others start at
 * 1, so the default lab's addresses can be written down. Throws when no range is free.
 */
export async function createNetworks(lab: string, zones: string[]): Promise<LabNetworks> {
  if (zones.length > maxZones) throw new Error(`A lab has at most ${maxZones} zones, not ${zones.length}`);
  for (let index = lab === 'default' ? 0 : 1; index < maxLabs; index++) {
    if (isOnMachine(index)) continue;
    const outside = { name: `switchyard-lab-${lab}-${index}-outside`, prefix: `172.30.${index}` };
    // The engine itself refuses a range in use, so two labs that start at once never get the same.
    if (!(await create(lab, outside))) continue;
    const networks: LabNetworks = { index, outside, zones: {} };
    for (const [k, zone] of zones.entries()) {
      const name = `switchyard-lab-${lab}-${index}-private${k === 0 ? '' : `-${zone}`}`;
      networks.zones[zone] = { name, prefix: `172.31.${index + maxLabs * k}` };
      if (!(await create(lab, networks.zones[zone]))) {
        throw new Error(`The range ${networks.zones[zone].prefix}.0/24 is in use by another network`);
      }
    }
    return networks;
  }
  throw new Error(`No free address range for the lab ${lab}: npm run lab -- down --all frees all of them`);
}

/** The engine knows its own networks only: a range may be that of the machine's network, or of a VPN. */
function isOnMachine(index: number): boolean {
  const addresses = Object.values(networkInterfaces()).flatMap((all = []) =>
    all.map(({ address }) => address),
  );
  return addresses.some((address) =>
    ['172.30', '172.31'].some((range) => address.startsWith(`${range}.${index}.`)),
  );
}

/** create returns false when the range is in use. */
async function create(lab: string, network: LabNetwork): Promise<boolean> {
  const created = await run([
    ...['docker', 'network', 'create', '--label', `switchyard.lab=${lab}`],
    ...['--subnet', `${network.prefix}.0/24`, '--gateway', `${network.prefix}.1`, network.name],
  ]);
  if (created.code === 0) return true;
  if (/overlap/i.test(created.stderr)) return false;
  throw new Error(`The network ${network.name} cannot be made: ${created.stderr.trim()}`);
}

/**
 * removeNetwork removes a network, whoever is still on it. Engine 20.10 now and then forgets who was on a network, and then
 * keeps the network until it is restarted: such a one stays, and the next lab takes the next number.
 */
export async function removeNetwork(id: string): Promise<void> {
  const members = JSON.parse(await docker(['network', 'inspect', '--format', '{{json .Containers}}', id]));
  for (const member of Object.keys(members ?? {})) {
    await run(['docker', 'network', 'disconnect', '--force', id, member]);
  }
  const { code, stderr } = await run(['docker', 'network', 'rm', id]);
  if (code === 0) return;
  if (!stderr.includes('has active endpoints')) throw new Error(`network ${id} stays: ${stderr.trim()}`);
  console.warn(`The engine keeps network ${id} until it is restarted: ${stderr.trim()}`);
}
