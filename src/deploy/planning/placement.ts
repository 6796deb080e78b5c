import { specHash } from '../../model/spec.ts';

/**
 * place chooses `count` of the candidate servers for a service. Servers it stands on already are kept, then those
 * on which it is `awaited` are taken; the others are ranked by rendezvous hashing (Thaler and Ravishankar 1998), so
 * that a server that comes or goes moves nothing else. The result keeps the candidates' order.
 */
export function place(
  service: string,
  count: number,
  candidates: readonly string[],
  current: readonly string[],
  awaited: readonly string[] = [],
): string[] {
  const tier = (host: string) => (current.includes(host) ? 0 : awaited.includes(host) ? 1 : 2);
  const rank = (host: string) => `${tier(host)}${specHash([service, host])}`;
  const ranked = [...candidates].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const chosen = new Set(ranked.slice(0, count));
  return candidates.filter((host) => chosen.has(host));
}
