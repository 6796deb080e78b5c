import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from '../lab/command.ts';
import { type Lab, startLab } from '../lab/lab.ts';
import { E2E_LAB, E2E_SERVERS } from './fleet.ts';

const repository = join(import.meta.dirname, '..', '..');
/** All that ends up in the bundle. */
const sources = [
  'src',
  'scripts/build.mjs',
  'scripts/bundle.ts',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

let lab: Lab | undefined;

/**
 * Before the first e2e test: what is tested is what the sources say, on servers that run. With
 * SWITCHYARD_LAB=attach the servers run already, and stay.
 */
export default async function setUp(): Promise<void> {
  const isAttached = process.env.SWITCHYARD_LAB === 'attach';
  [lab] = await Promise.all([
    isAttached ? undefined : startLab({ name: E2E_LAB, servers: E2E_SERVERS, log: console.log }),
    buildWhenStale(),
  ]);
}

/** tearDown removes the servers after the last test. */
export async function tearDown(): Promise<void> {
  await lab?.down();
}

/** buildWhenStale builds the bundle, unless it is newer than all that it is made of. */
export async function buildWhenStale(): Promise<void> {
  const bundle = join(repository, 'dist', 'index.js');
  if (existsSync(bundle) && statSync(bundle).mtimeMs >= newest(sources)) return;
  await mustRun([process.execPath, 'scripts/build.mjs'], { cwd: repository });
}

function newest(paths: readonly string[]): number {
  const times = paths.flatMap((path) => {
    const whole = join(repository, path);
    if (!statSync(whole).isDirectory()) return [statSync(whole).mtimeMs];
    return readdirSync(whole, { recursive: true }).map((name) => statSync(join(whole, String(name))).mtimeMs);
  });
  return Math.max(...times);
}
