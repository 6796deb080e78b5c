import type { ContainerInspectResponse } from '@docker/node-sdk';
import { type Copy, copyKey } from '../../model/copy.ts';
import { messageOf, UserError } from '../../model/errors.ts';
import type { MonitorSpec } from '../../model/monitor.ts';
import { type Answers, answersOf, sumOfAnswers } from '../../nginx/traffic.ts';
import { nginxKey, type RunContext } from './context.ts';
import { keepEvidence } from './evidence.ts';
import type { StepKind } from './kind.ts';
import { lastLines } from './last-lines.ts';
import { inspectStarted, type StartedCopy } from './start.ts';
import { type CopyLook, type Verdict, WatchVerdict } from './watch-verdict.ts';

/** Watching the new copies of a service for a while, after they got the traffic and before old ones are touched. */
export interface WatchStep {
  kind: 'watch';
  service: string;
  copies: WatchedCopy[];
  /** Names of the servers whose edges send requests to them. */
  edges: string[];
  monitor: MonitorSpec;
}

export type WatchedCopy = Pick<Copy, 'server' | 'service' | 'slot' | 'name'>;

const LOOK_MS = 2_000;
const FEEDBACK_EVERY_MS = 30_000;

/**
 * Looks every two seconds at the new copies: whether their containers run, and how much memory they use, and what the
 * edges have counted of them. It throws a UserError as soon as something is wrong; the run goes back then, to old copies
 * that still run.
 */
export const watch: StepKind<WatchStep> = {
  onlyWaits: true,
  describe: ({ service, monitor }) => `watch ${service} for ${monitor.periodMs / 1000} s`,
  async run(step, context) {
    const { clock, log } = context;
    const { service, monitor } = step;
    const copies = await Promise.all(step.copies.map((copy) => startedAs(copy, context)));
    const { before, counted } = await answersAtFirst(step, context);
    if (counted === undefined && step.edges.length > 0)
      log.info(`${service} is watched by its containers alone: its edges do not count`);
    const verdict = new WatchVerdict(monitor, before, counted);
    const end = clock.now() + monitor.periodMs;
    let told = clock.now();
    for (;;) {
      const [looks, answers] = await Promise.all([
        Promise.all(copies.map((copy) => lookAt(copy, context))),
        countedNow(step, context),
      ]);
      const wrong = verdict.look(looks, answers?.counted);
      if (wrong !== undefined) throw await failure(step, wrong, copies, context);
      const leftMs = end - clock.now();
      if (leftMs <= 0) return;
      if (clock.now() - told >= FEEDBACK_EVERY_MS) {
        told = clock.now();
        log.info(`${service} is well; it is watched for ${Math.ceil(leftMs / 1000)} s more`);
      }
      await clock.sleep(Math.min(LOOK_MS, leftMs));
    }
  },
};

/** A copy, as it was when it had become healthy. */
type Watched = WatchedCopy & Pick<StartedCopy, 'id' | 'restarts'>;

/** How often its engine has started it again counts from here on: it has come to health since. */
async function startedAs(copy: WatchedCopy, context: RunContext): Promise<Watched> {
  const known = context.known.started.get(copyKey(copy));
  const { id } = known ?? (await inspectStarted(context, copy, copy.name));
  const { RestartCount = 0 } = await context.fleet.server(copy.server).engine.inspectContainer(id);
  return { ...copy, id, restarts: RestartCount };
}

/** A server that cannot be asked says nothing against a version. */
async function lookAt(
  { server, name, id, restarts }: Watched,
  { fleet, log }: RunContext,
): Promise<CopyLook> {
  const { engine } = fleet.server(server);
  try {
    const [container, memoryRatio] = await Promise.all([
      engine.findContainer(id),
      engine.memoryRatio(id).catch(() => undefined),
    ]);
    return { name, server, complaint: complaintOf(container, restarts), memoryRatio };
  } catch (error) {
    log.warning(`${server}: ${name} cannot be watched at the moment: ${messageOf(error)}`);
    return { name, server };
  }
}

function complaintOf(container: ContainerInspectResponse | undefined, restarts: number): string | undefined {
  if (container === undefined) return 'was removed';
  const { State, RestartCount = 0 } = container;
  const outOfMemory = State?.OOMKilled ? ', out of memory' : '';
  if (RestartCount > restarts || State?.Restarting) return `has crashed${outOfMemory}`;
  if (!State?.Running) return `ended with exit code ${State?.ExitCode}${outOfMemory}`;
  return State.Health?.Status === 'unhealthy' ? 'is unhealthy, by the HEALTHCHECK of its image' : undefined;
}

/** What edges have counted of a service: of the copies that are watched, and of all others. */
interface Counted {
  counted: Answers;
  others: Answers;
}

/** Undefined where an edge does not count, since its image has no awk, or cannot be asked. */
async function countedNow(
  { service, copies, edges, monitor }: WatchStep,
  { scope, known }: RunContext,
): Promise<Counted | undefined> {
  const texts = await Promise.all(
    edges.map(async (server) => (await known.instances.get(nginxKey(server, 'edge'))?.figures())?.now),
  );
  const isWatched = (server: string, container: string) =>
    copies.some((copy) => copy.server === server && copy.name === container);
  // A sum without one of them would be of other requests than the sums before.
  if (texts.length === 0 || texts.includes(undefined)) return undefined;
  const found = texts.map((text = '') =>
    answersOf(text, { scope, service, isWatched, latencyMs: monitor.latencyMs }),
  );
  return {
    counted: sumOfAnswers(found.map(({ watched }) => watched)),
    others: sumOfAnswers(found.map(({ others }) => others)),
  };
}

async function answersAtFirst(step: WatchStep, context: RunContext) {
  const first = await countedNow(step, context);
  return { before: first?.others, counted: first?.counted };
}

async function failure(
  { service, monitor }: WatchStep,
  { why, copy }: Verdict,
  copies: readonly Watched[],
  context: RunContext,
): Promise<UserError> {
  const { fleet } = context;
  const about = copies.filter(
    ({ server, name }) => copy === undefined || (copy.server === server && copy.name === name),
  );
  const [logs] = await Promise.all([
    Promise.all(
      about.map(
        async ({ server, name, id }) => `${name} on ${server}: ${await lastLines(fleet.server(server), id)}`,
      ),
    ),
    Promise.all(about.map((failed) => keepEvidence(context, failed))),
  ]);
  const who = copy === undefined ? service : `${copy.server}: ${copy.name}`;
  return new UserError(
    `${who} ${why}, seen in the ${monitor.periodMs / 1000} s after the switch. ${logs.join('\n')}`,
    {
      hint: 'Users get the version before again. What counts as too much is said by "monitor" of the service.',
    },
  );
}
