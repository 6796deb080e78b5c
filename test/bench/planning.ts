import { buildInput } from '../../src/deploy/planning/build-input.ts';
import { planDeploy } from '../../src/deploy/planning/planner.ts';
import type { EnvironmentSpec, ServerSpec } from '../../src/model/spec.ts';
import { service, shop } from '../simulation/stories/specs.ts';
import { World } from '../simulation/world/world.ts';

const SERVICES = 50;
const SERVERS = 20;

/**
 * planningCpuMs returns the milliseconds of CPU of one plan: 50 services, five copies of each, on 20 servers of two
 * zones, half of the services with a new image. Nothing but the planner runs; what it looks at was observed before.
 */
export async function planningCpuMs(runs: number): Promise<number[]> {
  const world = new World();
  await world.deploy(crowd(1));
  const facts = await world.survey(crowd(2));
  return Array.from({ length: runs }, () => {
    const begun = process.cpuUsage();
    planDeploy(buildInput(facts));
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1_000;
  });
}

function crowd(version: number): EnvironmentSpec {
  const services = Array.from({ length: SERVICES }, (_, index) =>
    service(`service-${index}`, {
      image: `service-${index}:${index % 2 === 0 ? version : 1}`,
      servers: 5,
      dependsOn: index % 10 === 0 ? [] : [`service-${index - 1}`],
    }),
  );
  return shop(
    services,
    Array.from({ length: SERVERS }, (_, index) => server(index)),
  );
}

function server(index: number): ServerSpec {
  return {
    name: `server-${index}`,
    host: `203.0.113.${index + 1}`,
    port: 22,
    user: 'deploy',
    privateIp: `10.0.0.${index + 1}`,
    zone: index % 2 === 0 ? 'lon1' : 'nyc1',
    hostKeys: [],
  };
}
