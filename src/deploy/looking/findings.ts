import { UserError } from '../../model/errors.ts';
import type { ServiceSpec } from '../../model/spec.ts';
import type { NginxKind } from '../../nginx/render.ts';
import type { ObservedContainer, ObservedServer } from '../planning/observed.ts';
import { isCreating, type Plan } from '../planning/plan.ts';
import type { PlanInput } from '../planning/plan-input.ts';
import { adviseUnfinished, describeUnfinished } from '../planning/unfinished-hook.ts';
import type { Port } from './needs.ts';
import type { Vitals } from './vitals.ts';

/** Images are unpacked there, and an engine whose disk is full can neither log nor stop in good order (C1). */
const LEAST_FREE_BYTES = 5e9;
/** Clocks of machines that keep time are a fraction of a second apart. */
const MOST_SKEW_MS = 30_000;
/** A container that came back this often does not run well. */
const MANY_RESTARTS = 3;

/** What a look at a server before a deploy has found. */
export interface Finding {
  /** The server; empty for what concerns the whole environment. */
  server: string;
  check: 'engine' | 'disk' | 'memory' | 'clock' | 'image' | 'nginx' | 'port' | 'health' | 'hook' | 'lease';
  /** An error is certain to make a deploy fail. */
  level: 'ok' | 'warning' | 'error';
  message: string;
  /** What to do next. */
  hint?: string;
}

/**
 * judgeDisk judges whether a server's disk has the space that a deploy needs. It is certain to go wrong only where
 * images or containers come: what only changes routes goes on.
 */
export function judgeDisk({ host, root, freeBytes }: Vitals, plan: Plan): Finding {
  const found = { server: host, check: 'disk' as const };
  if (freeBytes === undefined) {
    return {
      ...found,
      level: 'warning',
      message: `nobody can tell how much space is left in ${root}`,
      hint: 'Look on the server: df. A deploy needs 5 GB.',
    };
  }
  const message = `${gigabytes(freeBytes)} are free in ${root}`;
  if (freeBytes >= LEAST_FREE_BYTES) return { ...found, level: 'ok', message };
  return {
    ...found,
    level: fills(plan, host) ? 'error' : 'warning',
    message: `only ${message}, and a deploy needs 5 GB`,
    hint: 'Free some on the server: "docker image prune --all" removes images that no container uses.',
  };
}

