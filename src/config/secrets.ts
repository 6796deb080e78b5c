import { failTogether, type UserError } from '../model/errors.ts';
import type { EnvironmentSpec } from '../model/spec.ts';
import { inOrder, type Locate, originsOf, problemError } from './load.ts';
import { didYouMean } from './nearest.ts';

/**
 * requireSecrets returns the secrets of every service by name. It throws a UserError, or UserErrors, for
 * all that are missing or blank: a service that starts without its password fails later and less clearly.
 */
export function requireSecrets(
  spec: EnvironmentSpec,
  secrets: Readonly<Record<string, string>>,
  locate: Locate,
): Record<string, Record<string, string>> {
  const errors: UserError[] = [];
  const required = spec.services.map(({ name: service, container }) => {
    const values = container.secrets.map((secret, index) => {
      const value = Object.hasOwn(secrets, secret) ? secrets[secret] : undefined;
      if (value === undefined || value.trim() === '') {
        const path = ['services', service, 'secrets', index];
        const problem =
          value === undefined ? `is missing${didYouMean(secret, Object.keys(secrets))}` : 'is blank';
        errors.push(
          problemError(
            {
              path: path.slice(0, 2),
              message: `secret ${secret} ${problem}`,
              hint: `Add it to the repository or the environment on GitHub, and pass all to the action: secrets: \${{ toJSON(secrets) }}`,
            },
            locate(...originsOf(spec.environment, path)),
          ),
        );
      }
      return [secret, value ?? ''] as const;
    });
    return [service, Object.fromEntries(values)] as const;
  });
  failTogether(inOrder(errors));
  return Object.fromEntries(required);
}
