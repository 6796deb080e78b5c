/** One directive of nginx. */
export interface Directive {
  /** Its name and its arguments, without quotes and escapes. */
  words: string[];
  /** It ends with a block in braces, not with `;`. */
  isBlock: boolean;
  /** What the block holds. */
  body: Directive[];
  /** The line on which it begins; where it was asked for. */
  line?: number;
}

/** What parseDirectives has read. */
export interface Directives {
  directives: Directive[];
  /** The first thing that nginx refuses of its form; what follows it is read as well as can be. */
  mistake: string | undefined;
  /** The line of the mistake. */
  mistakeLine?: number;
}

/**
 * parseDirectives reads the text of one file; an `include` in it stays what it is. With `withLines` each directive says on
 * which line it begins. Pure.
 */
export function parseDirectives(text: string, { withLines = false } = {}): Directives {
  const root: Directive[] = [];
  const open = [root];
  const mistakes: { message: string; at: number }[] = [];
  const lineAt = (at: number) => text.slice(0, at).split('\n').length;
  let words: string[] = [];
  let begin = 0;
  for (const { text: token, kind, at } of tokensOf(text)) {
    if (words.length === 0) begin = at;
    if (kind === 'word') {
      words.push(token);
      continue;
    }
    const isExpected = token === '}' ? words.length === 0 && open.length > 1 : words.length > 0;
    if (kind === 'stray' || !isExpected)
      mistakes.push({ message: `unexpected ${JSON.stringify(token)}`, at });
    if (kind === 'stray') continue;
    const directive: Directive = {
      words,
      isBlock: token === '{',
      body: [],
      ...(withLines && { line: lineAt(begin) }),
    };
    if (token !== '}' && words.length > 0) open.at(-1)?.push(directive);
    if (token === '{') open.push(directive.body);
    if (token === '}' && open.length > 1) open.pop();
    words = [];
  }
  if (words.length > 0 || open.length > 1)
    mistakes.push({ message: 'unexpected end of file', at: text.trimEnd().length });
  const [first] = mistakes;
  return {
    directives: root,
    mistake: first?.message,
    ...(withLines && first && { mistakeLine: lineAt(first.at) }),
  };
}

/** A word, one of the signs `{`, `}` and `;`, or what can be neither. */
interface Token {
  text: string;
  kind: 'word' | 'sign' | 'stray';
  /** Where it begins in the text. */
  at: number;
}

const COMMENT = /#[^\n]*/;
const DOUBLE_QUOTED = /"((?:\\[\s\S]|[^"\\])*)"/;
const SINGLE_QUOTED = /'((?:\\[\s\S]|[^'\\])*)'/;
const SIGN = /([{};])/;
/** Only its beginning tells a word from a comment, a string or the end of a block; `${` begins no block. */
const WORD = /((?:\\[\s\S]|\$\{?|[^\s{};"'#\\$])(?:\\[\s\S]|\$\{|[^\s{;\\])*)/;
const STRAY = /(["'\\])/;
const TOKEN = new RegExp(
  [COMMENT, DOUBLE_QUOTED, SINGLE_QUOTED, SIGN, WORD, STRAY].map(({ source }) => source).join('|'),
  'g',
);

/** Comments are left out. */
function tokensOf(text: string): Token[] {
  return [...text.matchAll(TOKEN)].flatMap((match): Token[] => {
    const [whole, double, single, sign, word, stray] = match;
    const at = match.index;
    if (sign !== undefined) return [{ text: sign, kind: 'sign', at }];
    if (stray !== undefined) return [{ text: stray, kind: 'stray', at }];
    if (word !== undefined) return [{ text: withoutEscapes(word), kind: 'word', at }];
    const quoted = double ?? single;
    if (quoted === undefined) return [];
    const token: Token = { text: withoutEscapes(quoted), kind: 'word', at };
    const end = at + whole.length;
    const next = text.charAt(end);
    return /^[\s;{)]?$/.test(next) ? [token] : [token, { text: next, kind: 'stray', at: end }];
  });
}

const ESCAPED: Readonly<Record<string, string>> = { t: '\t', r: '\r', n: '\n' };

/** nginx leaves other backslashes, those of regular expressions, as they are. */
function withoutEscapes(word: string): string {
  return word.replaceAll(/\\(["'\\trn])/g, (_escape, sign: string) => ESCAPED[sign] ?? sign);
}
