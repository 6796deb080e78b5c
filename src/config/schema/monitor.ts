import * as z from 'zod';
import { DEFAULTS } from '../defaults.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { decimal, positiveDuration, wholeNumber } from './scalars.ts';

const share = (what: string) => decimal(`${what}, from 0 to 1`, (value) => value >= 0 && value <= 1);

const long = closed({
  period: requiredKey(positiveDuration, {
    description: 'How long the new containers are watched once they have the traffic.',
    example: 'period: 2m',
  }),
  max_failure_ratio: key(share('a share of the answers'), {
    description:
      'Share of requests that may fail: answers of 5xx, and none at all. What the version before had of them comes on top.',
    fallback: { value: DEFAULTS.monitor.max_failure_ratio },
    example: 'max_failure_ratio: 0.01',
  }),
  latency: key(positiveDuration, {
    description:
      'From when on an answer is a slow one. It is counted in steps: 5, 10, 25, 50, 100, 250 and 500 ms, 1, 2.5, 5, 10, 30 and 60 s, and the next one above counts.',
    fallback: { value: DEFAULTS.monitor.latency },
    example: 'latency: 250ms',
  }),
  max_slow_ratio: key(share('a share of the answers'), {
    description: 'Share of answers that may be slow. What the version before had of them comes on top.',
    fallback: { value: DEFAULTS.monitor.max_slow_ratio },
    example: 'max_slow_ratio: 0.2',
  }),
  max_memory_ratio: key(share('a share of the memory'), {
    description:
      'Share of its memory that a container may use: of its limit, or of its server where it has none.',
    fallback: { value: DEFAULTS.monitor.max_memory_ratio },
    example: 'max_memory_ratio: 0.9',
  }),
  min_requests: key(wholeNumber('a number of requests, at least 1', 1), {
    description: 'So many answers are looked at together, at least: of fewer, shares say nothing.',
    fallback: { value: DEFAULTS.monitor.min_requests },
    example: 'min_requests: 100',
  }),
  breaches: key(wholeNumber('a number of looks, at least 1', 1), {
    description: 'So many looks in a row have to find too much of something.',
    fallback: { value: DEFAULTS.monitor.breaches },
    example: 'breaches: 5',
  }),
});

export type MonitorInput = z.infer<typeof long>;

/** How the new containers of a service are watched after a switch: a time, or more of it. */
export const monitor = parsed(
  z.union([positiveDuration, long], { error: 'must be a duration such as 2m, or a map with a period' }),
  (said): MonitorInput => (typeof said === 'number' ? { period: said } : said),
);
