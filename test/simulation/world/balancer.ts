import type { Container } from './container.ts';
import type { Machine, Target } from './machine.ts';
import { isAddress, type Upstream, type UpstreamServer } from './nginx-config.ts';

/** How often names are asked for again: `resolver … valid=1s`. */
const RESOLVE_MS = 1_000;

/** `proxy_connect_timeout`: how long one waits for a server that is off. */
const CONNECT_MS = 2_000;

const REFUSED = 502;
const WAITED_IN_VAIN = 504;

/** One address of an upstream. */
interface Peer {
  /** `address:port`. */
  text: string;
  address: string;
  server: UpstreamServer;
}

/** Where a request went. */
export interface Passed {
  /** All that were tried, in their order; the name of the upstream where there was nobody to try. */
  tried: string[];
  /** Who took it; undefined when nobody did. */
  target: Target | undefined;
  /** What nginx answers by itself where nobody did: 502 when it was refused, 504 when it has waited in vain. */
  status: number;
  /** One that was tried stands on a server that is off. */
  metDeadServer: boolean;
}

/** Balancer is what the workers of one configuration know of their upstreams: addresses, turns and failures. */
export class Balancer {
  readonly #machine: Machine;
  readonly #container: Container;
  readonly #since: number;
  /** When its workers were told to go: from then on they ask for no names. */
  frozenAt = Number.POSITIVE_INFINITY;
  readonly #turns = new Map<string, number>();
  readonly #failures = new Map<string, number[]>();

  constructor(machine: Machine, container: Container, since: number) {
    this.#machine = machine;
    this.#container = container;
    this.#since = since;
  }

  /** primaries returns how many addresses an upstream has that are no backups. */
  primaries(upstream: Upstream, now: number): number {
    return this.#peers(upstream, now).filter(({ server }) => !server.isBackup).length;
  }

  /** pass passes a request on as nginx does: to the primaries in turn, then to the backups. */
  pass(upstream: Upstream, now: number): Passed {
    const left = this.#peers(upstream, now);
    const passed: Passed = { tried: [], target: undefined, status: REFUSED, metDeadServer: false };
    const isAlone = left.length === 1;
    let waitedMs = 0;
    const triesLeft = () => {
      if (upstream.triesMs > 0 && waitedMs >= upstream.triesMs) return 0;
      return Math.min(
        left.length,
        (upstream.tries || left.length + passed.tried.length) - passed.tried.length,
      );
    };
    while (triesLeft() > 0) {
      const peer = this.#next(upstream, left, isAlone, now);
      if (peer === undefined) break;
      left.splice(left.indexOf(peer), 1);
      passed.tried.push(peer.text);
      const target = this.#machine.reach(this.#container, peer.address, peer.server.port);
      if (typeof target === 'object') {
        this.#failures.delete(peer.text);
        passed.target = target;
        return passed;
      }
      passed.metDeadServer ||= target === 'off';
      if (target !== 'refused') waitedMs += CONNECT_MS;
      passed.status = target === 'refused' ? REFUSED : WAITED_IN_VAIN;
      this.#failures.set(peer.text, [...(this.#failures.get(peer.text) ?? []), now]);
      // Who waited for an answer while names got another meaning finds nobody else, and nginx names the group.
      if (target !== 'refused' && triesLeft() > 0 && this.#willChange(upstream, now)) {
        passed.tried.push(upstream.name);
        passed.status = REFUSED;
        return passed;
      }
    }
    // One that is not even tried may be known to be off.
    passed.metDeadServer ||= left.some(
      ({ address, server }) => this.#machine.reach(this.#container, address, server.port) === 'off',
    );
    if (passed.tried.length === 0) passed.tried.push(upstream.name);
    return passed;
  }

  /** Tells whether names mean something else when they are asked for the next time. */
  #willChange(upstream: Upstream, now: number): boolean {
    const textsAt = (at: number) => this.#peers(upstream, at).map(({ text }) => text);
    return textsAt(now).join(' ') !== textsAt(now + RESOLVE_MS).join(' ');
  }

  #next(upstream: Upstream, left: readonly Peer[], isAlone: boolean, now: number): Peer | undefined {
    const living = isAlone ? left : left.filter((peer) => this.#isTrusted(peer, now));
    const primaries = living.filter(({ server }) => !server.isBackup);
    return this.#inTurn(upstream, primaries.length > 0 ? primaries : living);
  }

  /** The smooth weighted turns of nginx: who has waited longest for its weight. */
  #inTurn({ name }: Upstream, peers: readonly Peer[]): Peer | undefined {
    if (peers.length < 2) return peers[0];
    const total = peers.reduce((sum, { server }) => sum + server.weight, 0);
    let best: Peer | undefined;
    let bestTurn = Number.NEGATIVE_INFINITY;
    for (const peer of peers) {
      const key = `${name} ${peer.text}`;
      const turn = (this.#turns.get(key) ?? 0) + peer.server.weight;
      this.#turns.set(key, turn);
      if (turn <= bestTurn) continue;
      best = peer;
      bestTurn = turn;
    }
    this.#turns.set(`${name} ${best!.text}`, bestTurn - total);
    return best;
  }

  #isTrusted({ text, server }: Peer, now: number): boolean {
    if (server.maxFails === 0) return true;
    const failures = this.#failures.get(text) ?? [];
    return failures.filter((at) => now - at < server.failTimeoutMs).length < server.maxFails;
  }

  #peers({ servers }: Upstream, now: number): Peer[] {
    return servers
      .filter(({ isDown }) => !isDown)
      .flatMap((server) =>
        this.#addressesOf(server, now).map((address) => ({
          text: `${address}:${server.port}`,
          address,
          server,
        })),
      );
  }

  #addressesOf({ host, isResolved, isAskedEachTime }: UpstreamServer, now: number): readonly string[] {
    if (isAddress(host)) return [host];
    if (isAskedEachTime) return this.#machine.resolve(this.#container, host, now);
    const at = Math.min(now, this.frozenAt);
    const passedMs = isResolved ? at - this.#since : 0;
    return this.#machine.resolve(this.#container, host, this.#since + passedMs - (passedMs % RESOLVE_MS));
  }
}
