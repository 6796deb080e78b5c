import type { EnvironmentSpec } from '../model/spec.ts';
import { normalisePrivateKey } from '../ssh/keys.ts';
import { localProvider } from './local.ts';
import type { Provider } from './server.ts';
import { staticProvider } from './static.ts';

/** What a run was given to reach servers with. */
export interface Credentials {
  /** As it came: normalised here. Whoever took it in keeps it out of the log. */
  sshPrivateKey?: string | undefined;
}

/**
 * providerOf returns what knows the servers of an environment. It throws a UserError when the credentials for them are
 * missing or are none.
 */
export function providerOf(
  { provider, servers }: Pick<EnvironmentSpec, 'provider' | 'servers'>,
  { sshPrivateKey = '' }: Credentials,
): Provider {
  switch (provider) {
    case 'local':
      return localProvider(servers);
    case 'static':
      return staticProvider(servers, normalisePrivateKey(sshPrivateKey));
  }
}