/** judgeClock judges how far a server's clock is from the runner's. */
export function judgeClock({ host, aheadMs }: Vitals): Finding {
  const found = { server: host, check: 'clock' as const };
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

/** judgeHooks names the hooks of which nobody knows how they ended: a deploy changes nothing, and asks. */
export function judgeHooks({ unfinished }: Plan): Finding[] {
  return unfinished.map((hook) => ({
    server: '',
    check: 'hook',
    level: 'error',
    message: describeUnfinished(hook),
    hint: adviseUnfinished(hook),
  }));
}

/** judgeForbiddenPulls names the images that are missing on a server and that the file forbids to pull. */
export function judgeForbiddenPulls({ pulls }: Plan, server: string): Finding[] {
  return pulls
    .filter(({ host, policy }) => host === server && policy === 'never')
    .map(({ image }) => forbiddenPull(server, image));
}

/** forbiddenPull is the finding of an image that is missing on a server and must not be pulled. */
export function forbiddenPull(server: string, image: string): Finding {
  return {
    server,
    check: 'image',
    level: 'error',
    message: `the image ${image} is not there, and pull_policy is "never"`,
    hint: 'Load it on the server, or let it be pulled: "pull_policy: missing".',
  };
}

/**
 * certainFailures returns the findings that are certain to make a plan fail, of those that cost a deploy no time: they
 * need nothing but vitals. A server that has not said how it does is left in peace. Pure.
 */
export function certainFailures(vitals: readonly (Vitals | undefined)[], plan: Plan): Finding[] {
  const hosts = new Set(plan.pulls.map(({ host }) => host));
  return [
    ...vitals.flatMap((one) => (one === undefined ? [] : [judgeDisk(one, plan)])),
    ...[...hosts].flatMap((host) => judgeForbiddenPulls(plan, host)),
  ].filter(({ level }) => level === 'error');
}

/** errorsOf returns the findings that are errors as what a run ends with. */
export function errorsOf(findings: readonly Finding[]): UserError[] {
  return findings
    .filter(({ level }) => level === 'error')
    .map(({ server, message, hint }) => {
      return new UserError(`${server}: ${message}`, hint === undefined ? {} : { hint });
    });
}

/** judgeVitals judges how a server does; undefined where it has not said. */
export function judgeVitals(
  host: string,
  vitals: Vitals | undefined,
  plan: Plan,
  input: PlanInput,
): Finding[] {
  if (vitals === undefined) {
    const message = 'the engine did not say in time how the server does: disk, memory and clock are unknown';
    const hint = 'Look at it on the server: "systemctl status docker", and "df" (a deploy needs 5 GB).';
    return [{ server: host, check: 'engine', level: 'warning', message, hint }];
  }
  return [
    // One that is too old is refused when it is connected to.
    { server: host, check: 'engine', level: 'ok', message: `Docker ${vitals.engine}` },
    judgeDisk(vitals, plan),
    judgeMemory(vitals, plan, input),
    judgeClock(vitals),
  ];
}

/**
 * Compares a server's memory with the limits of what stands there during the deploy: while a service is
 * replaced its two sides count. Services without a limit are not counted.
 */
function judgeMemory({ host, memoryBytes }: Vitals, plan: Plan, input: PlanInput): Finding {
  const limitOf = (name: string) => specOf(input, name)?.container.resources.memoryBytes ?? 0;
  const standing = Object.entries(plan.standing).flatMap(([name, copies]) =>
    copies.some((copy) => copy.host === host) ? [name] : [],
  );
  const stopped = new Set(plan.levels.flatMap(({ stop }) => stop.map(({ service }) => service)));
  const twice = plan.levels
    .flatMap(({ retire }) => retire)
    .filter((step) => step.host === host && standing.includes(step.service) && !stopped.has(step.service));
  const names = [...standing, ...twice.map(({ service }) => service)];
  const needed = names.reduce((sum, name) => sum + limitOf(name), 0);
  const found = { server: host, check: 'memory' as const };
  const message = `memory limits of ${gigabytes(needed)} on ${gigabytes(memoryBytes)}`;
  if (needed <= memoryBytes) return { ...found, level: 'ok', message };
  return {
    ...found,
    level: 'warning',
    message: `${message}: when all is used, the kernel ends containers`,
    hint: 'Lower deploy.resources.limits.memory, or use fewer services a server.',
  };
}

/** judgeImages says which images can be had from their registries; `complaint` is the engine's own. */
export function judgeImages(
  server: string,
  images: readonly { image: string; complaint?: string }[],
): Finding[] {
  const found = { server, check: 'image' as const };
  if (images.length === 0) return [{ ...found, level: 'ok', message: 'no image has to be pulled' }];
  return images.map(({ image, complaint }) =>
    complaint === undefined
      ? { ...found, level: 'ok', message: `${image} can be pulled` }
      : {
          ...found,
          level: 'error',
          message: `${image} cannot be pulled: ${complaint}`,
          hint: 'Does the tag exist, may the runner read it (docker login), and does the server reach the registry?',
        },
  );
}

/** An edge or sidecar as it was found. */
export type NginxLook = { kind: NginxKind } & (
  | { state: 'missing' }
  | { state: 'stopped'; name: string }
  | {
      state: 'runs';
      name: string;
      version: string;
      isNewEnough: boolean;
      /** What nginx has against the configuration that it would read now. */
      complaint: string | undefined;
    }
);

/** judgeNginx judges one edge or sidecar. What a deploy repairs is no error. */
export function judgeNginx(server: string, look: NginxLook): Finding[] {
  const found = { server, check: 'nginx' as const };
  // Whether one is needed is for the plan to say.
  if (look.state === 'missing') return [];
  const { kind, name } = look;
  if (look.state === 'stopped') {
    const message = `the ${kind} ${name} does not run, and a deploy starts it`;
    return [{ ...found, level: 'warning', message, hint: `Look why on the server: docker logs ${name}` }];
  }
  const { version, complaint } = look;
  if (complaint !== undefined) {
    return [
      {
        ...found,
        level: 'warning',
        message: `the ${kind} ${name} would not start with its configuration as it is now: ${complaint}`,
        hint: 'A deploy or update-nginx writes it again.',
      },
    ];
  }
  if (!look.isNewEnough) {
    return [
      {
        ...found,
        level: 'warning',
        message: `the ${kind} ${name} has nginx ${version}, and 1.28 is the oldest that loses no request`,
        hint: 'Set "sidecar.image" to a newer one, and remove the container in a quiet hour: a deploy makes it anew.',
      },
    ];
  }
  return [{ ...found, level: 'ok', message: `the ${kind} has nginx ${version}, its configuration is valid` }];
}

/** judgePorts names the ports that a deploy needs and somebody else has. */
export function judgePorts(
  server: string,
  taken: readonly (Port & { holder: string | undefined })[],
): Finding[] {
  const found = { server, check: 'port' as const };
  if (taken.length === 0) return [{ ...found, level: 'ok', message: 'the ports that are needed are free' }];
  return taken.map(({ number, owner, holder }) => ({
    ...found,
    level: 'error',
    message: `port ${number}, which ${owner} needs, is taken by ${holder ?? 'a program on the server'}`,
    hint: 'Stop what listens there ("ss -ltnp" on the server shows it), and run again.',
  }));
}

/** judgeHealth names the containers of the environment that do not do well now. */
export function judgeHealth({ host, containers }: ObservedServer): Finding[] {
  const found = { server: host, check: 'health' as const };
  // How what is taken over does is nobody's promise.
  const ours = containers.filter(({ isAdopted }) => !isAdopted);
  const ill = ours.flatMap((container) => {
    const complaint = complaintOf(container);
    return complaint === undefined ? [] : [`${container.name} ${complaint}`];
  });
  if (ill.length === 0) return [{ ...found, level: 'ok', message: 'what runs there runs well' }];
  return ill.map((message) => ({
    ...found,
    level: 'warning',
    message,
    hint: 'Look at its log on the server: docker logs --tail 50, and its name.',
  }));
}

function complaintOf({ isRunning, condition }: ObservedContainer): string | undefined {
  const { state = 'running', restarts = 0, health } = condition ?? {};
  if (state === 'restarting' || (isRunning && restarts >= MANY_RESTARTS))
    return `was started again ${restarts} times`;
  if (!isRunning) return `does not run (${state})`;
  return health === 'unhealthy' ? 'is unhealthy, by the health check of its image' : undefined;
}

/** judgeFronts names the fronts that the file says shall go, and that stay for now. */
export function judgeFronts({ staying }: Plan): Finding[] {
  return staying.map((message) => ({
    server: '',
    check: 'port',
    level: 'warning',
    message,
    hint: 'Deploy all services in one run: leave the inputs "service" and "zones" empty.',
  }));
}

/** judgeLease says whether a deploy could begin now. */
export function judgeLease(holder: string | undefined): Finding {
  const found = { server: '', check: 'lease' as const };
  if (holder === undefined) return { ...found, level: 'ok', message: 'nobody changes the environment' };
  return {
    ...found,
    level: 'warning',
    message: `the environment is being changed by ${holder}`,
    hint: 'A deploy waits for it; what it changes may make this plan another one.',
  };
}

/** specOf returns a service's spec by its name. */
function specOf(input: PlanInput, name: string): Pick<ServiceSpec, 'container'> | undefined {
  return input.services.find((service) => service.name === name)?.spec;
}

/** Images or containers come to this server. */
function fills(plan: Plan, host: string): boolean {
  const coming = [
    ...plan.pulls,
    ...plan.levels.flatMap(({ start }) => start.filter(({ existing }) => existing === undefined)),
    ...plan.prepare.filter(isCreating),
  ];
  return coming.some((step) => step.host === host);
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** describeFinding returns a finding as a line: `203.0.113.10: disk: 42.0 GB are free in /var/lib/docker`. */
export function describeFinding({ server, check, message }: Finding): string {
  return `${server === '' ? '' : `${server}: `}${check}: ${message}`;
}
