/** A summary over 1 MiB vanishes without a word. In bytes of UTF-8. */
const LONGEST_SUMMARY = 900_000;

const FENCE = '```';

/** escapeMarkdown returns a text that came from elsewhere so that it cannot become markup. */
export function escapeMarkdown(text: string): string {
  return text.replaceAll(/[<>&|`*_[\]#~\\$]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** page joins the parts of a page; those that are empty are left out. Where GitHub would drop it for its length it is cut. */
export function page(...parts: string[]): string {
  return fitSummary(`${parts.filter((part) => part !== '').join('\n\n')}\n`);
}

/** section returns a heading with a list of lines below; empty for no lines. */
export function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `### ${title}\n\n${list(lines)}`;
}

/** folded returns a list that is shown on demand; empty for no lines. */
export function folded(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return `<details>\n<summary>${title} (${lines.length})</summary>\n\n${list(lines)}\n\n</details>`;
}

/** caution returns a text as a warning that nobody overlooks. */
export function caution(text: string): string {
  return `> [!CAUTION]\n${quote(text)}`;
}

/** mermaid returns a picture by its source, the kind of diagram in the first line. */
export function mermaid(lines: readonly string[]): string {
  return `${FENCE}mermaid\n${lines.join('\n')}\n${FENCE}`;
}

/** fencedYaml returns YAML as a block of code. */
export function fencedYaml(text: string): string {
  return `${FENCE}yaml\n${text.trimEnd()}\n${FENCE}`;
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${escapeMarkdown(line).replaceAll('\n', ' ')}`).join('\n');
}

/** Puts a text into a block quote; the log lines of a container (behind bars) stay lines, in a code block. */
function quote(text: string): string {
  const isLog = (line: string | undefined) => line?.startsWith('  | ') === true;
  const lines = text.split('\n').flatMap((line, at, all) => {
    if (!isLog(line)) return [escapeMarkdown(line)];
    return [
      ...(isLog(all[at - 1]) ? [] : [FENCE]),
      line.slice(4).replaceAll(FENCE, "'''"),
      ...(isLog(all[at + 1]) ? [] : [FENCE]),
    ];
  });
  return lines.map((line) => `> ${line}`).join('\n');
}

/** At the end of a line. */
function fitSummary(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= LONGEST_SUMMARY) return text;
  const start = bytes.subarray(0, LONGEST_SUMMARY).toString();
  return `${start.slice(0, start.lastIndexOf('\n'))}\n\n… cut here.\n`;
}
