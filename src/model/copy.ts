/**
 * Where a copy stands on its server. The first two slots are the sides between which a service toggles; there are more
 * for several copies of a service on one server, and for generations that still drain.
 */
export type Slot = 'base' | 'secondary' | `${number}`;

/** All slots there are, in the order in which they are taken. Host ports end at 65535: there is room for six. */
export const SLOTS: readonly Slot[] = ['base', 'secondary', '3', '4', '5', '6'];

/** slotIndex returns how many slots come before this one: 0 for `base`. It throws for what is no slot. */
export function slotIndex(slot: Slot): number {
  const index = SLOTS.indexOf(slot);
  if (index < 0) throw new Error(`there is no slot ${JSON.stringify(slot)}`);
  return index;
}

/** isSlot tells whether a label's text names a slot. */
export function isSlot(text: string | undefined): text is Slot {
  return SLOTS.includes(text as Slot);
}

/** freeSlot returns the first slot that is not taken; it throws when all are. */
export function freeSlot(taken: Iterable<Slot>): Slot {
  const set = new Set(taken);
  const free = SLOTS.find((slot) => !set.has(slot));
  if (free === undefined) throw new Error('all slots of a service are taken on one server');
  return free;
}

/**
 * What a copy is doing: `starting` has not had any traffic, `serving` gets it, `standby` gets it only where no other
 * copy answers, and `draining` gets no more and finishes what it has.
 */
export type CopyState = 'starting' | 'serving' | 'standby' | 'draining';

/** One running instance of a service. */
export interface Copy {
  service: string;
  /** The server's name. */
  server: string;
  slot: Slot;
  /** The container's name. */
  name: string;
  /** Number of the release that created it. */
  release: number;
  /** Its own host port, where ports carry the version; else it follows from the slot. */
  port?: number | undefined;
  /** It has no host port, since it was alone in its zone when it was created: only its own server reaches it. */
  isUnpublished?: true;
  /** Its share of the traffic, among those of the service; 0 gets none while another copy answers. */
  weight: number;
  state: CopyState;
}

/** copyKey names the place of a copy: a slot of a service on a server. */
export function copyKey({ server, service, slot }: Pick<Copy, 'server' | 'service' | 'slot'>): string {
  return `${server} ${service} ${slot}`;
}
