import { type Plan, stepsOf } from '../planning/plan.ts';
import type { Finding } from './findings.ts';
import { judgeForbiddenPulls } from './judge-images.ts';
import { judgeDisk } from './judge-server.ts';
import type { Vitals } from './vitals.ts';

/**
 * certainFailures returns the findings that are certain to make a plan fail, of those that cost a deploy no time: they
 * need nothing but vitals. A server that has not said how it does is left in peace. Pure.
 */
export function certainFailures(vitals: readonly (Vitals | undefined)[], plan: Plan): Finding[] {
  const servers = new Set(stepsOf(plan, 'pull').map(({ server }) => server));
  return [
    ...vitals.flatMap((one) => (one === undefined ? [] : [judgeDisk(one, plan)])),
    ...[...servers].flatMap((server) => judgeForbiddenPulls(plan, server)),
  ].filter(({ level }) => level === 'error');
}
