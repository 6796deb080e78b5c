import { poll, systemClock } from '../model/clock.ts';
import { messageOf, UserError } from '../model/errors.ts';
import type { Log } from '../model/log.ts';
import type { ServerSpec } from '../model/spec.ts';
import type { SshConnection } from '../ssh/connection.ts';
import { isConnectionRefused } from '../ssh/explain.ts';
import { checkDistribution } from './distribution.ts';
import { logIn, openDeploy } from './login.ts';
import { type Phase, TRIAL_SECONDS } from './phase.ts';
import { system } from './phases/system.ts';
import { phasesOf, type Recipe } from './recipe.ts';
import { runPhase, type Said, type Shell } from './run-phase.ts';

/** A server to look at, or to set up. */
export interface BareServer {
  spec: ServerSpec;
  /** Who logs in before the deploy user is there. */
  login: string;
  /** A normalised private key. */
  privateKey: string;
  recipe: Recipe;
  /** Whether the firewall may close ports that containers of others publish. */
  mayClose: boolean;
}

/** A third of the time after which the server undoes a door by itself. */
const RELOAD_MS = 20_000;
const RELOAD_POLL_MS = 200;

/** What a phase has found on a server. */
export interface Found {
  phase: string;
  what: string;
}

/** How a server is, or was. */
export interface ServerReport {
  server: string;
  /** For people: `debian 13`. */
  distribution: string;
  /** Who came in. */
  user: string;
  /** What is missing, or was before it was set up. */
  lacks: Found[];
  /** What was there, and is left alone. */
  left: Found[];
}

/** inspectServer says what a server lacks, and changes nothing. It throws a UserError where nobody comes in, or nothing can be set up. */
export async function inspectServer(server: BareServer): Promise<ServerReport> {
  return await within(server, async (ssh, report) => {
    for (const phase of phasesOf(server.recipe)) {
      const said = await runPhase(shellOf(server, ssh), phase, 'look');
      add(report, phase, said);
      for (const port of closedBy(server, said)) {
        report.lacks.push({
          phase: phase.name,
          what: `a word on ${port}, which another container publishes`,
        });
      }
    }
  });
}

/**
 * setUpServer gives a server what it lacks, and returns what that was. It may be cut off anywhere: the next run goes on. It throws a
 * UserError where something cannot be done; what was done stays, but for a door through which nobody came in.
 */
export async function setUpServer(server: BareServer, log: Log): Promise<ServerReport> {
  const { spec, privateKey } = server;
  return await within(server, async (ssh, report) => {
    const phases = phasesOf(server.recipe);
    for (const door of phases.filter(({ isDoor }) => isDoor)) {
      checkPublished(server, await runPhase(shellOf(server, ssh), door, 'look'));
    }
    for (const phase of phases.filter(({ isDoor }) => !isDoor)) {
      add(report, phase, await run(phase));
    }
    // From here on nobody but the deploy user is needed: it comes in before any door is closed.
    const deploy = await openDeploy(spec, privateKey);
    await deploy.close();
    for (const door of phases.filter(({ isDoor }) => isDoor)) {
      const said = await run(door);
      if (said.lacks.length > 0) await goThrough(server, door, ssh);
      add(report, door, said);
    }

    async function run(phase: Phase): Promise<Said> {
      const said = await runPhase(shellOf(server, ssh), phase, 'apply');
      for (const what of said.lacks) log.info(`${spec.name}: ${phase.name}: ${what}`);
      return said;
    }
  });
}

/** checkPublished throws where a firewall would close what somebody uses, and nobody has said that it may. */
function checkPublished(server: BareServer, said: Said): void {
  const ports = closedBy(server, said);
  if (ports.length === 0) return;
  throw new UserError(
    `${server.spec.name}: other containers publish ${ports.join(', ')} there, which the firewall would close`,
    {
      hint: 'Name what shall stay open in bootstrap.open_ports, for example "open_ports: [8080]"; an empty list closes all of it.',
    },
  );
}

/** What others publish, and nobody has said a word on. */
function closedBy({ mayClose, recipe }: BareServer, { facts }: Said): string[] {
  const published = (facts.published ?? '').split(' ').filter((port) => port !== '');
  const open: readonly string[] = ['80/tcp', '443/tcp', '443/udp', ...recipe.openPorts];
  return mayClose ? [] : published.filter((port) => !open.includes(port));
}

/** An sshd that reads its settings again begins anew, and nobody listens for a moment; longer on a slow machine. */
async function openThrough(spec: ServerSpec, privateKey: string): Promise<SshConnection> {
  const open = async () => await openDeploy(spec, privateKey);
  const opened = await poll(systemClock, { everyMs: RELOAD_POLL_MS, timeoutMs: RELOAD_MS }, () =>
    open().catch((error: unknown) => {
      if (isConnectionRefused(error)) return undefined;
      throw error;
    }),
  );
  return opened ?? (await open());
}

/**
 * goThrough confirms a door by a connection that came in through it. Where none does, the door is undone over the connection that is there
 * still; and where that has gone too, the server undoes it by itself.
 */
async function goThrough({ spec, privateKey }: BareServer, door: Phase, old: SshConnection): Promise<void> {
  try {
    const through = await openThrough(spec, privateKey);
    try {
      await runPhase(shellOf({ spec }, through), door, 'confirm');
    } finally {
      await through.close();
    }
  } catch (error) {
    await runPhase(shellOf({ spec }, old), door, 'undo').catch(() => undefined);
    throw new UserError(
      `${spec.name}: nobody came in after the phase ${door.name}, so it was undone (${messageOf(error)})`,
      {
        hint: `Look at what else decides on the server who comes in: sshd_config, a firewall of others. Without a word from the run it would have been undone after ${TRIAL_SECONDS} s.`,
        cause: error,
      },
    );
  }
}

async function within(
  { spec, login, privateKey }: BareServer,
  work: (ssh: SshConnection, report: ServerReport) => Promise<void>,
): Promise<ServerReport> {
  const { ssh, user } = await logIn(spec, login, privateKey);
  try {
    const { facts } = await runPhase(shellOf({ spec }, ssh), system(), 'look');
    checkDistribution(spec.name, facts.distribution);
    if (facts.systemd === undefined) {
      throw new UserError(`${spec.name}: systemd does not run there`, {
        hint: 'A container without it is no server that can be set up.',
      });
    }
    const report = { server: spec.name, distribution: facts.distribution!, user, lacks: [], left: [] };
    await work(ssh, report);
    return report;
  } finally {
    await ssh.close();
  }
}

function shellOf({ spec }: Pick<BareServer, 'spec'>, ssh: SshConnection): Shell {
  return { name: spec.name, run: (command, input) => ssh.run(command, input) };
}

function add(report: ServerReport, { name }: Phase, { lacks, left }: Said): void {
  report.lacks.push(...lacks.map((what) => ({ phase: name, what })));
  report.left.push(...left.map((what) => ({ phase: name, what })));
}
