import { deliverFiles, giveUpFiles } from '../../fleet/delivered-files.ts';
import type { ContainerSpec } from '../../model/spec.ts';
import type { WantedSettings } from '../planning/container-settings.ts';
import { createRequest } from './container-request.ts';
import type { RunContext } from './context.ts';

/** A container that shall be created: of a copy, or of a hook. */
export interface NewContainer {
  service: string;
  server: string;
  name: string;
  settings: WantedSettings;
  platform: NonNullable<ContainerSpec['options']>['platform'];
}

/**
 * createContainer creates a container with its files, and returns its id; `calling` makes the call, twice if it must.
 * Where it fails nothing is left behind; a run that is killed in between leaves its files to the next one.
 */
export async function createContainer(
  { fleet, scope, secrets }: RunContext,
  { service, server: on, name, settings, platform }: NewContainer,
  calling: (create: () => Promise<string>) => Promise<string> = (create) => create(),
): Promise<string> {
  const server = fleet.server(on);
  const values = secrets[service] ?? {};
  const { files, image, user } = settings;
  const delivery = { container: name, service, files, image, platform, user, secrets: values };
  const delivered = await deliverFiles(server, scope, delivery);
  const request = createRequest(settings, values, delivered);
  try {
    return await calling(() => server.engine.createContainer(name, request, platform));
  } catch (error) {
    await giveUpFiles(server, delivered);
    throw error;
  }
}
