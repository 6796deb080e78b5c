/**
 * Deploys many times in a row under load, and kills one run in five at a random moment: nothing may be lost, and
 * nothing may grow.
 *
 *   npm run soak -- [deploys] [seed]      200 deploys and seed 1 unless given; about 7 s a deploy
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Project, serversOf } from '../e2e/project.ts';
import { type Lab, startLab } from '../lab/lab.ts';
import { startHttpTraffic } from '../lab/traffic/http.ts';
import { ALLOWED_GROWTH, type Footprint, footprintOf } from './footprint.ts';

const DOMAIN = 'soak.example.com';
/** One of so many is killed. */
const KILLED_ONE_IN = 5;
/** Runs before the first look: every side, slot and image has been used once by then. */
const WARM_UP = 3;
/** A soak that takes longer than this a deploy has failed, in ms. */
const LONGEST_MS = 20_000;
/** Old workers end when the last connection of a client has ended, in ms. */
const QUIET_MS = 20_000;

const [deploys = 200, seed = 1] = process.argv.slice(2).map(Number);
if (!Number.isInteger(deploys) || deploys < KILLED_ONE_IN)
  throw new Error('The number of deploys is 5 or more');

const temporary = mkdtempSync(join(tmpdir(), 'switchyard-soak-'));
const lab = await startLab({ name: 'soak', servers: 2, log: console.log });
try {
  await soak(lab);
} finally {
  await lab.down();
  rmSync(temporary, { recursive: true });
}

async function soak({ servers, images }: Lab): Promise<void> {
  const project = await newProject();
  for (let round = 1; round <= WARM_UP; round++) await next(project, round).deploy({}, runner());
  const before = await footprintOf(project, servers, temporary);

  const targets = servers.map(({ host }) => ({ host, port: 80 }));
  const maxSeconds = (deploys * LONGEST_MS) / 1_000;
  const load = startHttpTraffic({ targets, hostHeader: DOMAIN, clients: 16, thinkMs: [20, 200], maxSeconds });
  await load.untilSent(50);
  const begun = performance.now();
  const wrong: string[] = [];
  const lasted: number[] = [];
  let killed = 0;
  for (const [index, killAt] of killMoments().entries()) {
    if (performance.now() - begun > deploys * LONGEST_MS) {
      wrong.push(`only ${index} of ${deploys} deploys in ${Math.round(maxSeconds)} s`);
      break;
    }
    const run = next(project, WARM_UP + 1 + index).start('toggle-deploy', {}, runner());
    // As a part of what the runs before took: over all of a run, from its first moment to its last.
    const isKilled = killAt !== undefined && (await isStillOver(run.done, killAt * median(lasted)));
    if (isKilled) run.signal('SIGKILL');
    const { code, log, ms, state } = await run.done;
    killed += isKilled ? 1 : 0;
    // Every other killed run has a runner that is still there for its post step.
    if (isKilled && killed % 2 === 0)
      await project.run('post', {}, { ...runner(), STATE_lease: state.lease ?? '' });
    if (!isKilled && code !== 0) wrong.push(`deploy ${index + 1} failed:\n${log}`);
    if (!isKilled) lasted.push(ms);
    const { sent, lost } = await load.snapshot();
    const how = isKilled ? 'KILLED' : code === 0 ? 'deployed' : 'FAILED';
    console.log(
      `${String(index + 1).padStart(4)} of ${deploys}  ${how.padEnd(8)} after ${(ms / 1_000).toFixed(1).padStart(5)} s  ${lost} of ${sent} requests lost`,
    );
  }
  await project.deploy({}, runner());
  const { sent, lost, losses } = await load.stop();
  if (lost > 0) wrong.push(`${lost} of ${sent} requests lost: ${JSON.stringify(losses.slice(0, 3))}`);

  const after = await quietFootprint(project, before);
  const bounds = boundsOf(before, killed);
  console.log(`
${lasted.length} deploys of ${(median(lasted) / 1_000).toFixed(1)} s (median), ${killed} killed, ${lost} of ${sent} requests lost, seed ${seed}

| on both servers, and in the repository | before | after | at most |
| --- | --- | --- | --- |
${bounds.map(({ name, most }) => `| ${name} | ${before[name]} | ${after[name]} | ${most} |`).join('\n')}
`);
  wrong.push(
    ...bounds
      .filter(({ name, most }) => after[name] > most)
      .map(({ name, most }) => `${name}: ${after[name]}, and at most ${most} would be right`),
  );
  for (const line of wrong) console.error(line);
  if (wrong.length > 0) process.exitCode = 1;
  else console.log('Nothing was lost, and nothing grew.');

  function newProject(): Promise<Project> {
    return Project.create(lab, {
      project: 'soak',
      sidecar: { image: images.nginx, keepalive_min_timeout: '2s' },
      environments: { production: { provider: 'static', user: 'deploy', servers: serversOf(servers) } },
      services: { web: { port: 3000, domain: DOMAIN, servers: 2, healthcheck: { path: '/health' } } },
    });
  }

  function next(shop: Project, round: number): Project {
    return shop.edit(({ services }) => {
      services.web!.image = images.web(`v${(round % 3) + 1}`);
      services.web!.environment = { ROUND: String(round) };
    });
  }

  /** Connections of clients that have just gone keep old workers alive for a moment. */
  async function quietFootprint(shop: Project, wanted: Footprint): Promise<Footprint> {
    const end = performance.now() + QUIET_MS;
    while (true) {
      const seen = await footprintOf(shop, servers, temporary);
      if (seen['nginx processes'] <= wanted['nginx processes'] || performance.now() > end) return seen;
      await sleep(500);
    }
  }
}

/** For each deploy, undefined, or the part of a run after which it is killed; of five in a row always one. */
function killMoments(): (number | undefined)[] {
  // Without bias: fast-check prefers the ends of a range, and a run that is killed there was hardly hit.
  const moment = fc.noBias(fc.tuple(fc.nat(KILLED_ONE_IN - 1), fc.nat(1_000)));
  const blocks = fc.sample(moment, { seed, numRuns: Math.ceil(deploys / KILLED_ONE_IN) });
  return blocks
    .flatMap(([place, part]) =>
      Array.from({ length: KILLED_ONE_IN }, (_, index) => (index === place ? part / 1_000 : undefined)),
    )
    .slice(0, deploys);
}

/** isStillOver waits for a time; it tells whether the run goes on then. */
async function isStillOver(done: Promise<unknown>, ms: number): Promise<boolean> {
  return await Promise.race([done.then(() => false), sleep(ms, true)]);
}

/** What each part of the footprint may be at the end. */
function boundsOf(before: Footprint, killed: number): { name: keyof Footprint; most: number }[] {
  return Object.entries(ALLOWED_GROWTH).map(([key, { most, perDeploy, perKilled }]) => {
    const name = key as keyof Footprint;
    return { name, most: before[name] + most + perDeploy * deploys + perKilled * killed };
  });
}

/** The runner's part of a run's environment. */
function runner(): Record<string, string> {
  return { RUNNER_TEMP: temporary };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 5_000;
}
