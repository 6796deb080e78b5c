/**
 * Serial runs one piece of work at a time, in the order they came. A heartbeat and a commit move the same
 * ref: side by side, one of them would take the other for a stranger.
 */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  /** run starts `work` when all earlier work has ended, well or not, and returns what it returns. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work, work);
    this.#last = next.catch(() => undefined);
    return next;
  }
}
