import { X509Certificate } from 'node:crypto';
import * as z from 'zod';
import type { TimeLeft } from '../../model/certificate.ts';
import { UserError } from '../../model/errors.ts';
import { DEFAULTS } from '../defaults.ts';
import { parseDomain } from '../domain.ts';
import { entryName } from './configs.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { filledText, flag, wholeNumber } from './scalars.ts';

const secretName = entryName('secret');

const mode = z.enum(['self-signed', 'http-01', 'dns-01', 'files', 'off'], {
  error: 'must be self-signed, http-01, dns-01, files or off',
});

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Certificates in PEM, and nothing beside them: what is given back was read as such. */
export const certificates = parsed(filledText, (said) => {
  const blocks = said.match(BLOCK) ?? [];
  try {
    if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block).toString()).join('');
  } catch {
    // As below.
  }
  throw new UserError('is no certificate in PEM', {
    hint: 'Write what stands from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, as a block of YAML (client_ca: |).',
  });
});

const address = parsed(filledText, (said) => {
  const url = URL.canParse(said) ? new URL(said) : undefined;
  if (url?.protocol === 'https:' && url.username === '' && url.password === '') return url.href;
  throw new UserError(`${JSON.stringify(said)} is no address of an ACME directory`, {
    hint: 'Write it with https://, as the CA has it: directory: https://acme.example.com/directory.',
  });
});

const email = parsed(filledText, (said) => {
  if (/^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/.test(said)) return said;
  throw new UserError(`${JSON.stringify(said)} is no address of e-mail`);
});

const word = parsed(filledText, (said) => {
  if (/^[\w.-]{1,200}$/.test(said)) return said;
  throw new UserError(`${JSON.stringify(said)} cannot be the name of a profile`);
});

/** What is left of a certificate: days, or a part of its lifetime up to the third at which it is renewed. */
const timeLeft = parsed(filledText, (said): TimeLeft => {
  const [, share, days] = /^(?:(\d{1,2})%|(\d{1,3})d)$/.exec(said) ?? [];
  if (share !== undefined && Number(share) <= 33) return { share: Number(share) / 100 };
  if (days !== undefined) return { days: Number(days) };
  throw new UserError(`${JSON.stringify(said)} is neither days nor a part of a lifetime`, {
    hint: 'Write days, such as 14d, or a part of the lifetime of up to 33%, such as 25%.',
  });
});

/** What may be said for one domain as well as for all. */
const ofDomain = {
  mode: key(mode, {
    description:
      'How certificates are had: `http-01` and `dns-01` ask a CA over ACME (Let’s Encrypt unless `directory` names another), by a file that it fetches from the servers or by a record in DNS, which wildcards need; `files` are certificates that you have; `self-signed` are believed by nobody; with `off` there is HTTP alone.',
    fallback: {
      words:
        '`files` with `certificate`, `self-signed` with `provider: local`, `dns-01` with `cloudflare_token`, `http-01` with `email`, else `off`',
    },
    example: 'mode: http-01',
  }),
  certificate: key(secretName, {
    description:
      'For `files`: the secret that has the certificate and those that sign it, in PEM. It comes from the input `secrets`, or as `secrets` at the top says.',
    example: 'certificate: ORIGIN_CERTIFICATE',
  }),
  key: key(secretName, {
    description:
      'For `files`: the secret that has the key of the certificate, in PEM and without a passphrase.',
    example: 'key: ORIGIN_KEY',
  }),
  client_ca: key(certificates, {
    description:
      'Certificates in PEM of those who sign the certificates of clients: whoever comes without one of theirs gets no further.',
    example: 'client_ca: ${CLIENT_CA}',
  }),
};

