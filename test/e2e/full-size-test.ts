import { test } from '@jest/globals';
import { size } from './size.ts';

/**
 * A story that is told at full size only: its like is in the sample, and the simulation tells it each time. What only real
 * machines can show is a plain `test`.
 */
export const fullSizeTest = (size.isFull ? test : untold()) as typeof test;

/** It registers no test, so that none is skipped. */
function untold() {
  const nothing = () => undefined;
  return Object.assign(nothing, { each: () => nothing });
}
