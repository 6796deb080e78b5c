import type { Directive } from '../model/directives.ts';
import type { SnippetLevel, Snippets } from '../model/edge-options.ts';
import { type Scope, scopeName } from '../model/names.ts';
import { definesValues, type OwnNames, ownNames, snippetDirectives } from '../model/snippets.ts';
import { specHash } from '../model/spec.ts';

/** Below a folder of configuration: what services have of their own in the block of http, a file a service. */
export const SNIPPET_FOLDER = 'snippets';

/** The lines of its own that a service has, as they are rendered. */
export class OwnLines {
  readonly #snippets: Snippets;
  readonly #service: string;
  readonly #names: OwnNames;
  readonly #mark: string;

  constructor(scope: Scope, service: string, snippets: Snippets = {}) {
    this.#snippets = snippets;
    this.#service = service;
    this.#names = ownNames(snippets);
    this.#mark = `own_${specHash([scopeName(scope), service]).slice(0, 10)}_`;
  }

  /** http returns what stands in the block of http. */
  get http(): string[] {
    return this.#linesOf('http');
  }

  /** server returns the settings of a server. */
  get server(): string[] {
    return this.#linesOf('server', ({ words }) => words[0] !== 'location');
  }

  /** serverHeaders returns those of the settings of a server that say headers of answers. */
  get serverHeaders(): string[] {
    return this.#linesOf('server', ({ words }) => words[0] === 'add_header');
  }

