import { Balancer } from './balancer.ts';
import type { Container, HttpAnswer, HttpRequest, Outcome, Process, Program } from './container.ts';
import type { Machine, Target } from './machine.ts';
import type { Namespace } from './namespace.ts';
import {
  type HttpServer,
  type Mapping,
  type NginxConfig,
  NginxRefusal,
  type Rule,
  readNginxConfig,
  type StreamServer,
  type Upstream,
} from './nginx-config.ts';
import { portSpoken } from './udp.ts';

/** From a signal until nginx has read its files. */
const READ_MS = 5;
/** The master sleeps for so long before it tells old workers to go: until then both take new connections. */
const BOTH_MS = 100;
/** From a request that nobody answered until it is tried elsewhere: nginx has waited for a connection meanwhile. */
const WAITED_MS = 2_000;
/** How often nginx tries to bind a port that is taken, and how long it waits in between. */
const BIND_TRIES = 5;
const BIND_PAUSE_MS = 500;
/** By what a location of ours says that a request waits. */
const WAITS = 418;
const DEFAULT_MAIN = '/etc/nginx/nginx.conf';

/** What became of a request, and on which way. */
export interface Handled {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** Where it was passed on to; undefined when it was answered here. */
  upstream: Upstream | undefined;
  target: Target | undefined;
  metDeadServer: boolean;
  /** It waits here: nothing of it has gone to anybody. */
  isWaiting?: true;
}

/** What became of a connection to a port of TCP. */
export type Joined = Pick<Handled, 'status' | 'upstream' | 'target' | 'metDeadServer'> & { tried: string[] };

/** A line of a log. */
interface Logged {
  stream: 'stdout' | 'stderr';
  line: string;
}

/** Workers are the worker processes that have read one configuration. */
export class Workers {
  readonly config: NginxConfig;
  readonly balancer: Balancer;
  /** Until then they may be brought one more request; new ones are never told to go. */
  endsAt = Number.POSITIVE_INFINITY;
  /** Until then they may take connections that are not HTTP's: nobody is idle there who could bring them more. */
  streamsEndAt = Number.POSITIVE_INFINITY;
  /** Where they keep idle connections. */
  readonly #pools = new Set<Namespace>();
  readonly #process: Process;
  readonly #machine: Machine;
  readonly #version: string;

  constructor(process: Process, machine: Machine, config: NginxConfig, version: string) {
    this.#process = process;
    this.#machine = machine;
    this.#version = version;
    this.config = config;
    this.balancer = new Balancer(machine, process.container, process.now());
  }

