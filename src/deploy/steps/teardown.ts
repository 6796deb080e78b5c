import { LABEL } from '../../model/labels.ts';
import {
  EDGE_BRIDGE_NAME,
  EDGE_NAME,
  networkName,
  secretsVolumeName,
  sidecarName,
  sidecarVolumeName,
} from '../../model/names.ts';
import type { StepKind } from './kind.ts';

/** Taking the last things of an environment off a server; volumes of services stay. */
export interface TeardownStep {
  kind: 'teardown';
  server: string;
  /** The secrets that were generated stay as well: the data in those volumes can be reached with them alone. */
  keepsGenerated?: true;
}

/** Takes the environment's sidecar, network and kept secrets off a server; the edge stays. */
export const teardown: StepKind<TeardownStep> = {
  describe: ({ server, keepsGenerated }) =>
    keepsGenerated
      ? `remove sidecar and network from ${server}; volumes of services and generated secrets stay`
      : `remove sidecar, network and kept secrets from ${server}; volumes of services stay`,
  async run({ server, keepsGenerated }, { fleet, scope }) {
    const { engine } = fleet.server(server);
    for (const edge of [EDGE_NAME, EDGE_BRIDGE_NAME]) await engine.leaveNetwork(networkName(scope), edge);
    // Beside it there may be some that it has replaced.
    const sidecars = await engine.listContainers({
      label: [
        `${LABEL.role}=sidecar`,
        `${LABEL.project}=${scope.project}`,
        `${LABEL.environment}=${scope.environment}`,
      ],
    });
    for (const { Id } of sidecars) await engine.removeContainer(Id!);
    await engine.removeContainer(sidecarName(scope));
    await engine.removeVolume(sidecarVolumeName(scope));
    if (!keepsGenerated) await engine.removeVolume(secretsVolumeName(scope));
    await engine.removeNetwork(networkName(scope));
  },
};
