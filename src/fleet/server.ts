import type { Engine } from '../docker/engine.ts';
import type { ServerSpec } from '../model/spec.ts';
import type { DialTcp } from './dial.ts';
import type { HttpOver } from './http.ts';

/** Server is an open connection to one machine with a Docker engine. */
export interface Server {
  readonly spec: ServerSpec;
  /** The server's name in logs, state and routes. */
  readonly host: string;
  readonly engine: Engine;
  /** HTTP to containers of this server. */
  readonly http: HttpOver;
  readonly dial: DialTcp;
  /** freeBytes returns the free space of the file system that holds a folder; undefined when nobody can tell. It never throws. */
  freeBytes(folder: string): Promise<number | undefined>;
  /** close ends all connections to the server. */
  close(): Promise<void>;
}

/** Provider knows how to reach the servers of an environment. */
export interface Provider {
  /** connect opens a connection; it throws a UserError that says what is wrong with the server or the way there. */
  connect(spec: ServerSpec): Promise<Server>;
}