/** HTTPS of the domains. */
export const tls = closed({
  ...ofDomain,
  email: key(email, {
    description: 'Where a CA may write to. With it certificates come from Let’s Encrypt by `http-01`.',
    example: 'email: ops@example.com',
  }),
  cloudflare_token: key(secretName, {
    description:
      'The secret that has a token of Cloudflare with the right to edit DNS of the zones. With it certificates come by `dns-01`, for wildcards too.',
    example: 'cloudflare_token: CLOUDFLARE_API_TOKEN',
  }),
  directory: key(address, {
    description: 'The directory of another CA that speaks ACME.',
    fallback: { words: 'that of Let’s Encrypt' },
    example: 'directory: https://acme.zerossl.com/v2/DV90',
  }),
  staging: key(flag, {
    description:
      'Whether to ask Let’s Encrypt’s CA for trying: its certificates are believed by nobody, and its limits are wide.',
    fallback: { value: DEFAULTS.tls.staging },
    example: 'staging: true',
  }),
  directory_ca: key(certificates, {
    description: 'Certificate in PEM by which the directory of a private CA is known.',
    example: 'directory_ca: ${ACME_CA}',
  }),
  eab: key(
    closed({
      key_id: requiredKey(word, { description: 'The id of the account.', example: 'key_id: kid-1' }),
      hmac_key: requiredKey(secretName, {
        description: 'The secret that has its key, as the CA gives it.',
        example: 'hmac_key: ACME_HMAC_KEY',
      }),
    }),
    { description: 'The account that one has with a CA already, where it asks for one.' },
  ),
  profile: key(word, {
    description: 'A profile of the CA, for certificates that live shorter, say.',
    example: 'profile: shortlived',
  }),
  policy: key(z.enum(['modern', 'intermediate'], { error: 'must be modern or intermediate' }), {
    description:
      'What clients need, by the lists of Mozilla: `intermediate` is TLS 1.2 and 1.3, `modern` is TLS 1.3 alone.',
    fallback: { value: DEFAULTS.tls.policy },
    example: 'policy: modern',
  }),
  redirect: key(flag, {
    description: 'Whether requests over HTTP are sent to HTTPS (308), once the domain has its certificate.',
    fallback: { value: DEFAULTS.tls.redirect },
    example: 'redirect: false',
  }),
  http3: key(flag, {
    description:
      'Whether the domains are served over HTTP/3 as well (QUIC, UDP port 443 of the servers), which browsers learn from a header (`Alt-Svc`). Off by itself: a toggle ends no connection, but whenever the edge reads another configuration nginx ends those of QUIC within a second, with what is on its way, and clients have to come again; and the port has to be open for UDP.',
    fallback: { value: DEFAULTS.tls.http3 },
    example: 'http3: true',
  }),
  hsts: key(
    z.union([flag, wholeNumber('false, or a number of seconds', 0, 63_072_000)], {
      error: 'must be false, or a number of seconds',
    }),
    {
      description:
        'For how many seconds browsers come over HTTPS only after they have done so once (`Strict-Transport-Security`); `false` does not say so. An app that says it by itself has the last word, and nothing is said with certificates that nobody believes.',
      fallback: { value: DEFAULTS.tls.hsts },
      example: 'hsts: false',
    },
  ),
  warn_below: key(timeLeft, {
    description:
      'When `status` and `plan` warn that a certificate ends: a part of its lifetime, or days. Days count for a third of the lifetime at most, when certificates of a CA are renewed.',
    fallback: { words: '`25%`, and 30 days at most' },
    example: 'warn_below: 14d',
  }),
  fail_below: key(timeLeft, {
    description:
      'When `status` fails because a certificate ends, and `plan` where a deploy would bring no new one, written like `warn_below`. One that has expired is always a failure.',
    fallback: { words: '`10%`, and 7 days at most' },
    example: 'fail_below: 3d',
  }),
  domains: key(z.record(parsed(z.string(), parseDomain), closed(ofDomain)), {
    description: 'Domains for which something else holds; each has what is said here for itself alone.',
    example: 'domains:\n  admin.example.com: { mode: files, certificate: ADMIN_CERTIFICATE, key: ADMIN_KEY }',
  }),
}).meta({ id: 'tls' });

/** HTTPS as the file has it. */
export type TlsInput = z.infer<typeof tls>;
