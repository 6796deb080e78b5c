import type { Scope } from '../../src/model/names.ts';
import { preferredHostPort, preferredInternalPort } from '../../src/model/ports.ts';

/**
 * collidingNames returns `count` service names that all hash to one host port, the last of its range, and two by two
 * to one internal port. `count` is even.
 */
export function collidingNames(scope: Scope, count: number, containerPort: number): string[] {
  const lonely = new Map<number, string>();
  const names: string[] = [];
  for (let number = 1; names.length < count; number += 1) {
    const name = `s${number}`;
    if (preferredHostPort(scope, name, containerPort) !== 8999) continue;
    const internal = preferredInternalPort(scope, name);
    const twin = lonely.get(internal);
    if (twin === undefined) lonely.set(internal, name);
    else {
      names.push(twin, name);
      lonely.delete(internal);
    }
  }
  return names;
}