  /** retire tells them to go: they close what is idle, and serve what they still have. */
  retire(now: number): void {
    this.balancer.frozenAt = now;
    this.endsAt = now + this.config.keepaliveMinTimeoutMs;
    this.streamsEndAt = now + BOTH_MS;
    for (const namespace of this.#pools) namespace.held.delete(this);
    this.#pools.clear();
  }

  /** keep notes that they keep a connection to where a request went, that began or begins at `at`. */
  keep({ upstream, target }: Pick<Handled, 'upstream' | 'target'>, at: number): void {
    if (upstream === undefined || target === undefined || upstream.keepaliveMs === 0) return;
    if (Number.isFinite(this.endsAt)) return;
    const { namespace } = target.container;
    this.#pools.add(namespace);
    const from = this.#process.container.endpoints.values().next().value?.address || '10.200.0.1';
    namespace.held.set(this, { port: target.port, from, until: at + upstream.keepaliveMs });
  }

  /** handle answers a request as the configuration says. */
  handle(request: HttpRequest): Handled {
    const server = this.#serverFor(request);
    if (server === undefined) return answered(404, {}, '');
    const [asked = '/'] = request.path.split('?', 1);
    const location =
      server.locations.find(({ isExact, path }) => isExact && path === asked) ??
      server.locations
        .filter(({ isExact, path }) => !isExact && asked.startsWith(path))
        .sort((a, b) => b.path.length - a.path.length)[0];
    const variables: Record<string, string> = {
      nginx_version: this.#version,
      server_port: String(request.port),
      uri: asked,
      request_uri: request.path,
      http_host: request.host,
      host: request.host,
      remote_addr: request.from,
      request_method: request.method ?? 'GET',
      told_x_forwarded_proto: request.port === 443 ? 'https' : 'http',
      ...(request.body !== undefined && { request_body: request.body }),
    };
    for (const [name, value] of Object.entries(request.headers ?? {}))
      variables[`http_${name.replaceAll('-', '_')}`] = value;
    const rules = [...server.rules, ...(location?.rules ?? [])];
    variables.rest_of_path = asked.slice(location?.path.length ?? 0);
    if (this.#hasToWait(server, rules, variables)) return { ...answered(0, {}, ''), isWaiting: true };
    const handled = this.#follow(rules, variables, this.#process.now()) ?? answered(404, {}, '');
    return (
      this.#recover(server, rules, variables, handled) ??
      this.#goElsewhere(server, rules, variables, handled) ??
      handled
    );
  }

  /** Where it has to wait, what it asks first goes on elsewhere, to ask again and again. */
  #hasToWait({ locations }: HttpServer, asked: readonly Rule[], variables: Record<string, string>): boolean {
    const path = asked.flatMap((rule) => (rule.does === 'ask first' ? [rule.path] : []))[0];
    const location = locations.find((one) => one.isExact && one.path === path);
    if (location === undefined) return false;
    return this.#follow(location.rules, { ...variables }, this.#process.now())?.status === WAITS;
  }

  /** What the server itself returns may be answered at another path of it. */
  #goElsewhere(
    { rules, locations }: HttpServer,
    asked: readonly Rule[],
    variables: Record<string, string>,
    { status, upstream }: Handled,
  ): Handled | undefined {
    const rule = asked.find((one) => one.does === 'recover' && one.status === status);
    if (upstream !== undefined || rule?.does !== 'recover' || !rule.location.startsWith('/'))
      return undefined;
    const path = this.#expand(rule.location, variables);
    const location = locations.find((one) => one.isExact && one.path === path);
    if (location === undefined) return undefined;
    const all = [...rules, ...location.rules];
    const there = {
      ...variables,
      uri: path,
      request_method: variables.request_method === 'HEAD' ? 'HEAD' : 'GET',
    };
    const found = this.#follow(all, there, this.#process.now());
    return found && { ...found, status: rule.as ?? found.status, headers: headersOf(location.rules) };
  }

