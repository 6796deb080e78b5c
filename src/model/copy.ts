/**
 * Where a copy stands on its server. The first two slots are the sides between which a service toggles. There are more for
 * several copies of a service on one server, two sides for each, and for generations that still drain.
 */
export type Slot = 'base' | 'secondary' | `${number}`;

/** All slots there are: two sides for each copy of {@link REPLICAS_MAX}. */
export const SLOTS: readonly Slot[] = [
  ...(['base', 'secondary'] as const),
  ...(['3', '4', '5', '6', '7', '8', '9', '10', '11', '12'] as const),
];

/** So many copies of a service stand on one server at most: each has two sides, and there is a host port for each slot. */
export const REPLICAS_MAX = SLOTS.length / 2;

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

/** inSlotOrder returns copies in the order of their slots. */
export function inSlotOrder<T extends { slot: Slot }>(copies: readonly T[]): T[] {
  return [...copies].sort((a, b) => slotIndex(a.slot) - slotIndex(b.slot));
}

/** acrossFrom returns the slot to which the traffic of a copy goes in a toggle: `secondary` for `base`, `3` for `4`. */
export function acrossFrom(slot: Slot): Slot {
  return SLOTS[slotIndex(slot) ^ 1]!;
}

/** laneOf returns which two slots this one is one of: 0 for `base` and `secondary`, 1 for `3` and `4`. */
export function laneOf(slot: Slot): number {
  return slotIndex(slot) >> 1;
}

/**
 * freeSlots returns slots for new copies. Each stands in a lane of its own, the first one in which nothing is `kept`, on
 * the side that is not taken; what finds no lane has the first free slot. It throws when all are taken.
 */
export function freeSlots(count: number, kept: readonly Slot[], taken: Iterable<Slot>): Slot[] {
  const closed = new Set([...kept, ...taken]);
  const lanes = new Set(kept.map(laneOf));
  const open = SLOTS.filter((slot) => !closed.has(slot));
  const firsts = open.filter((slot) => {
    const isFirst = !lanes.has(laneOf(slot));
    lanes.add(laneOf(slot));
    return isFirst;
  });
  const chosen = [...firsts, ...open.filter((slot) => !firsts.includes(slot))].slice(0, count);
  if (chosen.length < count) throw new Error('all slots of a service are taken on one server');
  return chosen;
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
