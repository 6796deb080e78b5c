import { X509Certificate } from 'node:crypto';
import { Nginx } from './nginx.ts';
import type { World } from './world.ts';

/** Somebody who comes over HTTPS again and again, and what they have seen. */
export interface Visitors {
  /** What was wrong with a handshake, each kind of it once. */
  readonly complaints: ReadonlySet<string>;
  /** Serials of the certificates that were shown, in the order in which they came. */
  readonly serials: ReadonlySet<string>;
  leave(): void;
}

const EVERY_MS = 10;
const DOOR = 443;
/** By their text: to read one takes longer than all else here. */
const CERTIFICATES = new Map<string, X509Certificate>();

/** comeOverHttps has visitors of a domain at a server until they leave: each looks whether the certificate is to be believed. */
export function comeOverHttps(world: World, server: string, domain: string): Visitors {
  const complaints = new Set<string>();
  const serials = new Set<string>();
  let isOver = false;
  const look = (): void => {
    if (isOver) return;
    for (const shown of handshakes(world, server, domain)) {
      if (typeof shown === 'string') complaints.add(shown);
      else serials.add(shown.serialNumber);
    }
    world.clock.after(EVERY_MS, look);
  };
  look();
  return {
    complaints,
    serials,
    leave: () => {
      isOver = true;
    },
  };
}

/** What is shown to whoever comes now, by all workers that take the connection; a sentence where it is not to be believed. */
function handshakes(world: World, server: string, domain: string): (X509Certificate | string)[] {
  const machine = world.machine(server);
  if (machine.isOff) return [];
  const door = machine.entrance(DOOR);
  const program = door?.container.program;
  if (door === undefined || !(program instanceof Nginx)) return ['nobody takes the connection'];
  const workers = program.accept(door.port);
  const pem = workers?.certificateFor(door.port, domain);
  if (pem === undefined) return [`${door.container.name} shows no certificate`];
  const shown = CERTIFICATES.get(pem) ?? new X509Certificate(pem);
  CERTIFICATES.set(pem, shown);
  const now = world.clock.now();
  const isValid = shown.validFromDate.getTime() <= now && now < shown.validToDate.getTime();
  if (!isValid || shown.checkHost(domain) === undefined)
    return [`${door.container.name} shows a certificate that is not to be believed`];
  return [shown];
}