  /** Where nobody has answered, nginx may be told to go on elsewhere: by then names mean what they mean now. */
  #recover(
    { named, rules: all }: HttpServer,
    rules: readonly Rule[],
    variables: Record<string, string>,
    { status, upstream, target }: Handled,
  ): Handled | undefined {
    if (upstream === undefined || target !== undefined) return undefined;
    // What a location says of an error counts, and not what its server says.
    const recovery = rules.findLast((rule) => rule.does === 'recover' && rule.status === status);
    const next = recovery?.does === 'recover' ? named.get(recovery.location) : undefined;
    const inherited = all.filter(({ does }) => does === 'try');
    return next && this.#follow([...inherited, ...next], variables, this.#process.now() + WAITED_MS);
  }

  /** join connects to where a port of TCP leads. */
  join(port: number): Joined | undefined {
    const server = this.config.stream.find((one) => one.port === port);
    const upstream = server?.upstream;
    if (upstream === undefined) return undefined;
    const passed = this.balancer.pass(upstream, this.#process.now());
    return { ...passed, upstream, status: passed.target === undefined ? 502 : 200 };
  }

  /** logged returns what a connection that has ended leaves in the log; undefined is nothing. */
  logged(port: number, from: string, { tried, status }: Joined): Logged | undefined {
    const server = this.config.stream.find((one) => one.port === port);
    if (server?.logFormat === undefined) return undefined;
    const variables = {
      server_port: String(portSpoken(port).port),
      upstream_addr: tried.join(', '),
      status: String(status),
      msec: String(this.#process.now()),
      server_addr: this.#process.container.endpoints.values().next().value?.address ?? '',
      remote_addr: from,
      bytes_received: '0',
    };
    const { stream, condition } = server.log;
    if (condition !== undefined && this.#expand(condition, variables) === '') return undefined;
    return { stream, line: this.#expand(server.logFormat, variables) };
  }

  /** mayJoin tells whether a port of TCP takes connections from an address. */
  mayJoin(server: StreamServer, from: string): boolean {
    return !isDenied(server.rules, from);
  }

  /** certificateFor returns what is shown to whoever asks for a name; undefined where nobody is served by it. */
  certificateFor(port: number, name: string): string | undefined {
    const found = this.#serverFor({ port, host: name, path: '/', from: '' });
    if (found?.certificate === undefined) return undefined;
    return this.#process.container.readFile(this.#expand(found.certificate, { ssl_server_name: name }));
  }

  #serverFor({ port, host }: HttpRequest): HttpServer | undefined {
    const servers = this.config.http.filter(({ ports }) => ports.includes(port));
    const name = host.toLowerCase().replace(/:\d+$/, '');
    return (
      servers.find(({ names }) => names.includes(name)) ??
      servers.find(({ names }) => names.some((one) => one.startsWith('*.') && name.endsWith(one.slice(1)))) ??
      servers.find(({ names }) =>
        names.some((one) => one.startsWith('~') && new RegExp(one.slice(1)).test(name)),
      ) ??
      servers.find(({ defaultOn }) => defaultOn.includes(port)) ??
      servers[0]
    );
  }

  /** What is returned is returned to everybody: who may ask counts only for what is passed on. */
  #follow(rules: readonly Rule[], variables: Record<string, string>, at: number): Handled | undefined {
    for (const rule of rules) {
      if (rule.does === 'set') variables[rule.variable.slice(1)] = this.#expand(rule.value, variables);
      else if (rule.does === 'if' && this.#isMet(rule.condition, variables)) {
        const handled = this.#follow(rule.rules, variables, at);
        if (handled !== undefined) return handled;
      } else if (rule.does === 'rewrite') {
        const found = new RegExp(rule.pattern).exec(variables.uri ?? '');
        Object.assign(variables, found?.groups);
        variables.uri = (variables.uri ?? '').replace(new RegExp(rule.pattern), rule.path);
        if (found !== null && rule.isLast) break;
      } else if (rule.does === 'return') return answered(rule.status, {}, this.#expand(rule.text, variables));
    }
    if (isDenied(rules, variables.remote_addr ?? '')) return answered(403, {}, '');
    if (this.#asksForPassword(rules, variables)) return answered(401, {}, '');
    const store = rules.find((rule) => rule.does === 'store');
    if (store !== undefined) return this.#store(store, variables);
    const shown = rules.find((rule) => rule.does === 'show');
    if (shown !== undefined) return this.#show(shown, variables);
    const pass = rules.find((rule) => rule.does === 'pass');
    return pass && this.#pass(pass, rules, variables, at);
  }

  /** Any password will do. */
  #asksForPassword(rules: readonly Rule[], variables: Record<string, string>): boolean {
    const asked = rules.findLast((rule) => rule.does === 'ask');
    const realm = asked?.does === 'ask' ? this.#expand(asked.realm, variables) : 'off';
    return realm !== 'off' && variables.http_authorization === undefined;
  }

  /** What lies there is looked at with each request, so that a change counts at once, for old workers too. */
  #store(
    { folder, methods }: Extract<Rule, { does: 'store' }>,
    {
      request_method: method = '',
      rest_of_path: rest = '',
      request_body: body = 'put',
    }: Record<string, string>,
  ): Handled {
    const { container } = this.#process;
    const path = `${folder}${rest}`;
    if (method === 'GET') {
      const content = container.readFile(path);
      return content === undefined ? answered(404, {}, '') : answered(200, {}, content);
    }
    if (!methods.includes(method)) return answered(405, {}, '');
    if (this.#machine.isStubborn) return answered(500, {}, '');
    const isThere = container.readFile(path) !== undefined;
    if (method === 'DELETE' && !isThere) return answered(404, {}, '');
    if (method === 'DELETE') container.removeFile(path);
    else container.writeFile(path, body);
    this.#process.changed(`${method} ${rest}`);
    return answered(method === 'PUT' && !isThere ? 201 : 204, {}, '');
  }

  /** Of the commands of SSI it knows the one that echoes a variable. */
  #show(
    { folder, isPutTogether }: Extract<Rule, { does: 'show' }>,
    variables: Readonly<Record<string, string>>,
  ): Handled {
    const text = this.#process.container.readFile(`${folder}${variables.uri}`);
    if (text === undefined) return answered(404, {}, '');
    if (!isPutTogether) return answered(200, {}, text);
    const put = text.replaceAll(
      /<!--# echo var="(\w+)" -->/g,
      (_all, name: string) => variables[name] ?? '(none)',
    );
    return answered(200, {}, put);
  }

  /** What a pattern finds has its name afterwards. */
  #isMet([left = '', operator, right = '']: readonly string[], variables: Record<string, string>): boolean {
    if (left === '-f' || left === '!-f') {
      const isThere = this.#process.container.readFile(this.#expand(operator ?? '', variables)) !== undefined;
      return isThere === (left === '-f');
    }
    const value = this.#expand(left, variables);
    if (operator === undefined) return value !== '' && value !== '0';
    if (operator === '=') return value === right;
    if (operator === '!=') return value !== right;
    if (operator === '~') {
      const found = new RegExp(right).exec(value);
      Object.assign(variables, found?.groups);
      return found !== null;
    }
    if (operator === '!~') return !new RegExp(right).test(value);
    throw new Error(`the model of nginx does not know "if" with ${operator}`);
  }

  #pass(
    { target: name, path }: Extract<Rule, { does: 'pass' }>,
    rules: readonly Rule[],
    variables: Record<string, string>,
    at: number,
  ): Handled {
    const [to = '', ...asked] = this.#expand(name, variables).split(/(?=\/)/);
    const said = asked.join('');
    const upstream = this.config.upstreams.get(to) ?? askedFor(to);
    if (upstream === undefined) throw new Error(`the model of nginx knows no upstream ${name}`);
    const limits = rules.map((rule) => (rule.does === 'try' ? rule.limit : {}));
    const limited: Upstream = Object.assign({}, upstream, ...limits);
    const { tried, target, metDeadServer, status } = this.balancer.pass(limited, at);
    const told = rules.find((rule) => rule.does === 'tell host');
    const request = {
      port: target?.port ?? 0,
      path: path || said || (rules.some((rule) => rule.does === 'rewrite') ? (variables.uri ?? '/') : '/'),
      host: told?.does === 'tell host' ? this.#expand(told.value, variables) : (variables.host ?? ''),
      from: '10.200.0.3',
    };
    const answer = target?.container.program?.answer?.(request) ?? answered(status, {}, '');
    const times = tried.map((_one, index) =>
      target !== undefined && index === tried.length - 1 ? '0.001' : '-',
    );
    Object.assign(variables, {
      upstream_addr: tried.join(', '),
      upstream_header_time: times.join(', '),
      upstream_connect_time: times.join(', '),
    });
    const headers = { ...answer.headers };
    for (const [name, value] of Object.entries(headers))
      variables[`upstream_http_${name.replaceAll('-', '_')}`] = value;
    for (const rule of rules) {
      const value = rule.does === 'header' ? this.#expand(rule.value, variables) : '';
      if (rule.does === 'header' && value !== '') headers[rule.name] = value;
    }
    const handled = { ...answered(answer.status, headers, answer.body), upstream, target, metDeadServer };
    this.keep(handled, this.#process.now());
    return handled;
  }

  #expand(text: string, variables: Readonly<Record<string, string>>): string {
    if (!text.includes('$')) return text;
    return text.replaceAll(/\$\{?(\w+)\}?/g, (_whole, name: string) => {
      const mapping = this.config.mappings.get(`$${name}`);
      if (mapping === undefined) return variables[name] ?? '';
      const key = this.#expand(mapping.source, variables);
      return this.#expand(valueFor(key, mapping), variables);
    });
  }
}

