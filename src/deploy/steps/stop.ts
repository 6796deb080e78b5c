import type { StepKind } from './kind.ts';

/** Stopping a container, which stays there, and can be started again. */
export interface StopStep {
  kind: 'stop';
  service: string;
  server: string;
  id: string;
  /** The container's name. */
  name: string;
  /** Time between SIGTERM and SIGKILL. */
  graceMs: number;
}

/** Names the container's id: whatever has its name by now is not hit. One that is gone, or stopped, is fine. */
export const stop: StepKind<StopStep> = {
  describe: ({ name, server }) => `stop ${name} on ${server}`,
  async run({ server, id, graceMs }, { fleet }) {
    await fleet.server(server).engine.stopContainer(id, Math.ceil(graceMs / 1000));
  },
};
