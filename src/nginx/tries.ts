import { laneOf } from '../model/copy.ts';
import type { RoutedCopy } from './routes.ts';

/** How long one try waits for a connection. Two seconds: a SYN lost to a full backlog is sent again after 1 s (RFC 6298 §2). */
export const CONNECT_SECONDS = 2;

/** How often a request is tried, and after how many seconds nobody else is asked. */
export interface Tries {
  count: number;
  seconds: number;
}

/** What holds where nothing else is said: a server that is gone, and one that is there. */
const USUAL: Tries = { count: 2, seconds: 5 };

/**
 * triesOf returns how often a request of a route has to be tried, so that it reaches another server also where all copies
 * that have traffic on one are gone with it; undefined where the usual is enough: no server has several. Pure.
 */
export function triesOf(
  copies: readonly Pick<RoutedCopy, 'server' | 'slot' | 'weight'>[],
): Tries | undefined {
  const busy = copies.filter(({ weight }) => weight > 0);
  const most = Math.max(0, ...[...Map.groupBy(busy, ({ server }) => server).values()].map(countOf));
  if (most < USUAL.count) return undefined;
  // The last try begins when all others have waited.
  return { count: most + 1, seconds: Math.max(USUAL.seconds, CONNECT_SECONDS * most + 1) };
}

/** What shares its traffic with its successor counts as one. */
function countOf(onServer: readonly Pick<RoutedCopy, 'slot'>[]): number {
  const lanes = new Set(onServer.map(({ slot }) => laneOf(slot)));
  return lanes.size > 1 ? onServer.length : lanes.size;
}

/** renderTries returns the lines that say how often something is tried, for the module that passes it on. */
export function renderTries(module: 'proxy' | 'grpc', { count, seconds }: Tries = USUAL): string[] {
  return [`${module}_next_upstream_tries ${count};`, `${module}_next_upstream_timeout ${seconds}s;`];
}