function headersOf(rules: readonly Rule[]): Record<string, string> {
  return Object.fromEntries(
    rules.flatMap((rule) => (rule.does === 'header' ? [[rule.name, rule.value] as const] : [])),
  );
}

/** What is no upstream is a host: what its name means nginx asks with each request. */
function askedFor(to: string): Upstream | undefined {
  const [, host, port] = /^([\w.-]+):(\d+)$/.exec(to) ?? [];
  if (host === undefined) return undefined;
  const server = { host, port: Number(port), weight: 1, isBackup: false, isDown: false };
  const servers = [{ ...server, isResolved: true, isAskedEachTime: true, maxFails: 0, failTimeoutMs: 0 }];
  return { name: '', servers, keepaliveMs: 0, tries: 1, triesMs: 0 };
}

/** A text counts before a pattern, and patterns in their order. */
function valueFor(key: string, { cases }: Mapping): string {
  const exact = key === 'default' ? undefined : cases.get(key);
  if (exact !== undefined) return exact;
  for (const [pattern, value] of cases) {
    const [, flag, text = ''] = /^~(\*?)(.*)$/.exec(pattern) ?? [];
    const found = flag === undefined ? null : new RegExp(text, flag === '*' ? 'i' : '').exec(key);
    if (found !== null) return value.replaceAll(/\$(\d)/g, (_whole, group) => found[Number(group)] ?? '');
  }
  return cases.get('default') ?? '';
}

