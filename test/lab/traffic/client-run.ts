import { answerParent } from './load-worker.ts';
import { Tally } from './tally.ts';

/** ClientRun is how clients of a load process go on until their parent says stop, or for so many seconds, and are counted. */
export class ClientRun {
  readonly tally = new Tally();
  isStopping = false;

  constructor(maxSeconds: number) {
    setTimeout(() => this.#stop(), maxSeconds * 1_000).unref();
  }

  /** answer has the parent told what is counted; `clients` end, each by itself, when `isStopping` is true. */
  answer(clients: readonly Promise<void>[]): void {
    const finished = Promise.all(clients);
    answerParent({
      snapshot: () => this.tally.snapshot(),
      stop: async () => {
        this.#stop();
        await finished;
        return this.tally.result();
      },
    });
  }

  #stop(): void {
    this.isStopping = true;
    this.tally.end();
  }
}
