import { type Clock, inTime, poll } from '../model/clock.ts';
import { UserError } from '../model/errors.ts';
import { type Scope, scopeName } from '../model/names.ts';
import { isOverHttp } from '../model/spec.ts';
import { CONTROL_PORT, directProvePath, PROVE_PORT_OFFSET, provePaths } from './control.ts';
import type { NginxInstance } from './instance.ts';
import { hostOf, portKey, questionOf, type RoutePort } from './routes.ts';

/** A backend's name may take a second to resolve, and a machine may be slow. */
const PROOF_TIMEOUT_MS = 10_000;
const POLL_MS = 20;
/** So long a connection stays open for nginx to have connected its other end. */
const TOUCH_MS = 50;

/** What a switch has to be proven of on one nginx. */
export interface Proof {
  service: string;
  port: RoutePort;
  /** `address:port` of the copies on this server, all of which shall answer; empty when none stands here. */
  own: string[];
  /** The same of all servers of the zone. */
  all: string[];
  /** For http: the copy on this server is asked by its name, to which requests go directly for now, and no upstream. */
  isDirect?: true;
  /** At the edge: it is asked at a port of the servers that it passes on to the sidecar. */
  isPublished?: true;
}

/**
 * prove sends requests through the very upstreams of a port until the copies that shall have the traffic have answered
 * through each (docs/architecture.md, "The switch"): all on this server where there are any, else one of the zone. A new generation
 * alone proves nothing: with a name that does not resolve, the old side serves as backup. It throws a UserError that
 * says who answered instead.
 */
export async function prove(
  instance: NginxInstance,
  scope: Scope,
  generation: string,
  proof: Proof,
  clock: Clock,
): Promise<void> {
  const expected = proof.own.length > 0 ? proof.own : proof.all;
  const ask = proof.isPublished ? askPublished : isOverHttp(proof.port.protocol) ? askHttp : askStream;
  let answered = 'nobody';
  const seen = new Map<number, Set<string>>();
  const isProven = (index: number) => {
    const found = seen.get(index) ?? new Set();
    return found.size > 0 && proof.own.every((address) => found.has(address));
  };
  const areProven = await poll(clock, { everyMs: POLL_MS, timeoutMs: PROOF_TIMEOUT_MS }, async () => {
    const upstreams = await ask(instance, scope, generation, proof, clock).catch((error: Error) => {
      answered = error.message;
      return [];
    });
    for (const [index, answers] of upstreams.entries()) {
      const right = answers.filter((answer) => expected.includes(answer));
      seen.set(index, new Set([...(seen.get(index) ?? []), ...right]));
      if (right.length === 0 || !isProven(index)) answered = answers.at(-1) ?? answered;
    }
    return (upstreams.length > 0 && upstreams.every((_answers, index) => isProven(index))) || undefined;
  });
  if (areProven) return;
  throw new UserError(
    `${instance.title}: the switch of ${nameOf(proof)} is not proven: ${expected.join(proof.own.length > 0 ? ' and ' : ' or ')} should answer, but ${answered} did`,
    { hint: 'The old side keeps running and nothing of it was touched.' },
  );
}

/** `rabbitmq`, and for a further port `rabbitmq (port console)`. */
function nameOf({ service, port: { name } }: Proof): string {
  return name === undefined ? service : `${service} (port ${name})`;
}

/** lastUpstream returns the address that gave the answer: nginx lists all it tried, by commas. */
function lastUpstream(tried: string): string {
  return tried.split(',').at(-1)?.trim() ?? '';
}

/** reaches tells whether an nginx has an answer from a backend for an http port through each upstream, whichever it is. */
export async function reaches({ server, address }: NginxInstance, scope: string, key: string) {
  const asked = provePaths(scope, key).map((path) =>
    server.http.get({ address, port: CONTROL_PORT, path }, 5_000),
  );
  return (await Promise.all(asked)).every(({ headers }) => isAnswered(headers));
}

