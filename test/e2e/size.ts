/**
 * How much the e2e tests do: by default a sample of what only real machines show (see fullSizeTest), and with
 * SWITCHYARD_FULL=1 all stories, with the numbers that the project promises.
 */
export interface Size {
  /** Also what a deploy waits before it looks whether the old side is idle. */
  keepaliveMinTimeout: string;
  /** HTTP clients of a load, and the shortest and longest pause of each, in milliseconds. */
  clients: number;
  thinkMs: [number, number];
  /** The same of the load that tests about something else run beside it. */
  users: { clients: number; thinkMs: [number, number] };
  /** Toggles under load, and how many requests are sent at least. */
  load: { toggles: number; requests: number };
  /** The same for one server, without keep-alive, and over a slow line. */
  variant: { toggles: number; requests: number };
  /** The same over HTTPS: clients that share an HTTP/2 connection, and clients that shake hands for every request. */
  secure: {
    toggles: number;
    http2: { connections: number; streams: number; thinkMs: [number, number] };
    handshakes: { clients: number; thinkMs: [number, number] };
  };
  /** Requests in flight together while the routes are switched. */
  heldConnections: number;
  /** Long-lived connections to a service that is replaced. */
  streams: { websockets: number; events: number; tcp: number };
  /** Toggles of the neighbour while those are open. */
  neighbourToggles: number;
  /** All stories, and every moment of the kill matrix; else the sample. */
  isFull: boolean;
  killMatrixMinutes: number;
  /** Labs in which it is run side by side. */
  killArenas: number;
  /** Times that two runs race for one environment. */
  races: number;
  /** How many times longer than promised something may take: the usual size shares its processors with other tests. */
  patience: number;
}

const sample: Size = {
  keepaliveMinTimeout: '2s',
  clients: 64,
  thinkMs: [100, 400],
  users: { clients: 8, thinkMs: [100, 300] },
  load: { toggles: 2, requests: 2_000 },
  variant: { toggles: 1, requests: 1_000 },
  secure: {
    toggles: 1,
    http2: { connections: 8, streams: 4, thinkMs: [200, 400] },
    handshakes: { clients: 3, thinkMs: [100, 300] },
  },
  heldConnections: 300,
  streams: { websockets: 10, events: 10, tcp: 10 },
  neighbourToggles: 1,
  isFull: false,
  killMatrixMinutes: 10,
  killArenas: 1,
  races: 2,
  patience: 4,
};

const full: Size = {
  keepaliveMinTimeout: '10s',
  clients: 64,
  thinkMs: [25, 175],
  users: { clients: 8, thinkMs: [50, 150] },
  load: { toggles: 20, requests: 30_000 },
  variant: { toggles: 20, requests: 30_000 },
  secure: {
    toggles: 20,
    http2: { connections: 64, streams: 4, thinkMs: [800, 1_600] },
    handshakes: { clients: 8, thinkMs: [400, 1_200] },
  },
  heldConnections: 1_000,
  streams: { websockets: 50, events: 50, tcp: 50 },
  neighbourToggles: 5,
  isFull: true,
  killMatrixMinutes: 120,
  killArenas: 3,
  races: 20,
  patience: 1,
};

/** True when the tests shall do all that is promised, which takes hours. */
const isFull = process.env.SWITCHYARD_FULL === '1';

/** The size of this run. */
export const size: Size = isFull ? full : sample;
