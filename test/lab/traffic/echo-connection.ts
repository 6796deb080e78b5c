import type { Socket } from 'node:net';
import { Loss } from './loss.ts';
import { openSocket, SocketReader } from './socket.ts';
import type { Target } from './targets.ts';

/** EchoConnection speaks with the app's TCP listener: a greeting line, then every byte back. All throw Losses. */
export class EchoConnection {
  /** From the greeting. */
  version = '';
  readonly #socket: Socket;
  readonly #reader: SocketReader;
  #isClosing = false;
  #cut: Loss | undefined;

  private constructor(socket: Socket, onCut: (loss: Loss) => void) {
    this.#socket = socket;
    this.#reader = new SocketReader(socket, (loss) => {
      if (this.#isClosing) return;
      this.#cut = loss;
      onCut(loss);
    });
  }

  /**
   * open connects and reads the greeting, each within `timeoutMs`.
   * @param onCut hears at once when the server ends the connection before `close` is called
   */
  static async open(
    target: Target,
    timeoutMs: number,
    onCut: (loss: Loss) => void = () => {},
  ): Promise<EchoConnection> {
    const connection = new EchoConnection(await openSocket(target, timeoutMs), onCut);
    try {
      const greeting = await connection.#reader.line(timeoutMs);
      const [, version] = /^hello (.*)$/.exec(greeting) ?? [];
      if (version === undefined) throw new Loss('mismatch', `greeted with ${JSON.stringify(greeting)}`);
      connection.version = version;
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /** echo sends bytes and wants exactly them back. */
  async echo(sent: Buffer, timeoutMs: number): Promise<void> {
    this.#socket.write(sent);
    const received = await this.#reader.exactly(sent.length, timeoutMs);
    if (!received.equals(sent)) throw new Loss('mismatch', `${sent.length} bytes came back changed`);
  }

  /** close sends FIN, wants FIN back and not one byte more; it throws if the server had closed first. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#cut !== undefined) throw this.#cut;
    this.#isClosing = true;
    this.#socket.end();
    await this.#reader.end(timeoutMs);
  }

  destroy(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }
}
