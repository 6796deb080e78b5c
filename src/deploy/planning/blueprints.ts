import type { ServerSpec } from '../../model/spec.ts';
import { type Blueprint, blueprintHash } from './container.ts';
import type { ObservedContainer } from './observed.ts';
import type { PlanInput, WantedService } from './plan-input.ts';
import { changedSettings } from './settings.ts';
import { observedAt } from './spots.ts';

/** blueprintOf returns what a service's containers on a server are made from. */
export function blueprintOf(input: PlanInput, service: WantedService, server: ServerSpec): Blueprint {
  const isAlone = input.servers.filter(({ zone }) => zone === server.zone).length === 1;
  const isVersioned = service.spec.container.naming === 'version';
  const ports = new Map(input.services.map(({ name, ports: { internal } }) => [name, internal]));
  return {
    scope: input.scope,
    service: service.name,
    container: service.spec.container,
    containerPort: service.spec.port,
    ports: service.ports,
    versionPort: isVersioned ? service.versionPort : undefined,
    publishOn: isAlone ? undefined : server.privateIp,
    dependencies: Object.fromEntries(service.dependsOn.map((name) => [name, ports.get(name) ?? 0])),
    secretsVersion: service.release.secretsVersion,
  };
}

/**
 * changedByHand returns in what a container differs from what its labels say that it was made from (see
 * changedSettings). Where they say that another blueprint made it, nothing can be told. Pure.
 */
export function changedByHand(
  input: PlanInput,
  service: WantedService,
  server: ServerSpec,
  { hash, side, settings, imageId, versionPort }: ObservedContainer,
): string[] {
  // Each container of a version has a port of its own, which the hash leaves out.
  const blueprint = { ...blueprintOf(input, service, server), versionPort };
  if (settings === undefined || hash !== blueprintHash(blueprint)) return [];
  const image = observedAt(input, server.host).images.get(blueprint.container.image);
  return changedSettings(blueprint, side, settings, image?.id === imageId ? image.defaults : undefined);
}
