/**
 * Preloaded into an action (`NODE_OPTIONS=--import=…`), it leads connections over TLS to a host elsewhere, and without TLS:
 * REROUTED is JSON, from hosts to `{ host, port }`. So a program that knows one address of a service meets the lab's.
 */
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';

const elsewhere = JSON.parse(process.env.REROUTED ?? '{}');
const { connect } = tls;

tls.connect = (options, ...rest) => {
  const way = elsewhere[options?.host] ?? elsewhere[options?.servername];
  if (way === undefined) return connect(options, ...rest);
  const socket = net.connect(way);
  socket.once('connect', () => socket.emit('secureConnect'));
  return socket;
};
syncBuiltinESMExports();
