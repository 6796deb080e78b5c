import type { Duplex } from 'node:stream';
import type { Engine } from '../docker/engine.ts';
import type { ServerSpec } from '../model/spec.ts';
import type { Listener } from '../ssh/connection.ts';
import type { DialTcp } from './dial.ts';
import type { Handshake } from './handshake.ts';
import type { HttpOver, KeptConnection } from './http.ts';

/** Server is an open connection to one machine with a Docker engine. */
export interface Server {
  readonly spec: ServerSpec;
  /** By which it is known in logs, record and routes. */
  readonly name: string;
  readonly engine: Engine;
  /** HTTP to containers of this server. */
  readonly http: Pick<HttpOver, 'get' | 'put' | 'delete' | 'guardWith'> & {
    keepAlive(target: { address: string; port: number }): Pick<KeptConnection, 'get' | 'close'>;
  };
  readonly dial: DialTcp;
  /**
   * listen has a free port of the server's own 127.0.0.1 lead here, and hands every connection to it over as a stream. It
   * throws a ForwardingRefused where sshd does not do that.
   */
  listen(accept: (stream: Duplex) => void): Promise<Listener>;
  /** handshake asks for the certificate that is shown for a name. */
  readonly handshake: Handshake;
  /** freeBytes returns the free space of the file system that holds a folder; undefined when nobody can tell. It never throws. */
  freeBytes(folder: string): Promise<number | undefined>;
  /** close ends all connections to the server. */
  close(): Promise<void>;
}

/** Provider knows the servers of an environment: every run begins with asking which there are. */
export interface Provider {
  /** servers returns the servers that there are. */
  servers(): Promise<ServerSpec[]>;
  /**
   * ensure makes sure that the servers of an environment are there, and returns them; it throws a UserError where it
   * cannot. It makes what is missing, and takes nothing away.
   */
  ensure(): Promise<ServerSpec[]>;
  /** connect opens a connection; it throws a UserError that says what is wrong with the server or the way there. */
  connect(spec: ServerSpec): Promise<Server>;
}
