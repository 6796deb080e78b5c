import { escapeMarkdown } from '../deploy/reporting/markdown.ts';

/** A summary over 1 MiB vanishes without a word. In bytes of UTF-8. */
const LONGEST_SUMMARY = 900_000;

const FENCE = '```';

/** fitSummary returns a job summary, cut at the end of a line where GitHub would drop it for its length. */
export function fitSummary(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= LONGEST_SUMMARY) return text;
  const start = bytes.subarray(0, LONGEST_SUMMARY).toString();
  return `${start.slice(0, start.lastIndexOf('\n'))}\n\n… cut here.\n`;
}

/** quote puts a text into a block quote; the log lines of a container (behind bars) stay lines, in a code block. */
export function quote(text: string): string {
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
