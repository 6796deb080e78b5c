import { createPrivateKey, X509Certificate } from 'node:crypto';
import { failTogether, UserError } from '../model/errors.ts';
import type { DomainTls, TlsSpec } from '../model/spec.ts';
import type { ResolvedEnvironment } from './resolve.ts';
import { requireSecret, type SecretSources } from './secrets.ts';

/**
 * requireTlsSecrets returns the values of the secrets that HTTPS needs, by their names. It throws a UserError, or
 * UserErrors, for all that are missing, and for certificates that do not fit their keys.
 */
export function requireTlsSecrets(
  { wanted, definitions }: Pick<ResolvedEnvironment, 'wanted' | 'definitions'>,
  sources: SecretSources,
): Record<string, string> {
  const { tls } = wanted.nginx;
  if (tls === undefined) return {};
  const errors: UserError[] = [];
  const noting = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      errors.push(error);
      return undefined;
    }
  };
  const values = Object.fromEntries(
    secretsOf(tls).map((name) => [name, noting(() => requireSecret(name, sources, definitions)) ?? '']),
  );
  if (errors.length === 0)
    for (const { files } of settingsOf(tls)) noting(() => files && checkPair(files, values));
  failTogether(errors);
  return values;
}

function settingsOf(tls: TlsSpec): DomainTls[] {
  return [tls, ...Object.values(tls.domains)];
}

/** What no domain asks for is not asked of anybody. */
function secretsOf(tls: TlsSpec): string[] {
  const all = settingsOf(tls);
  const { eab, cloudflareToken } = tls.acme;
  const asksCa = all.some(({ mode }) => mode === 'http-01' || mode === 'dns-01');
  return [
    ...new Set([
      ...all.flatMap(({ files }) => (files === undefined ? [] : [files.certificate, files.key])),
      ...(eab && asksCa ? [eab.hmacKey] : []),
      ...(cloudflareToken && all.some(({ mode }) => mode === 'dns-01') ? [cloudflareToken] : []),
    ]),
  ];
}

function checkPair(
  { certificate, key }: NonNullable<DomainTls['files']>,
  values: Readonly<Record<string, string>>,
): void {
  const read = <T>(name: string, what: string, work: (text: string) => T): T => {
    try {
      return work(values[name] ?? '');
    } catch {
      throw new UserError(`secret ${name} is no ${what} in PEM`, {
        hint: 'It begins with -----BEGIN. A key must have no passphrase.',
      });
    }
  };
  const found = read(certificate, 'certificate', (text) => new X509Certificate(text));
  const own = read(key, 'key', (text) => createPrivateKey(text));
  if (found.checkPrivateKey(own)) return;
  throw new UserError(`the key in ${key} is not that of the certificate in ${certificate}`, {
    hint: 'The certificate comes first in its file, and those that sign it after it.',
  });
}
