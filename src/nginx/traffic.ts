import type { Scope } from '../model/names.ts';

/** A sample in Prometheus' text: what it is of, and how much. */
export interface Sample {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** What the edge of one server has counted: now, and some minutes ago. */
export interface Figures {
  now: string;
  before: string;
}

/** What edges have served of a service, or of one copy of it, in the last minutes. */
export interface Traffic {
  /** How long they were looked at, in seconds. */
  seconds: number;
  requests: number;
  requestsPerSecond: number;
  /** Answers of 5xx. */
  errors: number;
  /** Tries at which a copy gave no answer, also where another one gave it then. */
  failures: number;
  /** Of bodies and headers, from clients and to them. */
  bytesReceived: number;
  bytesSent: number;
  /** How long requests took, in milliseconds, as far as buckets tell; undefined where there were none. */
  latencyMs?: Record<'p50' | 'p95' | 'p99', number>;
  /** Open connections to copies right now: where new requests go, and elsewhere. */
  connections: Record<'active' | 'draining', number>;
}

/** Traffic of a copy. */
export interface CopyTraffic extends Traffic {
  server: string;
  side: string;
  container: string;
}

/** Traffic of a service, and of each copy that answered any of it. */
export interface ServiceTraffic extends Traffic {
  copies: CopyTraffic[];
}

/** How some copies have answered since their edges were started. */
export interface Answers {
  /** Requests that copies got, whether or not another copy got the same one too. */
  tries: number;
  /** Those of them that were answered with 5xx, or not at all. */
  failures: number;
  /** Those that took longer than a time. */
  slow: number;
}

/** Whose answers are counted. */
export interface AnswersAsked {
  scope: Scope;
  service: string;
  /** isWatched tells whether a copy is one of those, by its server and the name of its container. */
  isWatched(server: string, container: string): boolean;
  /** From when on an answer is slow: the next edge of the histogram counts. */
  latencyMs: number;
}

/** answersOf returns how copies of a service have answered, by what one edge has counted: those that are watched, and all others. Pure. */
export function answersOf(
  text: string,
  { scope, service, isWatched, latencyMs }: AnswersAsked,
): Record<'watched' | 'others', Answers> {
  const samples = [...valuesOf(scope, text)]
    .map(([series, value]) => ({ ...parseSeries(series), value }))
    .filter(({ labels }) => labels.service === service && labels.copy !== undefined);
  const isOne = ({ labels }: Sample) => isWatched(labels.server ?? '', labels.copy ?? '');
  return {
    watched: answersIn(samples.filter(isOne), latencyMs),
    others: answersIn(
      samples.filter((sample) => !isOne(sample)),
      latencyMs,
    ),
  };
}

/** sumOfAnswers adds up what several edges have counted. Pure. */
export function sumOfAnswers(all: readonly Answers[]): Answers {
  const sum = (of: keyof Answers) => all.reduce((total, answers) => total + answers[of], 0);
  return { tries: sum('tries'), failures: sum('failures'), slow: sum('slow') };
}

/** What nginx answers for a copy that gives no answer. */
const NO_ANSWER = ['502', '504'];

function answersIn(samples: readonly Sample[], latencyMs: number): Answers {
  const sum = (name: string, isCounted: (labels: Sample['labels']) => boolean = () => true) =>
    samples
      .filter((sample) => sample.name === `switchyard_${name}` && isCounted(sample.labels))
      .reduce((total, { value }) => total + value, 0);
  const edges = samples.flatMap(({ labels: { le } }) =>
    le === undefined || le === '+Inf' ? [] : [Number(le)],
  );
  const edge = Math.min(...edges.filter((seconds) => seconds * 1_000 >= latencyMs));
  const answered = sum('upstream_duration_seconds_count');
  const quick = sum('upstream_duration_seconds_bucket', ({ le }) =>
    Number.isFinite(edge) ? Number(le) === edge : le === '+Inf',
  );
  const silent = sum('upstream_failures_total');
  const bad = sum('requests_total', ({ code = '' }) => code.startsWith('5') && !NO_ANSWER.includes(code));
  return { tries: answered + silent, failures: bad + silent, slow: answered - quick };
}

/** parseFigures reads Prometheus' text; lines that hold no sample are left out. Pure. */
export function parseFigures(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [series, value] = splitSample(line);
    return value === undefined ? [] : [{ ...parseSeries(series), value }];
  });
}

const VALUE = /^[\d.e+]+$/;
const SERIES = /^(\w+)(?:\{(.*)\})?$/;
const PAIR = /(\w+)="([^"]*)"/g;

/** What a sample is of, as it is written, and its value; without one where a line holds no sample. */
function splitSample(line: string): [series: string, value: number | undefined] {
  const end = line.lastIndexOf(' ');
  const series = line.slice(0, end);
  const value = line.slice(end + 1);
  return end > 0 && SERIES.test(series) && VALUE.test(value) ? [series, Number(value)] : [line, undefined];
}

function parseSeries(series: string): Omit<Sample, 'value'> {
  const [, name = '', labels = ''] = SERIES.exec(series) ?? [];
  const pairs = [...labels.matchAll(PAIR)].map(([, key = '', text = '']) => [key, text] as const);
  return { name, labels: Object.fromEntries(pairs) };
}

/**
 * trafficOf returns what the edges of some servers served of an environment since they were looked at before, by service;
 * of other environments it tells nothing. Where counters began anew since then, it is what came after that. Pure.
 */
