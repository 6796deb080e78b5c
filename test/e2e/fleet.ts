import { attachLab, type Lab } from '../lab/lab.ts';
import { size } from './size.ts';

/** The lab that all e2e tests of a run share. Another name lets two runs stand side by side on a machine. */
export const FLEET_LAB = process.env.SWITCHYARD_E2E_LAB ?? 'e2e';

/** Two servers with engine 26.1 (1 and 3) and two with 20.10 (2 and 4). */
export const FLEET_SIZE = 4;

/** The servers that tests share. A test that stops or freezes servers starts a lab of its own. */
export interface Fleet extends Lab {
  /** The `sidecar` settings of every project here: the projects of a server share its edge. */
  sidecar: { image: string; keepalive_min_timeout: string };
}

/**
 * fleet returns the servers that the global setup started. Tests give their projects names of their own, and
 * remove them, so that test files run side by side.
 */
export async function fleet(): Promise<Fleet> {
  const lab = await attachLab(FLEET_LAB);
  return {
    ...lab,
    sidecar: { image: lab.images.nginx, keepalive_min_timeout: size.keepaliveMinTimeout },
  };
}
