import type { ServiceSpec } from '../../model/spec.ts';
import type { PlanInput } from '../planning/input.ts';
import { type Plan, stepsOf } from '../planning/plan.ts';
import { isCreating } from '../planning/prepare-plan.ts';
import type { Finding } from './findings.ts';
import { spaceNeeded } from './judge-transfers.ts';
import type { PlannedTransfer } from './transfers.ts';
import type { Vitals } from './vitals.ts';

/** Images are unpacked there, and an engine whose disk is full can neither log nor stop in good order. */
const LEAST_FREE_BYTES = 5e9;

/** Clocks of machines that keep time are a fraction of a second apart. */
const MOST_SKEW_MS = 30_000;

/** judgeVitals judges how a server does; undefined where it has not said. */
export function judgeVitals(
  server: string,
  vitals: Vitals | undefined,
  plan: Plan,
  input: PlanInput,
  transfers: readonly PlannedTransfer[] = [],
): Finding[] {
  if (vitals === undefined) {
    const message = 'the engine did not say in time how the server does: disk, memory and clock are unknown';
    const hint = 'Look at it on the server: "systemctl status docker", and "df" (a deploy needs 5 GB).';
    return [{ server, check: 'engine', level: 'warning', message, hint }];
  }
  return [
    // One that is too old is refused when it is connected to.
    { server, check: 'engine', level: 'ok', message: `Docker ${vitals.engine}` },
    judgeDisk(vitals, plan, spaceNeeded(transfers, server)),
    judgeMemory(vitals, plan, input),
    judgeClock(vitals),
  ];
}

/**
 * judgeDisk judges whether a server's disk has the space that a deploy needs. It is certain to go wrong only where
 * images or containers come: what only changes routes goes on. `comingBytes` is for images from the runner.
 */
export function judgeDisk({ server, root, freeBytes }: Vitals, plan: Plan, comingBytes = 0): Finding {
  const found = { server, check: 'disk' as const };
  if (freeBytes === undefined) {
    return {
      ...found,
      level: 'warning',
      message: `nobody can tell how much space is left in ${root}`,
      hint: 'Look on the server: df. A deploy needs 5 GB.',
    };
  }
  const message = `${gigabytes(freeBytes)} are free in ${root}`;
  if (freeBytes >= LEAST_FREE_BYTES + comingBytes) return { ...found, level: 'ok', message };
  const images = comingBytes > 0 ? `, and ${gigabytes(comingBytes)} for the images that come` : '';
  return {
    ...found,
    level: fills(plan, server) ? 'error' : 'warning',
    message: `only ${message}, and a deploy needs 5 GB${images}`,
    hint: 'Free some on the server: "docker image prune --all" removes images that no container uses.',
  };
}

/**
 * Compares a server's memory with the limits of what stands there during the deploy: while a service is
 * replaced its old and its new copies count. Services without a limit are not counted.
 */
function judgeMemory({ server, memoryBytes }: Vitals, plan: Plan, input: PlanInput): Finding {
  const limitOf = (name: string) => specOf(input, name)?.container.resources.memoryBytes ?? 0;
  const standing = Object.entries(plan.copies).flatMap(([name, copies]) =>
    copies.filter((copy) => copy.server === server).map(() => name),
  );
  // An old copy that drains runs beside the new one.
  const twice = stepsOf(plan, 'drain').filter(
    (step) => step.server === server && standing.includes(step.service),
  );
  const names = [...standing, ...twice.map(({ service }) => service)];
  const needed = names.reduce((sum, name) => sum + limitOf(name), 0);
  const found = { server, check: 'memory' as const };
  const message = `memory limits of ${gigabytes(needed)} on ${gigabytes(memoryBytes)}`;
  if (needed <= memoryBytes) return { ...found, level: 'ok', message };
  return {
    ...found,
    level: 'warning',
    message: `${message}: when all is used, the kernel ends containers`,
    hint: 'Lower deploy.resources.limits.memory, or use fewer services a server.',
  };
}

/** judgeClock judges how far a server's clock is from the runner's. */
export function judgeClock({ server, aheadMs }: Vitals): Finding {
  const found = { server, check: 'clock' as const };
  if (Math.abs(aheadMs) <= MOST_SKEW_MS)
    return { ...found, level: 'ok', message: 'its clock agrees with ours' };
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  return {
    ...found,
    level: 'warning',
    message: `its clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the runner's`,
    hint: 'Let both keep time (NTP): logs and certificates go by it, and a lease is judged by runners whose clocks are 10 s apart at most.',
  };
}

/** specOf returns a service's spec by its name. */
function specOf(input: PlanInput, name: string): Pick<ServiceSpec, 'container'> | undefined {
  return input.services.find((service) => service.name === name)?.spec;
}

/** Images or containers come to this server. */
function fills(plan: Plan, server: string): boolean {
  const coming = [
    ...stepsOf(plan, 'pull'),
    ...stepsOf(plan, 'start').filter(({ existing }) => existing === undefined),
    ...stepsOf(plan, 'prepare').filter(isCreating),
  ];
  return coming.some((step) => step.server === server);
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
