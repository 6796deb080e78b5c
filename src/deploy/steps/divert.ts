import { divert as divertPorts } from '../../nginx/divert.ts';
import { instanceAt } from './context.ts';
import { awaitNobody, warnOfCut } from './drain.ts';
import type { StepKind } from './kind.ts';

/** Sending new connections past a front to the bridge, and waiting until its own are over. */
export interface DivertStep {
  kind: 'divert';
  server: string;
  /** The front's container. */
  id: string;
  name: string;
  /** Ports of the server, and those of the front that they lead to. */
  ports: number[];
  containerPorts: number[];
  /** How long to wait; 0 is without limit. */
  timeoutMs: number;
}

/** A connection that the kernel has for the front already is accepted within this time. */
const ACCEPTED_MS = 1_000;

/** New connections go past the front; it keeps what it has, and its ports until the edge takes them. */
export const divert: StepKind<DivertStep> = {
  mayOutlastLease: () => true,
  moments: ['diverted'],
  describe: ({ ports, server, name }) =>
    `send new connections to port ${ports.join(' and ')} of ${server} to the edge, past ${name}, and wait until those of ${name} are over`,
  async run(step, context) {
    const { guard, clock, nginx } = context;
    const bridge = instanceAt(context, step.server, 'edge');
    await guard.confirm();
    await divertPorts(bridge, nginx.image, step.ports, clock);
    context.moment('diverted');
    await clock.sleep(ACCEPTED_MS);
    const target = { ...step, service: 'nginx', ports: step.containerPorts };
    const open = await awaitNobody(context, step.server, target);
    warnOfCut(context, step, open, 'still open');
  },
};
