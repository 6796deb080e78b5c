import {
  type ContainerPort,
  edgePort,
  isOverHttp,
  type Protocol,
  type PublishedPorts,
} from '../model/spec.ts';
import type { Report } from './check-service.ts';
import type { PublishInput } from './schema/publish.ts';

/** A port of the container, with what the edge passes on to it; the main one has no name. */
export interface PublishedPort extends ContainerPort {
  name?: string;
  published?: PublishedPorts;
}

/**
 * publishPorts gives ports of a container what is published of them: `ports` are those that the service names, the main
 * one first. One that it does not name is added, by a name of its own. What cannot be published is reported. Pure.
 */
export function publishPorts(
  ports: readonly PublishedPort[],
  publish: readonly PublishInput[],
  report: Report,
): PublishedPort[] {
  const all: PublishedPort[] = ports.map((one) => ({ ...one }));
  publish.forEach(({ target, published, protocol, responses }, index) => {
    const path = ['publish', index];
    const found = all.find((one) => one.port === target && isOverUdp(one) === (protocol === 'udp'));
    if (isOverHttp(found?.protocol)) {
      report(
        path,
        `port ${target} speaks HTTP, and is reached by its domain`,
        'Write domain, or protocol: tcp to have its bytes passed on as they are.',
      );
      return;
    }
    const name = `${protocol}-${target}`;
    if (found === undefined && all.some((one) => one.name === name)) {
      report(path, `extra_ports has another port with the name ${name}`, 'Give that one another name.');
      return;
    }
    const port = found ?? { ...(all.length > 0 && { name }), port: target, protocol };
    if (found === undefined) all.push(port);
    const { numbers = [], responses: before } = port.published ?? {};
    if (numbers.length > 0 && before !== responses) {
      report(path, `${edgePort(target, protocol)} is published with other responses, too`, 'Say the same.');
    }
    const others = responses === undefined ? {} : { responses };
    port.published = { numbers: [...numbers, published].sort((a, b) => a - b), ...others };
  });
  return all;
}

function isOverUdp({ protocol }: { protocol: Protocol }): boolean {
  return protocol === 'udp';
}
