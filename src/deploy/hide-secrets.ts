import { hiddenValues } from '../model/hidden-values.ts';
import type { Facts } from './planning/build-input.ts';
import type { ChangeRequest } from './request.ts';

/**
 * hideSecrets keeps out of the log what a run has learned of secrets since it has asked the servers: generated ones, and what is
 * made from them and from the ports of services.
 */
export function hideSecrets(
  { hide }: Pick<ChangeRequest, 'hide'>,
  { wanted, secrets, generated }: Pick<Facts, 'wanted' | 'secrets' | 'generated'>,
): void {
  for (const { value } of generated?.secrets.values() ?? []) hide(value);
  for (const { name, container } of wanted.services) {
    for (const value of hiddenValues(secrets[name] ?? {}, container)) hide(value);
  }
}
