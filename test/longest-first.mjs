import { relative } from 'node:path';
import TestSequencer from '@jest/test-sequencer';

/**
 * Files that take longest for their size, in the order in which they begin: what begins last is waited for by idle cores.
 * Those of e2e that borrow servers stand between those that do not, since only three can have some at a time.
 */
const LONGEST = [
  'test/simulation/stories/kill-matrix.test.ts',
  'test/simulation/stories/random-stories.test.ts',
  'test/simulation/stories/reloads-in-flight.test.ts',
  'test/unit/state/store.test.ts',
  'test/simulation/stories/left-out-alive.test.ts',
  // The first two make the same images where there are none, and have little time for it.
  'test/lab/difficult-app.test.ts',
  'test/lab/metrics.test.ts',
  'test/lab/contract.test.ts',
  'test/lab/queue.test.ts',
  'test/e2e/https.test.ts',
  'test/e2e/docs-demo.test.ts',
  'test/e2e/kill-matrix.test.ts',
  'test/e2e/long-streams.test.ts',
  'test/e2e/broken-nginx.test.ts',
  'test/e2e/neighbours.test.ts',
  'test/e2e/maintenance.test.ts',
  'test/e2e/rollback.test.ts',
  'test/e2e/toggle-under-load.test.ts',
  'test/e2e/dying-servers.test.ts',
  'test/e2e/compose-blocks.test.ts',
  'test/e2e/upgrade.test.ts',
  'test/e2e/orphans.test.ts',
  'test/e2e/docs.test.ts',
  'test/e2e/hooks.test.ts',
  'test/e2e/sick-servers.test.ts',
  'test/e2e/closed-ports.test.ts',
  'test/e2e/unreachable-servers.test.ts',
  'test/e2e/plan.test.ts',
  'test/e2e/adoption-https.test.ts',
];

/** The order of the files of a run: those above, and then by jest's own, which goes by size and by what it has seen. */
export default class LongestFirst extends TestSequencer {
  sort(tests) {
    const rank = ({ path, context }) => {
      const place = LONGEST.indexOf(relative(context.config.rootDir, path));
      return place < 0 ? LONGEST.length : place;
    };
    return super.sort(tests).toSorted((one, other) => rank(one) - rank(other));
  }
}
