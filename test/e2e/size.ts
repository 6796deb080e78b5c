/**
 * How much the e2e tests do: a sample by default, in which every kind of case happens once, and with
 * SWITCHYARD_FULL=1 the numbers that the project promises.
 */
export interface Size {
  /** Also what a deploy waits before it looks whether the old side is idle. */
  keepaliveMinTimeout: string;
  /** A load of HTTP clients through several toggles. */
  load: {
    toggles: number;
    /** So many requests at least, until the last toggle is over. */
    requests: number;
    clients: number;
    /** Shortest and longest pause of a client, in milliseconds. */
    thinkMs: [number, number];
  };
  /** Toggles of the load's variants: one server, no keep-alive, a slow line. */
  variantToggles: number;
  variantRequests: number;
  /** Requests in flight together while the routes are switched. */
  heldConnections: number;
  /** Long-lived connections to a service that is replaced. */
  streams: { websockets: number; events: number; tcp: number };
  /** Toggles of the neighbour while those are open. */
  neighbourToggles: number;
}

const sample: Size = {
  keepaliveMinTimeout: '2s',
  load: { toggles: 4, requests: 3_000, clients: 64, thinkMs: [50, 250] },
  variantToggles: 2,
  variantRequests: 1_500,
  heldConnections: 300,
  streams: { websockets: 10, events: 10, tcp: 10 },
  neighbourToggles: 2,
};

const full: Size = {
  keepaliveMinTimeout: '10s',
  load: { toggles: 20, requests: 30_000, clients: 64, thinkMs: [0, 150] },
  variantToggles: 20,
  variantRequests: 30_000,
  heldConnections: 1_000,
  streams: { websockets: 50, events: 50, tcp: 50 },
  neighbourToggles: 5,
};

/** True when the tests shall do all that is promised, which takes an hour. */
export const isFull = process.env.SWITCHYARD_FULL === '1';

/** The size of this run. */
export const size: Size = isFull ? full : sample;