function isAnswered(headers: Readonly<Record<string, unknown>>): boolean {
  return lastUpstream(String(headers['x-switchyard-answered'] ?? '-')) !== '-';
}

/** Returns who answered through each upstream, or by the name of the copy. */
function askHttp(
  instance: NginxInstance,
  scope: Scope,
  generation: string,
  proof: Proof,
): Promise<string[][]> {
  const { service, port, isDirect } = proof;
  const asked = [scopeName(scope), portKey(service, port), port.provePath] as const;
  const paths = isDirect ? [directProvePath(...asked)] : provePaths(...asked);
  return Promise.all(paths.map((path) => askPath(instance, path, generation, proof)));
}

async function askPath(
  { server, address }: NginxInstance,
  path: string,
  generation: string,
  proof: Proof,
): Promise<string[]> {
  const { domains } = proof.port;
  const question = questionOf(proof.port);
  const host = question.headers.host ?? hostOf(proof.service, domains);
  // One request for each backend: they take turns.
  const answers = await Promise.all(
    proof.all.map(() => server.http.get({ address, port: CONTROL_PORT, path, host, ...question }, 5_000)),
  );
  return answers
    .filter(({ headers }) => headers['x-switchyard-generation'] === generation)
    .map(({ headers }) => {
      const upstream = lastUpstream(String(headers['x-switchyard-upstream'] ?? ''));
      return isAnswered(headers) ? upstream : `nobody (${upstream} was tried)`;
    });
}

/** A stream cannot answer for itself: the listener made for the proof logs who was connected. */
async function askStream(
  instance: NginxInstance,
  _scope: Scope,
  generation: string,
  proof: Proof,
  clock: Clock,
): Promise<string[][]> {
  const { server, id } = instance;
  const port = proof.port.internalPort + PROVE_PORT_OFFSET;
  await Promise.all(proof.all.map(() => touch(instance, port, clock)));
  const { stdout } = await server.engine.logs(id, { tail: 500 });
  const answers = stdout
    .split('\n')
    .map((line) => /^switchyard-proof (\S+) (\d+) (.*) (\d+)$/.exec(line))
    .filter((match) => match?.[1] === generation && match[2] === String(port))
    // What speaks UDP may refuse a connection: it is the one who would have got a datagram.
    .filter((match) => match?.[4] === '200' || proof.port.protocol === 'udp')
    .map((match) => lastUpstream(match?.[3] ?? ''));
  return [answers];
}

/**
 * The edge logs connections that come from the server itself and say nothing; it passes them on to the internal port, by
 * which the sidecar is told from all others.
 */
async function askPublished(
  instance: NginxInstance,
  _scope: Scope,
  _generation: string,
  { port, all }: Proof,
  clock: Clock,
): Promise<string[][]> {
  const { server, id } = instance;
  const [asked = 0] = port.published?.numbers ?? [];
  const linesOf = async () => {
    const { stderr } = await server.engine.logs(id, { tail: 200, stderrOnly: true });
    return stderr.split('\n').filter((line) => line.startsWith('switchyard-proof '));
  };
  const before = new Set(await linesOf());
  await touch(instance, asked, clock);
  const answers = (await linesOf())
    .filter((line) => !before.has(line))
    .map((line) => /^switchyard-proof \S+ (\d+) (.*) (\d+)$/.exec(line))
    .filter((match) => match?.[1] === String(asked) && match[3] === '200')
    .map((match) => lastUpstream(match?.[2] ?? ''))
    .map((address) => (address.endsWith(`:${port.internalPort}`) ? all[0]! : address));
  return [answers];
}

/** Opens a connection long enough for nginx to have connected its other end, and closes it. */
async function touch({ server, address }: NginxInstance, port: number, clock: Clock): Promise<void> {
  const stream = await server.dial(address, port);
  const isUsed = new Promise<void>((resolve) => {
    stream.once('data', resolve).once('error', resolve).once('close', resolve).once('end', resolve);
  });
  await inTime(clock, isUsed, TOUCH_MS, undefined);
  stream.destroy();
}
