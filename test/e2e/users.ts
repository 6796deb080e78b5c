import type { LabServer } from '../lab/lab.ts';
import { type HttpTraffic, type HttpTrafficOptions, startHttpTraffic } from '../lab/traffic/http.ts';
import { size } from './size.ts';

/**
 * startUsers lets some users ask for a domain at the edges of some servers, until they are stopped. `more` changes
 * what they do.
 */
export function startUsers(
  servers: readonly LabServer[],
  domain: string,
  more: Partial<HttpTrafficOptions> = {},
): HttpTraffic {
  const targets = servers.map(({ host }) => ({ host, port: 80 }));
  return startHttpTraffic({ targets, hostHeader: domain, ...size.users, ...more });
}
