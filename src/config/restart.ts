import { UserError } from '../model/errors.ts';
import type { ContainerSpec } from '../model/spec.ts';

/** parseRestart reads Compose's `restart`: `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:n`. */
export function parseRestart(text: string): ContainerSpec['restart'] {
  const [, name, retries] =
    /^(no|always|unless-stopped|on-failure)(?:(?<=on-failure):(\d{1,6}))?$/.exec(text) ?? [];
  if (name === undefined) {
    throw new UserError(`${JSON.stringify(text)} is no restart policy`, {
      hint: 'Use "no", always, unless-stopped, on-failure or on-failure:3.',
    });
  }
  return {
    name: name as ContainerSpec['restart']['name'],
    ...(retries === undefined ? {} : { maximumRetryCount: Number(retries) }),
  };
}
