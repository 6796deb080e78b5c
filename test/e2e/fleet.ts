import { setTimeout as sleep } from 'node:timers/promises';
import { attachLab, type Lab, type LabServer, type ServerOptions } from '../lab/lab.ts';
import { release, tryHold } from '../lab/machine-lock.ts';
import { resetServer } from '../lab/reset.ts';
import { size } from './size.ts';

/** The lab of all e2e tests of a run. Another name lets two runs stand side by side on a machine. */
export const E2E_LAB = process.env.SWITCHYARD_E2E_LAB ?? 'e2e';

/** Servers that tests share: two with engine 26.1 (1 and 3) and two with 20.10 (2 and 4). */
const SHARED = 4;
/** Servers that are lent to one test file at a time: they follow the shared ones, every other with engine 20.10. */
const LENT = 6;

/** The servers of a run's lab: those, and one that builds. */
export const E2E_SERVERS: ServerOptions[] = [
  ...Array.from({ length: SHARED + LENT }, () => ({})),
  { suite: 'forky' },
];

/** Servers of the lab, as tests see them: no test ends the lab. */
export interface Fleet extends Omit<Lab, 'down'> {
  /** The `sidecar` settings of every project here: the projects of a server share its edge. */
  sidecar: { image: string; keepalive_min_timeout: string };
  /** Has the engine that images are built with, of containerd's image store. */
  workshop: LabServer;
}

/** Servers that nobody else uses until they are given back. They may be broken, in whatever way. */
export interface LentServers extends Fleet {
  giveBack(): void;
}

/**
 * fleet returns the servers that tests share, and leave in one piece. Tests give their projects names of their own,
 * and remove them, so that test files run side by side.
 */
export async function fleet(): Promise<Fleet> {
  const lab = await attachLab(E2E_LAB);
  const sidecar = { image: lab.images.nginx, keepalive_min_timeout: size.keepaliveMinTimeout };
  return { ...lab, servers: lab.servers.slice(0, SHARED), sidecar, workshop: workshopOf(lab) };
}

/**
 * borrow returns servers for a test that breaks some, or that needs empty ones: the first and third have engine
 * 26.1, the second 20.10. It waits while others have them. Whatever the last borrower did to them is undone.
 */
export async function borrow(count: number): Promise<LentServers> {
  const lab = await attachLab(E2E_LAB);
  const lent = lab.servers.slice(SHARED);
  let servers = takeFree(lent, count);
  while (servers === undefined) {
    await sleep(100);
    servers = takeFree(lent, count);
  }
  const taken = servers;
  const giveBack = () => taken.forEach(letGo);
  try {
    await Promise.all(taken.map((server) => resetServer(server, seedOf(lab))));
  } catch (error) {
    giveBack();
    throw error;
  }
  return {
    ...lab,
    servers: taken,
    sidecar: { image: lab.images.nginx, keepalive_min_timeout: '2s' },
    workshop: workshopOf(lab),
    giveBack,
  };
}

const workshopOf = ({ servers }: Pick<Lab, 'servers'>) => servers.find(({ suite }) => suite === 'forky')!;

/** seedOf returns the images that every server of a lab has from the start. */
export function seedOf({ images }: Pick<Lab, 'images'>): string[] {
  return [images.nginx, images.redis, images.node, ...['v1', 'v2', 'v3'].map(images.web)];
}

/** takeFree takes all that are wanted, or none: two who wait for each other's would wait for ever. */
function takeFree(lent: readonly LabServer[], count: number): LabServer[] | undefined {
  const taken: LabServer[] = [];
  for (const suite of ['trixie', 'bookworm', 'trixie'].slice(0, count)) {
    const free = lent.find((server) => server.suite === suite && !taken.includes(server) && hold(server));
    if (free === undefined) {
      taken.forEach(letGo);
      return undefined;
    }
    taken.push(free);
  }
  return taken;
}

const hold = (server: LabServer) => tryHold(`lent-${server.container}`);
const letGo = (server: LabServer) => release(`lent-${server.container}`);
