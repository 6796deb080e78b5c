import { DEFAULTS } from '../defaults.ts';
import { parseImage } from '../image.ts';
import { NAMED_RANGES, parseTrustedProxies } from '../trusted-proxies.ts';
import { adopt } from './adopt.ts';
import { closed, key, parsed } from './key.ts';
import { filledText, flag, oneOrMany, positiveDuration, wholeNumber } from './scalars.ts';

/*
 * What stands at the top of the file for all environments, and at an environment for that one.
 */

/** Settings of nginx, for the sidecar and the edge both. */
export const sidecar = closed({
  image: key(parsed(filledText, parseImage), {
    description:
      'Image of nginx, 1.28 or newer, for the sidecar and the edge. Another one upgrades the edge without a gap; of several that environments of a server name, the newest by its tag counts. A sidecar keeps the one that it was made with.',
    fallback: { value: DEFAULTS.sidecar.image },
    example: 'image: "nginx:1.30-alpine"',
  }),
  keepalive_min_timeout: key(positiveDuration, {
    description:
      'How long an idle connection of a client is kept at least when nginx reloads: longer than the gaps between the requests of a client, so that none meets a closing connection. An edge has the longest time of all environments on its server.',
    fallback: { value: DEFAULTS.sidecar.keepalive_min_timeout },
    example: 'keepalive_min_timeout: 10s',
  }),
  loopback: key(flag, {
    description:
      'Serves the internal ports of all services at 127.0.0.1 of each server, and nowhere else, for what runs there beside Docker: `psql`, a job of cron. It is an nginx of its own, the worker `loopback`, so no connection of an app depends on it.',
    fallback: { value: false },
    example: 'loopback: true',
  }),
  adopt: key(adopt, {
    description:
      'Container that holds port 80 of the servers so far, an nginx made by hand for example: it goes without a gap when the edge serves its domains. With `tls` it may serve HTTPS on port 443, and its certificates come along. `drop` names those of its domains, and ports beside 80, that nobody shall serve any more; `_` stands for all domains that it does not name. It may stay in the file afterwards.',
    short: 'adopt: front',
    long: 'adopt: { container: front, drop: [old.example.com] }',
  }),
}).meta({ id: 'sidecar' });

/** Settings of the edge. */
export const edge = closed({
  trusted_proxies: key(
    parsed(
      oneOrMany(filledText, 'an address, a range such as 10.0.0.0/8, or a known set'),
      parseTrustedProxies,
    ),
    {
      description: `Proxies and balancers in front of the servers, which are believed what they tell of a request: addresses, ranges, or a set by its name (${Object.keys(NAMED_RANGES).join(', ')}). From all others \`X-Forwarded-*\` and \`Forwarded\` are replaced or left out.`,
      fallback: { words: 'nobody is believed' },
      example: 'trusted_proxies: [10.0.0.0/8, cloudflare]',
    },
  ),
  proxy_protocol: key(flag, {
    description:
      'Whether the balancer in front of the servers begins every connection to ports 80 and 443 with a header of the PROXY protocol, version 1 or 2, and the client is the one that it tells. Needs `trusted_proxies`: from others the header is read and not believed. What speaks it passes on what clients send, so `X-Forwarded-*` and `Forwarded` are believed from nobody then. Whoever connects without it is refused. Where several environments share a server it holds when all of them say so. Ports of `publish` are not meant.',
    fallback: { value: false },
    example: 'proxy_protocol: true',
  }),
  access_log: key(flag, {
    description:
      'Whether the edge writes a line of JSON for each request to the output of its container, which keeps the last 30 MB: host, method, path without query, status, bytes, times, upstream, request id. Environments that share a server each say it for their own domains.',
    fallback: { value: DEFAULTS.edge.access_log },
    example: 'access_log: false',
  }),
}).meta({ id: 'edge' });

/** How many releases of a service are kept. */
export const retainReleases = wholeNumber('a whole number from 2', 2);