function answered(status: number, headers: Record<string, string>, body: string): Handled {
  return { status, headers, body, upstream: undefined, target: undefined, metDeadServer: false };
}

/** The first rule that speaks of an address counts. */
function isDenied(rules: readonly Rule[], from: string): boolean {
  for (const rule of rules) {
    if (rule.does !== 'allow' && rule.does !== 'deny') continue;
    if (rule.from === 'all' || rule.from === from) return rule.does === 'deny';
  }
  return false;
}

/** Nginx is an nginx that runs: it serves what it has read, never what lies in its files. */
export class Nginx implements Program {
  readonly #process: Process;
  readonly #machine: Machine;
  readonly #version: string;
  readonly #main: string;
  #workers: Workers | undefined;
  #old: Workers[] = [];
  #reloadedAt = Number.NEGATIVE_INFINITY;
  #isLeaving = false;
  /** It has read its files for a reload and does not serve them yet: another HUP waits. */
  #isReloading = false;
  #isToldAgain = false;
  #turn = 0;

  constructor(process: Process, machine: Machine, version: string) {
    this.#process = process;
    this.#machine = machine;
    this.#version = version;
    const { argv: whole } = process.container;
    const argv = whole.slice(whole.indexOf('nginx'));
    this.#main = argv.includes('-c') ? argv[argv.indexOf('-c') + 1]! : DEFAULT_MAIN;
    process.after(READ_MS, () => this.#begin());
  }

  ports(): readonly number[] {
    return this.#isLeaving ? [] : (this.#workers?.config.ports ?? []);
  }

  /** What it serves now: undefined before it has read anything. */
  get workers(): Workers | undefined {
    return this.#workers;
  }

  /** all returns those that may be brought a request now: the new ones, and old ones by clients that were idle. */
  all(): Workers[] {
    const now = this.#process.now();
    if (this.#old.length > 0) this.#old = this.#old.filter(({ endsAt }) => endsAt > now);
    return this.#workers === undefined || this.#isLeaving ? this.#old : [this.#workers, ...this.#old];
  }

  signal(name: string): void {
    if (name === 'HUP') this.#process.after(READ_MS, () => this.#reload());
    if (name === 'QUIT') this.#leave();
    if (name === 'TERM' || name === 'INT') this.#process.end(0);
  }

  answer(request: HttpRequest): HttpAnswer {
    const workers = this.accept(request.port);
    if (workers === undefined) throw new Error('a request came to an nginx that does not listen');
    return workers.handle(request);
  }

  /** isHttp tells whether it speaks HTTP on a port. */
  isHttp(port: number): boolean {
    return this.#workers?.config.stream.every((server) => server.port !== port) ?? true;
  }

  /** connect opens a connection to a port of TCP; undefined when it is closed at once. `close` ends it. */
  connect(port: number, from: string): { joined: Joined; close(): void } | undefined {
    const workers = this.accept(port);
    const server = workers?.config.stream.find((one) => one.port === port);
    if (workers === undefined || server === undefined || !workers.mayJoin(server, from)) return undefined;
    const joined = workers.join(port);
    if (joined === undefined) return undefined;
    const close = () => {
      const logged = workers.logged(port, from, joined);
      if (logged !== undefined) this.#process.say(logged.stream, logged.line);
    };
    return { joined, close };
  }

  exec(argv: readonly string[]): Outcome | undefined {
    if (argv[0] !== 'nginx') return shownFile(this.#process.container, argv);
    // With directives of its own it is asked whether it knows them: none that not every nginx has.
    if (argv.includes('-g')) {
      const [, name = ''] = /; (\w+) on;$/.exec(argv[argv.indexOf('-g') + 1] ?? '') ?? [];
      return {
        exitCode: 1,
        stdout: '',
        stderr: `nginx: [emerg] unknown directive "${name}" in command line\n`,
      };
    }
    const main = argv.includes('-c') ? argv[argv.indexOf('-c') + 1]! : DEFAULT_MAIN;
    try {
      this.#read(main);
    } catch (error) {
      if (!(error instanceof NginxRefusal)) throw error;
      const stderr = `nginx: [emerg] ${error.message} in ${main}\nnginx: configuration file ${main} test failed\n`;
      return { exitCode: 1, stdout: '', stderr };
    }
    const files = this.#files();
    const dump = argv.includes('-T') ? readBy(files, main).map((path) => dumped(path, files.get(path)!)) : [];
    const well = `nginx: the configuration file ${main} syntax is ok\nnginx: configuration file ${main} test is successful\n`;
    return { exitCode: 0, stdout: dump.join(''), stderr: argv.includes('-q') ? '' : well };
  }

  #begin(): void {
    const workers = this.#tryNewWorkers();
    this.#workers = workers;
    if (workers === undefined) this.#process.end(1);
    else this.#process.changed('serves');
  }

  /** Old workers go only when the new ones are there: what is refused changes nothing. */
  #reload(): void {
    if (this.#workers === undefined || this.#isLeaving) return;
    if (this.#isReloading) {
      this.#isToldAgain = true;
      return;
    }
    const next = this.#tryNewWorkers();
    if (next === undefined) return;
    this.#isReloading = true;
    const { reloadMs } = this.#machine;
    if (reloadMs === 0) this.#renew(next);
    else this.#process.after(reloadMs, () => this.#renew(next));
  }

  #renew(next: Workers): void {
    this.#isReloading = false;
    this.#replaceWorkers(next);
    if (this.#isToldAgain) this.#process.after(READ_MS, () => this.#reload());
    this.#isToldAgain = false;
  }

  #replaceWorkers(next: Workers): void {
    const old = this.#workers;
    if (old === undefined || this.#isLeaving) return;
    const { namespace } = this.#process.container;
    const taken = next.config.ports.find((port) => {
      const holder = namespace.listenerOn(port);
      return holder !== undefined && holder !== this;
    });
    if (this.#machine.isStubborn || taken !== undefined) {
      this.#failToBind(taken ?? next.config.ports[0] ?? 80, BIND_TRIES);
      return;
    }
    const now = this.#process.now();
    old.retire(now);
    this.#old.push(old);
    this.#workers = next;
    this.#reloadedAt = now;
    this.#process.changed('serves what is new');
  }

  /** Undefined where nginx refuses what it reads, and says so. */
  #tryNewWorkers(): Workers | undefined {
    try {
      return new Workers(this.#process, this.#machine, this.#read(this.#main), this.#version);
    } catch (error) {
      if (!(error instanceof NginxRefusal)) throw error;
      this.#complain(error.message);
      return undefined;
    }
  }

  #failToBind(port: number, triesLeft: number): void {
    const isOver = triesLeft === 0;
    this.#complain(
      isOver ? 'still could not bind()' : `bind() to 0.0.0.0:${port} failed (98: Address already in use)`,
    );
    if (!isOver) this.#process.after(BIND_PAUSE_MS, () => this.#failToBind(port, triesLeft - 1));
  }

