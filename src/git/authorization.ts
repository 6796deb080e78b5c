import type { Setting } from './configuration.ts';
import type { Remote } from './remote.ts';

/**
 * authorizationSettings returns the settings by which git is known to a remote. Headers and helpers that stand in the
 * configuration (actions/checkout leaves one) are taken back by an empty value first: two Authorization headers are an
 * error 400. The whole address is the key, because git takes the most specific match. Pure.
 */
export function authorizationSettings(remote: Pick<Remote, 'url' | 'user' | 'authorization'>): Setting[] {
  if (remote.authorization === undefined) {
    return remote.user === undefined
      ? []
      : [{ key: `credential.${remote.url}.username`, value: remote.user }];
  }
  const header = `http.${remote.url}.extraHeader`;
  return [
    { key: header, value: '' },
    { key: header, value: `Authorization: ${remote.authorization}` },
    { key: 'credential.helper', value: '' },
  ];
}

/** secretsOf returns what of an Authorization header must not be seen. Pure. */
export function secretsOf(authorization: string): string[] {
  const encoded = authorization.slice('basic '.length);
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  return [encoded, decoded.slice(decoded.indexOf(':') + 1)].filter((secret) => secret !== '');
}
