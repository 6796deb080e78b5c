import { asksOverHttp, HTTP_KEYS } from './resolve-healthcheck.ts';
import type { ServiceInput } from './schema/service.ts';
import { isMap } from './secret-text.ts';

/**
 * mergeService lays a service of an environment over the one under `services`: maps are merged key by key,
 * lists and single values replaced. Three things go beyond that, since the parts of both would not make
 * sense together: a health check by `path` replaces one by `test` and the reverse, either replaces
 * `disable`, and another log driver takes none of the options of the first.
 */
export function mergeService(base: ServiceInput | undefined, over: ServiceInput | undefined): ServiceInput {
  const merged = mergeMaps(base ?? {}, over ?? {}) as ServiceInput;
  const { healthcheck, logging } = over ?? {};
  if (merged.healthcheck && healthcheck) {
    const isHttp = asksOverHttp(healthcheck);
    if (isHttp && healthcheck.test === undefined) delete merged.healthcheck.test;
    if (healthcheck.test !== undefined && !isHttp)
      for (const name of HTTP_KEYS) delete merged.healthcheck[name];
    const namesACheck = isHttp || healthcheck.test !== undefined;
    if (namesACheck && healthcheck.disable === undefined) delete merged.healthcheck.disable;
  }
  if (merged.logging && logging?.driver !== undefined && logging.driver !== base?.logging?.driver) {
    merged.logging = logging;
  }
  return merged;
}

type PlainMap = Record<string, unknown>;

function mergeMaps(base: PlainMap, over: PlainMap): PlainMap {
  const merged: PlainMap = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const before = Object.hasOwn(base, name) ? base[name] : undefined;
    merged[name] = isMap(before) && isMap(value) ? mergeMaps(before, value) : value;
  }
  return merged;
}