  /**
   * locations returns the locations that answer by themselves. nginx forgets the headers of a server in a location with
   * some of its own: `headers` are those.
   */
  locations(headers: readonly string[]): string[] {
    const of = ({ body }: Directive) => (body.some(hasName('add_header')) ? headers : []);
    return snippetDirectives(this.#snippets.server)
      .filter(hasName('location'))
      .flatMap((one) => this.#written(one, 'server', of(one)));
  }

  /**
   * location returns the lines of a location that passes requests to the app; with `isAgain`, of one that gets them from
   * such a one. `inherited` says what the location would have without lines of its own.
   */
  location(inherited: Inherited, { isAgain = false } = {}): string[] {
    const all = snippetDirectives(this.#snippets.location);
    const has = (...names: string[]) => all.some(({ words: [name = ''] }) => names.includes(name));
    const sent = this.#linesOf('server', hasName('proxy_set_header'));
    return [
      ...(has('add_header') ? inherited.headers : []),
      ...(has('proxy_set_header') ? [...inherited.sent, ...sent] : []),
      ...(has('limit_req', 'limit_conn') ? [...inherited.limits, ...this.#linesOf('server', isLimit)] : []),
      ...this.#linesOf('location', (one) => !isAgain || !isRewriting(one)),
    ];
  }

  /** sendsHeaders tells whether the settings of a server name headers for the app, beside which all others have to stand. */
  get sendsHeaders(): boolean {
    return snippetDirectives(this.#snippets.server).some(hasName('proxy_set_header'));
  }

  #linesOf(level: SnippetLevel, isWanted: (directive: Directive) => boolean = () => true): string[] {
    return snippetDirectives(this.#snippets[level])
      .filter(isWanted)
      .flatMap((one) => this.#written(one, level));
  }

  /** A line for each directive, that says which line of the snippet it is. */
  #written(directive: Directive, level: SnippetLevel, within: readonly string[] = []): string[] {
    const { words, isBlock, body, line = 1 } = directive;
    const text = words.map((word) => quoted(this.#renamed(word, words[0] ?? ''))).join(' ');
    const mark = `# ${placeOf(this.#service, this.#snippets, level, line)}`;
    if (!isBlock) return [`${text}; ${mark}`];
    const inner = definesValues(directive)
      ? body.map(
          (value) =>
            `${value.words.map((word) => quoted(this.#renamed(word))).join(' ')}; # ${placeOf(this.#service, this.#snippets, level, value.line ?? line)}`,
        )
      : body.flatMap((one) => this.#written(one, level));
    return [`${text} { ${mark}`, ...[...within, ...inner].map((one) => `    ${one}`), '}'];
  }

  /** Whatever a service defines has a name that nobody else has. */
  #renamed(word: string, directive = ''): string {
    const variables = word.replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced = '', bare = '') => {
      const name = `${braced}${bare}`;
      return this.#names.variables.has(name) ? whole.replace(name, `${this.#mark}${name}`) : whole;
    });
    if (directive === 'limit_conn') return this.#zone(word);
    const [, zone, rest = ''] = directive.startsWith('limit_')
      ? (/^zone=(\w+)(.*)$/.exec(variables) ?? [])
      : [];
    return zone === undefined ? variables : `zone=${this.#zone(zone)}${rest}`;
  }

  /** nginx takes no zone over in which something else was counted before, and would not read the rest either. */
  #zone(name: string): string {
    const counted = this.#names.zones.get(name);
    return counted === undefined ? name : `${this.#mark}z${specHash(counted).slice(0, 6)}_${name}`;
  }
}

/** What a location inherits from its server as long as it says nothing of the kind itself. */
export interface Inherited {
  headers: readonly string[];
  /** Headers for the app. */
  sent: readonly string[];
  limits: readonly string[];
}

/** NOTHING is inherited where all of it stands in the location itself. */
export const NOTHING: Inherited = { headers: [], sent: [], limits: [] };

function hasName(name: string): (directive: Directive) => boolean {
  return ({ words }) => words[0] === name;
}

function isLimit({ words: [name = ''] }: Directive): boolean {
  return name === 'limit_req' || name === 'limit_conn';
}

/** A request that comes again has been rewritten already. */
function isRewriting({ words: [name = ''] }: Directive): boolean {
  return ['if', 'rewrite', 'return', 'set'].includes(name);
}

function placeOf(service: string, snippets: Snippets, level: SnippetLevel, line: number): string {
  const file = snippets[level]?.file;
  return `line ${line} of ${file ?? `edge.nginx.${level}`} (${service})`;
}

/** Quotes mean nothing to nginx but where a word ends: the words are those that were read, whatever is in them. */
function quoted(word: string): string {
  if (/^[\w./:=$~^-]+$/.test(word)) return word;
  const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
  return `"${word.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll(/[\n\r\t]/g, (sign) => named[sign]!)}"`;
}

/** snippetFile returns where a service's own lines of http are, below a folder. */
export function snippetFile(scope: Scope, service: string): string {
  return `${SNIPPET_FOLDER}/${scopeName(scope)}/${service}.conf`;
}

/**
 * explainSnippet returns what nginx complains of in words of the one who wrote it: the line of the snippet; undefined where
 * it is about none of environment `scope`. `files` are those of the configuration, by path below `root`. Pure.
 */
export function explainSnippet(
  complaint: string,
  scope: string,
  files: ReadonlyMap<string, string>,
  root: string,
): string | undefined {
  const [, said = '', path = '', line] = /^(.*?) in (\/\S+):(\d+)$/.exec(complaint) ?? [];
  const atLine = files.get(path.slice(root.length + 1))?.split('\n')[Number(line) - 1];
  const place = PLACE.exec(atLine ?? '')?.[1];
  if (place !== undefined) return `${place}: ${withoutMark(said)}`;
  // Of names that lead nowhere nginx does not say where they stand.
  const [, name] = /"(\w+)"/.exec(complaint) ?? [];
  if (name === undefined || path !== '') return undefined;
  const own = [...files].filter(([file]) => file.includes(`/${scope}/`));
  const lines = own.flatMap(([, text]) => text.split('\n'));
  const found = lines.find((one) => PLACE.test(one) && new RegExp(`\\b${name}\\b`).test(one));
  return found === undefined ? undefined : `${PLACE.exec(found)![1]}: ${withoutMark(complaint)}`;
}

const PLACE = / # (line \d+ of \S+ \([a-z0-9-]+\))$/;

function withoutMark(text: string): string {
  return text.replaceAll(/own_[0-9a-f]{10}_(?:z[0-9a-f]{6}_)?/g, '');
}
