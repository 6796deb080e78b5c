import type { Clock } from '../model/clock.ts';

/** One stretch of a run, for the picture and the figures. */
export interface Span {
  /** What happened: the kind of a step, or what else takes its time. */
  phase: string;
  service: string;
  /** The server, or empty for what concerns all. */
  server: string;
  /** Milliseconds since the run began. */
  startMs: number;
  endMs: number;
  failed: boolean;
}

/** describeSpan returns a span as a line of a log: `api on 10.0.0.2: healthy (0.31 s)`. */
export function describeSpan({ phase, service, server, startMs, endMs, failed }: Span): string {
  const where = [service, server].filter((part) => part !== '').join(' on ');
  const seconds = ((endMs - startMs) / 1000).toFixed(2);
  return `${where === '' ? '' : `${where}: `}${phase}${failed ? ' failed' : ''} (${seconds} s)`;
}

/** Timeline records when each part of a run began and ended. */
export class Timeline {
  readonly spans: Span[] = [];
  readonly #clock: Clock;
  readonly #begun: number;
  readonly #onSpan: (span: Span) => void;

  /** `onSpan` is told of every span as it ends. */
  constructor(clock: Clock, onSpan: (span: Span) => void = () => undefined) {
    this.#clock = clock;
    this.#begun = clock.now();
    this.#onSpan = onSpan;
  }

  /** elapsedMs returns the milliseconds since the run began. */
  elapsedMs(): number {
    return this.#clock.now() - this.#begun;
  }

  /** measure runs `work` and records how long it took, also when it fails. */
  async measure<T>(
    what: { phase: string; service?: string; server?: string },
    work: () => Promise<T>,
  ): Promise<T> {
    const startMs = this.elapsedMs();
    const record = (failed: boolean) => {
      const { phase, service = '', server = '' } = what;
      const span = { phase, service, server, startMs, endMs: this.elapsedMs(), failed };
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
  durationMs(phase: string, service: string, server: string): number | undefined {
    const span = this.spans.find(
      (candidate) =>
        candidate.phase === phase && candidate.service === service && candidate.server === server,
    );
    return span === undefined ? undefined : Math.round(span.endMs - span.startMs);
  }
}