  /** It ends with the last connection that somebody has. */
  #leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    const now = this.#process.now();
    if (this.#workers !== undefined) {
      this.#workers.retire(now);
      this.#old.push(this.#workers);
    }
    this.#process.changed('nginx leaves');
    this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    this.#machine.simulation.users.elapse();
    const now = this.#process.now();
    const { held, connections } = this.#process.container.namespace;
    const until = Math.max(
      now,
      ...this.all().map(({ endsAt }) => endsAt),
      ...[...held.values()].map((one) => one.until),
    );
    if (until === now && connections.size === 0) this.#process.end(0);
    else this.#process.after(Math.max(until - now, 10), () => this.#endWhenIdle());
  }

  /** accept returns who takes a new connection: while the old workers still do, every second one is theirs that they listen to. */
  accept(port: number): Workers | undefined {
    const isBoth = this.#process.now() < this.#reloadedAt + BOTH_MS;
    const last = this.#old.at(-1);
    const isTheirs = last?.config.ports.includes(port) ?? false;
    if (isBoth && isTheirs && this.#turn++ % 2 === 0) return last;
    return this.#workers;
  }

  #read(main: string): NginxConfig {
    const { container } = this.#process;
    return readNginxConfig(this.#files(), main, {
      version: this.#version,
      canResolve: (name) => this.#machine.resolve(container, name, this.#process.now()).length > 0,
    });
  }

  /** All that it can read, by absolute path. */
  #files(): Map<string, string> {
    const { container } = this.#process;
    const files = new Map(container.files);
    for (const { volume, target } of container.mounts)
      for (const [path, content] of volume?.files ?? []) files.set(`${target}/${path}`, content);
    return files;
  }

  #complain(message: string): void {
    const time = new Date(this.#process.now())
      .toISOString()
      .replace('T', ' ')
      .slice(0, 19)
      .replaceAll('-', '/');
    this.#process.say('stderr', `${time} [emerg] 7#7: ${message}`);
  }
}

