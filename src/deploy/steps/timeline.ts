/** One stretch of a run, for the picture and the figures. */
export interface Span {
  /** What happened: `pull`, `start`, `healthy`, `switch`, `drain`, `stop`, … */
  phase: string;
  service: string;
  /** The server, or empty for what concerns all. */
  host: string;
  /** Milliseconds since the run began. */
  startMs: number;
  endMs: number;
  failed: boolean;
}

/** describeSpan returns a span as a line of a log: `api on 10.0.0.2: healthy (0.31 s)`. */
export function describeSpan({ phase, service, host, startMs, endMs, failed }: Span): string {
  const where = [service, host].filter((part) => part !== '').join(' on ');
  const seconds = ((endMs - startMs) / 1000).toFixed(2);
  return `${where === '' ? '' : `${where}: `}${phase}${failed ? ' failed' : ''} (${seconds} s)`;
}

/** Timeline records when each part of a run began and ended. */
export class Timeline {
  readonly spans: Span[] = [];
  readonly #begun: number;
  readonly #now: () => number;

  readonly #onSpan: (span: Span) => void;

  /** `onSpan` is told of every span as it ends; `now` returns milliseconds of a clock that never goes back. */
  constructor(onSpan: (span: Span) => void = () => undefined, now: () => number = () => performance.now()) {
    this.#onSpan = onSpan;
    this.#now = now;
    this.#begun = now();
  }

  /** elapsedMs returns the milliseconds since the run began. */
  elapsedMs(): number {
    return this.#now() - this.#begun;
  }

  /** measure runs `work` and records how long it took, also when it fails. */
  async measure<T>(
    what: { phase: string; service?: string; host?: string },
    work: () => Promise<T>,
  ): Promise<T> {
    const startMs = this.elapsedMs();
    const record = (failed: boolean) => {
      const { phase, service = '', host = '' } = what;
      const span = { phase, service, host, startMs, endMs: this.elapsedMs(), failed };
      this.spans.push(span);
      this.#onSpan(span);
    };
    try {
      const result = await work();
      record(false);
      return result;
    } catch (error) {
      record(true);
      throw error;
    }
  }

  /** durationMs returns how long a phase of a service took on a server; undefined when it did not happen. */
  durationMs(phase: string, service: string, host: string): number | undefined {
    const span = this.spans.find(
      (candidate) => candidate.phase === phase && candidate.service === service && candidate.host === host,
    );
    return span === undefined ? undefined : Math.round(span.endMs - span.startMs);
  }
}
