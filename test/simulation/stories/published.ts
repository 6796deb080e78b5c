import { type EnvironmentSpec, publishedOf, type ServiceSpec } from '../../../src/model/spec.ts';
import { type ServiceChanges, servers, service, shop } from './specs.ts';

/** broker returns a service that is reached from outside by tcp, and by udp. */
export function broker(
  number: number,
  { numbers = [1883], ...changes }: ServiceChanges & { numbers?: number[] } = {},
) {
  const spec = service('mqtt', {
    image: `mqtt:${number}`,
    protocol: 'tcp',
    port: 1883,
    extraPorts: { discovery: { port: 5353, protocol: 'udp' } },
    domains: [],
    ...changes,
  });
  const published = numbers.length > 0 && { published: { numbers } };
  return {
    ...spec,
    route: { ...spec.route, ...published, extraPublished: { discovery: { numbers: [53] } } },
  };
}

/** other returns another service that has a port of the servers. */
export function other(number: number): ServiceSpec {
  const spec = service('other', { protocol: 'tcp', port: 7000, domains: [] });
  return { ...spec, route: { ...spec.route, published: { numbers: [number] } } };
}

/** publishing returns an environment in which the edge has what services publish, and some ports more. */
export function publishing(services: ServiceSpec[], count = 1): EnvironmentSpec {
  const wanted = shop(services, servers(count));
  const ports = [...new Set([...services.flatMap(publishedOf), '1883/tcp', '7000/tcp'] as const)];
  return { ...wanted, nginx: { ...wanted.nginx, ports } };
}
