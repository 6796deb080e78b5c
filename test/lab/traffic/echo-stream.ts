import { setTimeout as sleep } from 'node:timers/promises';
import { EchoConnection } from './echo-connection.ts';
import { randomPortion } from './http-request.ts';
import { lossOf } from './loss.ts';
import { Stream } from './stream.ts';

/** EchoStream keeps one TCP connection, as a database pool does, and wants every byte back unchanged. */
export class EchoStream extends Stream {
  #connection: EchoConnection | undefined;
  readonly #finishing = new AbortController();

  override start(): void {
    this.#run().catch((error: Error) => this.breaks(lossOf(error, 'connected')));
  }

  override finish(): void {
    this.#finishing.abort();
  }

  protected override free(): void {
    this.#connection?.destroy();
  }

  async #run(): Promise<void> {
    const { silenceMs, everyMs } = this.settings;
    const { signal } = this.#finishing;
    const connection = await EchoConnection.open(this.target, silenceMs, (loss) => this.breaks(loss));
    this.#connection = connection;
    this.lives(connection.version);
    for (let number = 1; !signal.aborted; number += 1) {
      const message = Buffer.concat([Buffer.from(`${number} `), randomPortion()]);
      await connection.echo(message, silenceMs);
      this.bytes += message.length;
      await sleep(everyMs, undefined, { signal }).catch(() => {}); // cut short by finish
    }
    await connection.close(silenceMs);
    this.ends();
  }
}
