import { hiddenValues } from '../model/hidden-values.ts';
import type { Facts } from './planning/build-input.ts';
import type { ChangeRequest } from './request.ts';

/** hideGenerated keeps generated secrets, and what is made from them, out of the log. */
export function hideGenerated(
  { hide }: Pick<ChangeRequest, 'hide'>,
  { wanted, secrets, generated }: Pick<Facts, 'wanted' | 'secrets' | 'generated'>,
): void {
  if (generated === undefined || generated.secrets.size === 0) return;
  for (const { value } of generated.secrets.values()) hide(value);
  for (const { name, container } of wanted.services) {
    for (const value of hiddenValues(secrets[name] ?? {}, container)) hide(value);
  }
}
