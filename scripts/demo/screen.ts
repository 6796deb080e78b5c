import { stripVTControlCharacters, styleText } from 'node:util';

/** How often a line that lives on a terminal is drawn anew, and how often it is repeated where there is none. */
const TERMINAL_MS = 100;
const LOG_MS = 3_000;
/** A rule longer than this reads badly on a wide terminal. */
const WIDEST = 100;

type Style = Parameters<typeof styleText>[0];

/** Screen prints the demo: in colour on a terminal, plainly into a file. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #isTerminal: boolean;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
    this.#isTerminal = out.isTTY === true;
  }

  /** styled colours a text where that is wanted. NO_COLOR is heeded. */
  styled(style: Style, text: string): string {
    const isWanted = this.#isTerminal && !process.env.NO_COLOR;
    return isWanted ? styleText(style, text, { validateStream: false }) : text;
  }

  /** line prints one line. */
  line(text = ''): void {
    this.#out.write(`${text}\n`);
  }

  /** step prints what happens now, a level deeper than headings. */
  step(text: string): void {
    this.line(`  ${this.styled('dim', '·')} ${text}`);
  }

  /** heading prints the title of an act and what it is about. */
  heading(title: string, about: string): void {
    const width = Math.min(WIDEST, this.#out.columns ?? WIDEST);
    this.line();
    this.line(
      this.styled(['bold', 'cyan'], `── ${title} ${'─'.repeat(Math.max(0, width - title.length - 4))}`),
    );
    this.line(about);
    this.line();
  }

  /** note prints a remark that one may skip. */
  note(text: string): void {
    this.line(`  ${this.styled('dim', text)}`);
    this.line();
  }

  /** listing prints a file, set apart. */
  listing(text: string): void {
    for (const line of text.split('\n')) this.line(`  ${this.styled('dim', '│')} ${line}`.trimEnd());
  }

  /** quote prints somebody else's text, each line behind a bar. */
  quote(text: string): void {
    for (const line of text.split('\n')) this.line(`  ${this.styled('red', '│')} ${line}`);
  }

  /** table prints rows under headings; a column of counts and durations is set flush right. */
  table(headings: string[], rows: string[][]): void {
    const plain = (cell: string | undefined) => stripVTControlCharacters(cell ?? '');
    const widths = headings.map((heading, i) =>
      Math.max(heading.length, ...rows.map((row) => plain(row[i]).length)),
    );
    const isNumber = headings.map((_, i) =>
      rows.every((row) => /^(?:\d[\d,]*(?:\.\d+)?(?: m?s)?)?$/.test(plain(row[i]))),
    );
    const fit = (cell: string, i: number) => {
      const gap = ' '.repeat(Math.max(0, widths[i]! - plain(cell).length));
      return isNumber[i] ? gap + cell : cell + gap;
    };
    this.line(`  ${this.styled('dim', headings.map(fit).join('   ').trimEnd())}`);
    for (const row of rows) this.line(`  ${row.map(fit).join('   ').trimEnd()}`);
    this.line();
  }

  /**
   * live shows a text that changes until the returned function is called: one line drawn again and again on a
   * terminal, a new line every few seconds elsewhere.
   */
  live(text: () => Promise<string>): () => Promise<void> {
    let isOver = false;
    let toldAt = performance.now();
    const draw = async (isLast: boolean) => {
      const now = await text();
      // Without wrapping, or a narrow terminal would fill up with the rests of long lines.
      if (this.#isTerminal) this.#out.write(`\r\x1b[2K\x1b[?7l  ${now}\x1b[?7h${isLast ? '\n' : ''}`);
      else if (isLast || performance.now() - toldAt >= LOG_MS) {
        toldAt = performance.now();
        this.line(`  ${now}`);
      }
    };
    let wake = () => {};
    const loop = (async () => {
      while (!isOver) {
        await draw(false);
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        const timer = setTimeout(resolve, TERMINAL_MS);
        await promise;
        clearTimeout(timer);
      }
      await draw(true);
    })();
    return async () => {
      isOver = true;
      wake();
      await loop;
    };
  }
}

/** count writes a number with separators: `12,345`. */
export function count(value: number): string {
  return value.toLocaleString('en-GB');
}

/** seconds writes milliseconds as `1.2 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
