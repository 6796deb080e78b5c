import { connect } from 'node:net';

const RETRY_MS = 1_000;

/** Cache is a connection to redis that is opened again whenever it is lost. It knows one command. */
export class Cache {
  isConnected = false;
  #said = '';
  #socket;
  /** Who waits for an answer, in the order of the questions. */
  #waiting = [];

  constructor(host, port) {
    this.#open(host, Number(port));
  }

  /** count raises a counter and returns it; null when the cache cannot be reached. */
  count(name) {
    if (!this.isConnected) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#socket.write(`INCR ${name}\r\n`);
    });
  }

  #open(host, port) {
    let received = '';
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('connect', () => {
      this.isConnected = true;
      this.#say(`cache ${host}:${port}: connected`);
    });
    this.#socket.on('data', (chunk) => {
      const lines = (received + chunk).split('\r\n');
      received = lines.pop();
      for (const line of lines) this.#waiting.shift()?.(line.startsWith(':') ? Number(line.slice(1)) : null);
    });
    this.#socket.on('error', (error) => this.#say(`cache ${host}:${port}: ${error.message || error.code}`));
    this.#socket.on('close', () => {
      this.isConnected = false;
      for (const resolve of this.#waiting.splice(0)) resolve(null);
      setTimeout(() => this.#open(host, port), RETRY_MS).unref();
    });
  }

  /** What is tried again every second is told once. */
  #say(line) {
    if (line !== this.#said) console.log(line);
    this.#said = line;
  }
}
