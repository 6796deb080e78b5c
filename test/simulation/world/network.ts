import { EngineError } from '../../../src/docker/http.ts';
import type { Container } from './container.ts';

/** A container's place in a network. */
export interface Endpoint {
  network: string;
  /** Names by which the others find it there, beside its own. */
  aliases: readonly string[];
  /** Names that it alone knows, and the containers that they mean. */
  links: ReadonlyMap<string, string>;
  /** Empty while its container does not run. */
  address: string;
  /** When it got its address. */
  since: number;
}

/** What a name meant from some time on. */
interface Meaning {
  since: number;
  addresses: readonly string[];
}

/** Network is a Docker network of one server: addresses, and names that mean them. */
export class Network {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly gateway: string;
  readonly #prefix: string;
  /** Who has which address. */
  readonly #members = new Map<string, Container>();
  readonly #meanings = new Map<string, Meaning[]>();

  /** `index` tells the networks of a server apart: their addresses are `10.200.<index>.…`. */
  constructor(facts: {
    id: string;
    name: string;
    createdAt: number;
    labels: Record<string, string>;
    index: number;
  }) {
    this.id = facts.id;
    this.name = facts.name;
    this.createdAt = facts.createdAt;
    this.labels = facts.labels;
    this.#prefix = `10.200.${facts.index}`;
    this.gateway = `${this.#prefix}.1`;
  }

  get subnet(): string {
    return `${this.#prefix}.0/24`;
  }

  /** The containers that run in it, by address. */
  get members(): ReadonlyMap<string, Container> {
    return this.#members;
  }

  /** enter gives a container an address: the lowest that is free, which may have been another one's a moment ago. */
  enter(container: Container, endpoint: Endpoint, now: number): void {
    endpoint.address = this.#freeAddress();
    endpoint.since = now;
    this.#members.set(endpoint.address, container);
    this.#note(container, endpoint, now);
  }

  /** leave takes a container's address back. */
  leave(container: Container, endpoint: Endpoint, now: number): void {
    if (endpoint.address === '') return;
    if (container.keeps?.address !== endpoint.address) this.#members.delete(endpoint.address);
    endpoint.address = '';
    this.#note(container, endpoint, now);
  }

  /** free takes back an address that a container has kept beyond its leaving. */
  free(address: string): void {
    this.#members.delete(address);
  }

  /** rename notes that a container that runs here is called otherwise; `change` gives it its new name. */
  rename(container: Container, endpoint: Endpoint, now: number, change: () => void): void {
    const before = namesOf(container, endpoint);
    change();
    for (const name of [...before, ...namesOf(container, endpoint)]) this.#noteName(name, now);
  }

  /** resolve returns the addresses that a name meant at a time. */
  resolve(name: string, at: number): readonly string[] {
    return this.#meanings.get(name)?.findLast(({ since }) => since <= at)?.addresses ?? [];
  }

  #freeAddress(): string {
    for (let number = 2; number < 255; number++) {
      const address = `${this.#prefix}.${number}`;
      if (!this.#members.has(address)) return address;
    }
    throw new EngineError(500, `no available IPv4 addresses on this network's address pools: ${this.name}`);
  }

  #note(container: Container, endpoint: Endpoint, now: number): void {
    for (const name of namesOf(container, endpoint)) this.#noteName(name, now);
  }

  #noteName(name: string, now: number): void {
    const addresses: string[] = [];
    for (const [address, member] of this.#members) {
      const endpoint = member.endpoints.get(this.name);
      if (endpoint !== undefined && endpoint.address !== '' && namesOf(member, endpoint).includes(name))
        addresses.push(address);
    }
    const meanings = this.#meanings.get(name) ?? [];
    meanings.push({ since: now, addresses });
    this.#meanings.set(name, meanings);
  }
}

function namesOf(container: Container, { aliases }: Endpoint): readonly string[] {
  return [container.name, container.id.slice(0, 12), ...aliases];
}
