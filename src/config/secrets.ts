import { failTogether, type UserError } from '../model/errors.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import { inOrder, type Locate, originsOf, problemError } from './load.ts';
import { didYouMean } from './nearest.ts';
import type { RepositorySecrets } from './resolve.ts';

/** Toggled off by a called workflow that does not inherit them. */
const PASSING =
  'All are passed by "secrets: ${{ toJSON(secrets) }}" at the action, and by "secrets: inherit" to a called workflow.';

/**
 * requireSecrets returns the secrets of every service by name: those of the input, and what comes from the repository and
 * counts as secret. It throws a UserError, or UserErrors, for
 * all that are missing or blank: a service that starts without its password fails later and less clearly.
 */
export function requireSecrets(
  spec: EnvironmentSpec,
  secrets: Readonly<Record<string, string>>,
  locate: Locate,
  fromRepository: RepositorySecrets = {},
): Record<string, Record<string, string>> {
  const errors: UserError[] = [];
  const required = spec.services.map(({ name: service, container }) => {
    const own = fromRepository[service] ?? {};
    const names = container.secrets.filter((secret) => !Object.hasOwn(own, secret));
    const values = names.map((secret, index) => {
      const value = Object.hasOwn(secrets, secret) ? secrets[secret] : undefined;
      if (value === undefined || value.trim() === '') {
        const path = ['services', service, 'secrets', index];
        const isPassed = Object.keys(secrets).length > 0;
        const problem =
          value !== undefined
            ? 'is blank'
            : isPassed
              ? `is not set${didYouMean(secret, Object.keys(secrets))}`
              : 'was not passed: the input secrets is empty';
        errors.push(
          problemError(
            {
              path: path.slice(0, 2),
              message: `secret ${secret} ${problem}`,
              hint: isPassed
                ? `Set it on GitHub ("gh secret set ${secret}"); one of an environment needs "environment:" at the job. ${PASSING}`
                : PASSING,
            },
            locate(...originsOf(spec.environment, path)),
          ),
        );
      }
      return [secret, value ?? ''] as const;
    });
    return [service, { ...own, ...Object.fromEntries(values) }] as const;
  });
  failTogether(inOrder(errors));
  return Object.fromEntries(required);
}