export function trafficOf(scope: Scope, edges: readonly Figures[]): Map<string, ServiceTraffic> {
  // The edges of a zone tell of the same copies, in the same words.
  const known = new Map<string, Omit<Sample, 'value'>>();
  const read = (series: string) => {
    const found = known.get(series) ?? parseSeries(series);
    known.set(series, found);
    return found;
  };
  const grown = edges
    .flatMap((figures) => growth(scope, figures, read))
    // Who once could not be told apart, as names were slow to be found, is no copy for ever.
    .filter(({ labels, value }) => labels.copy !== UNKNOWN_COPY || value > 0);
  const services = groupBy(grown, ({ labels }) => labels.service);
  return new Map(
    [...services]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([service, samples]) => {
        const copies = groupBy(samples, ({ labels }) => labels.copy && `${labels.server} ${labels.copy}`);
        return [service, { ...sumOf(samples), copies: [...copies.values()].map(copyTraffic) }];
      }),
  );
}

function copyTraffic(samples: readonly Grown[]): CopyTraffic {
  const { server = '', side = '', copy: container = '' } = samples[0]?.labels ?? {};
  return { server, side, container, ...sumOf(samples) };
}

/** For how long a request may take to be in a bucket, and how many took no longer. */
type Bucket = readonly [seconds: number, count: number];

/**
 * quantile returns the seconds in which this share of requests was done, from the cumulative buckets of a histogram, with a
 * straight line within a bucket, as Prometheus' histogram_quantile has it. Undefined where there were none. Pure.
 */
export function quantile(share: number, buckets: readonly Bucket[]): number | undefined {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const rank = share * (sorted.at(-1)?.[1] ?? 0);
  const index = sorted.findIndex(([, count]) => count > 0 && count >= rank);
  const [edge, count] = sorted[index] ?? [];
  if (edge === undefined || count === undefined) return undefined;
  const [low, below] = sorted[index - 1] ?? [0, 0];
  // Nobody knows how much longer than the last edge it was.
  if (edge === Number.POSITIVE_INFINITY) return low;
  return low + ((edge - low) * (rank - below)) / (count - below);
}

/** What a sample has grown by, in how many seconds; what is no counter is as it is. */
type Grown = Sample & { seconds: number };

/** An edge has a line for each bucket of each service of each project: labels are read of those alone that count here. */
function growth(scope: Scope, { now, before }: Figures, read: typeof parseSeries): Grown[] {
  const [earlier, later] = [valuesOf(scope, before), valuesOf(scope, now)];
  const seconds = Math.max(0, timeOf(later) - timeOf(earlier));
  later.delete(UPDATED);
  const isGrowing = ([series, value]: [string, number]) =>
    isGauge(series) || value >= (earlier.get(series) ?? 0);
  const isAnew = ![...later].every(isGrowing);
  const base = (series: string) => (isGauge(series) || isAnew ? 0 : (earlier.get(series) ?? 0));
  return [...later].map(([series, value]) => ({
    ...read(series),
    value: value - base(series),
    seconds,
  }));
}

/** The values of an environment by what they are of, as it is written, and when they were counted. */
function valuesOf({ project, environment }: Scope, text: string): Map<string, number> {
  const ours = [`project="${project}"`, `environment="${environment}"`];
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith(`${UPDATED} `) || ours.every((label) => line.includes(label)));
  return new Map(
    lines.map(splitSample).flatMap(([series, value]) => (value === undefined ? [] : [[series, value]])),
  );
}

function sumOf(samples: readonly Grown[]): Traffic {
  const byName = groupBy(samples, ({ name }) => name);
  const those = (name: string, isCounted: (labels: Sample['labels']) => boolean = () => true) =>
    (byName.get(`switchyard_${name}`) ?? []).filter(({ labels }) => isCounted(labels));
  const sum = (...which: Parameters<typeof those>) =>
    those(...which).reduce((total, { value }) => total + value, 0);
  const requests = those('requests_total');
  const latencyMs = latencyOf(those('request_duration_seconds_bucket'));
  return {
    seconds: Math.max(0, ...samples.map(({ seconds }) => seconds)),
    requests: sum('requests_total'),
    requestsPerSecond: requests.reduce(
      (total, { value, seconds }) => total + (seconds > 0 ? value / seconds : 0),
      0,
    ),
    errors: sum('requests_total', ({ code = '' }) => code.startsWith('5')),
    failures: sum('upstream_failures_total'),
    bytesReceived: sum('request_bytes_total'),
    bytesSent: sum('response_bytes_total'),
    ...(latencyMs && { latencyMs }),
    connections: {
      active: sum('upstream_connections', ({ state }) => state === 'active'),
      draining: sum('upstream_connections', ({ state }) => state === 'draining'),
    },
  };
}

function latencyOf(samples: readonly Sample[]): Traffic['latencyMs'] {
  const buckets = new Map<number, number>();
  for (const { labels, value } of samples) {
    const edge = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
    buckets.set(edge, (buckets.get(edge) ?? 0) + value);
  }
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => quantile(share, [...buckets]));
  if (p50 === undefined || p95 === undefined || p99 === undefined) return undefined;
  return { p50: Math.round(p50 * 1_000), p95: Math.round(p95 * 1_000), p99: Math.round(p99 * 1_000) };
}

/** What an edge calls a copy whose address belongs to no name that it knows. */
const UNKNOWN_COPY = 'unknown';

/** When the figures were counted. */
const UPDATED = 'switchyard_updated_timestamp_seconds';

function isGauge(series: string): boolean {
  return /^\w+_connections(?:\{|$)/.test(series);
}

function timeOf(values: ReadonlyMap<string, number>): number {
  return values.get(UPDATED) ?? 0;
}

/** Those for which there is no key are left out. */
function groupBy<T>(all: readonly T[], keyFor: (one: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const key = keyFor(one);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}
