import { UserError } from '../model/errors.ts';
import { isDnsName } from './address.ts';

/** Path, query and fragment as they stand in a URL (RFC 3986 §3.3), without what means something in nginx's configuration. */
const PATH = /^(?:\/(?:[A-Za-z0-9._~!*+,:@=&-]|%[0-9A-Fa-f]{2})*)*$/;
const REST = /^(?:[A-Za-z0-9._~!*+,:@=&?/-]|%[0-9A-Fa-f]{2})*$/;
const TARGET = /^(?:(https?):\/\/([^/?#:]+)(?::(\d{1,5}))?)?([^?#]*)(\?[^#]*)?(#.*)?$/i;
const TARGET_MAX = 2_000;

/** A target as a redirect has it. */
export interface RedirectTarget {
  to: string;
  /** It ends in a query or a fragment: nothing can be put behind it. */
  isWhole: boolean;
}

/**
 * parseRedirectTarget returns where a redirect leads: a URL of http or https, or a path of the domain that was asked for. It
 * becomes part of nginx's configuration and of a header: `$`, quotes, blanks and the like are refused, and have to be
 * encoded (`%24`).
 */
export function parseRedirectTarget(target: string): RedirectTarget {
  const [, scheme, host = '', port, path = '', query = '', fragment = ''] = TARGET.exec(target) ?? [];
  const isHost = scheme === undefined ? path.startsWith('/') : isDnsName(host.toLowerCase());
  const isPort = port === undefined || (Number(port) > 0 && Number(port) <= 65_535);
  const isRight =
    isHost &&
    isPort &&
    PATH.test(path) &&
    !path.startsWith('//') &&
    !path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment)) &&
    REST.test(query) &&
    REST.test(fragment.slice(1)) &&
    target.length <= TARGET_MAX;
  if (!isRight) {
    throw new UserError(`${JSON.stringify(target)} is nowhere that a redirect can lead`, {
      hint: 'Write a URL, https://example.com/new, or a path of the same domain, /new. What is no letter, digit or one of -._~!*+,:@=& has to be encoded: %24 for $.',
    });
  }
  const origin = scheme === undefined ? '' : `${scheme}://${host}`.toLowerCase();
  const at = port === undefined ? '' : `:${port}`;
  return { to: `${origin}${at}${path}${query}${fragment}`, isWhole: query !== '' || fragment !== '' };
}
