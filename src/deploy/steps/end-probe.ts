import type { StepKind } from './kind.ts';
import { endProbing } from './probe.ts';

/** Ending the requests to a service when its old copies have gone. */
export interface EndProbeStep {
  kind: 'end probe';
  service: string;
}

/** What the probes saw is kept for the report. */
export const endProbe: StepKind<EndProbeStep> = {
  describe: ({ service }) => `end the probe of ${service}`,
  run: ({ service }, context) => endProbing(context, service),
};
