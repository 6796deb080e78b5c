import type { WantedService } from '../planning/wanted.ts';
import type { Finding } from './findings.ts';

/** judgeRights names the services that may do all that root of their servers may. */
export function judgeRights(services: readonly WantedService[]): Finding[] {
  return services
    .filter(({ spec }) => spec.container.options?.privileged)
    .map(({ name }) => ({
      server: '',
      check: 'rights',
      level: 'warning',
      message: `${name} is privileged: whoever breaks into it has the server, and all that runs there`,
      hint: 'Where it needs less, write that instead: cap_add, devices.',
    }));
}
