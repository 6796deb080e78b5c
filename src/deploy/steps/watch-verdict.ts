import type { MonitorSpec } from '../../model/monitor.ts';
import type { Answers } from '../../nginx/traffic.ts';

/** What one look found of a copy; undefined is what could not be asked. */
export interface CopyLook {
  /** The container's name, and its server's. */
  name: string;
  server: string;
  /** How it has ended, or that it is unhealthy by the HEALTHCHECK of its image; undefined while it is well. */
  complaint?: string | undefined;
  /** Of its limit, or of its server's memory where it has none. */
  memoryRatio?: number | undefined;
}

/** What is wrong with new copies. */
export interface Verdict {
  why: string;
  /** The copy that it is about; undefined where it is about all of them. */
  copy?: CopyLook;
}

const NONE: Answers = { tries: 0, failures: 0, slow: 0 };

/**
 * What was seen of the new copies of a service, look by look, and whether it is too much. A container that ends is at once;
 * shares are when so many looks in a row find them too high. What the version before had of failures and slow answers is
 * allowed on top: a version that is no worse than the last one is never taken back.
 */
export class WatchVerdict {
  readonly #monitor: MonitorSpec;
  readonly #before: Record<'failures' | 'slow', number>;
  #counted: Answers;
  #failing = 0;
  #slow = 0;
  readonly #full = new Map<string, number>();

  /** `before` is what the version before had answered, and `counted` what the new one had when the watch began. */
  constructor(monitor: MonitorSpec, before: Answers = NONE, counted: Answers = NONE) {
    this.#monitor = monitor;
    this.#before = { failures: ratio(before.failures, before), slow: ratio(before.slow, before) };
    this.#counted = counted;
  }

  /** look returns what is wrong by one more look; undefined where nothing is. `answers` are all until now. */
  look(copies: readonly CopyLook[], answers: Answers | undefined): Verdict | undefined {
    const ended = copies.find(({ complaint }) => complaint !== undefined);
    if (ended?.complaint !== undefined) return { why: ended.complaint, copy: ended };
    return this.#judgeMemory(copies) ?? (answers && this.#judgeAnswers(answers));
  }

  #judgeMemory(copies: readonly CopyLook[]): Verdict | undefined {
    const { maxMemoryRatio, breaches } = this.#monitor;
    for (const copy of copies) {
      const { name, server, memoryRatio } = copy;
      if (memoryRatio === undefined) continue;
      const key = `${server} ${name}`;
      const times = memoryRatio > maxMemoryRatio ? (this.#full.get(key) ?? 0) + 1 : 0;
      this.#full.set(key, times);
      if (times >= breaches) {
        return {
          why: `uses ${percent(memoryRatio)} of its memory (at most ${percent(maxMemoryRatio)})`,
          copy,
        };
      }
    }
    return undefined;
  }

  #judgeAnswers(answers: Answers): Verdict | undefined {
    const { minRequests, maxFailureRatio, maxSlowRatio, latencyMs, breaches } = this.#monitor;
    // An edge that was started again counts from 0.
    if (answers.tries < this.#counted.tries) this.#counted = NONE;
    const window = difference(answers, this.#counted);
    if (window.tries < minRequests) return undefined;
    this.#counted = answers;
    const failing = ratio(window.failures, window);
    const slow = ratio(window.slow, window);
    const [mostFailing, mostSlow] = [
      this.#before.failures + maxFailureRatio,
      this.#before.slow + maxSlowRatio,
    ];
    this.#failing = failing > mostFailing ? this.#failing + 1 : 0;
    this.#slow = slow > mostSlow ? this.#slow + 1 : 0;
    if (this.#failing >= breaches)
      return { why: `fails ${percent(failing)} of its requests (at most ${percent(mostFailing)})` };
    if (this.#slow < breaches) return undefined;
    const share = `${percent(slow)} of its answers (at most ${percent(mostSlow)})`;
    return { why: `takes more than ${latencyMs} ms for ${share}` };
  }
}

function ratio(part: number, { tries }: Answers): number {
  return tries === 0 ? 0 : part / tries;
}

function difference(now: Answers, then: Answers): Answers {
  return {
    tries: now.tries - then.tries,
    failures: now.failures - then.failures,
    slow: now.slow - then.slow,
  };
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}