/** What the programs say by which a front's certificates and keys are read; undefined for other programs. */
function shownFile(container: Container, [word, ...words]: readonly string[]): Outcome | undefined {
  if (word !== 'sed' && word !== 'grep' && word !== 'cat') return undefined;
  const path = words.at(-1) ?? '';
  const text = container.readFile(path);
  if (text === undefined)
    return { exitCode: 1, stdout: '', stderr: `${word}: ${path}: No such file or directory\n` };
  if (word === 'cat') return { exitCode: 0, stdout: text, stderr: '' };
  const lines = text.split('\n').filter((line) => line.includes(words.at(-2) ?? ''));
  if (word === 'grep') return { exitCode: lines.length > 0 ? 0 : 1, stdout: `${lines.length}\n`, stderr: '' };
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n/g) ?? [];
  return { exitCode: 0, stdout: blocks.join(''), stderr: '' };
}

/** The files that a configuration is made of, its main one first, as `nginx -T` prints them. */
function readBy(files: ReadonlyMap<string, string>, main: string): string[] {
  const text = files.get(main) ?? '';
  const included = [...text.matchAll(/^\s*include\s+(\S+?);/gm)].flatMap(([, path = '']) =>
    files.has(path) ? readBy(files, path) : [],
  );
  return [main, ...included];
}

function dumped(path: string, content: string): string {
  return `# configuration file ${path}:\n${content}\n\n`;
}
