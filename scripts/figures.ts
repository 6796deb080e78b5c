/** The rows of docs/benchmarks.md that the README shows, by the beginning of their name, and what it calls them. */
const SHOWN: Record<string, string> = {
  'run start → new version proven, 1 server':
    'from the start of the run until the new version is proven, one server',
  'run start → new version proven, 4 servers ': 'the same, four servers',
  'a deploy with nothing to do, 4 servers ': 'a deploy with nothing to do, four servers',
  '`status`, 4 servers ': '`status` of four servers',
  'p99 added by the edge': 'added by the edge to the 99th percentile of latency, 64 connections',
  'longest time without an answer, switching': 'longest time without an answer during a switch, 64 clients',
};

/** withFigures returns a page with the figures between its markers as the benchmark has measured them. */
export function withFigures(page: string, benchmarks: string): string {
  const rows = benchmarks.split('\n').filter((line) => line.startsWith('| '));
  const shown = Object.entries(SHOWN).map(([start, name]) => {
    const row = rows.find((line) => line.startsWith(`| ${start}`));
    if (row === undefined) throw new Error(`docs/benchmarks.md has no row "${start}": run npm run bench`);
    return `| ${name} | ${row.split('|')[2]!.trim()} |`;
  });
  const table = ['| measured | median |', '| --- | --- |', ...shown].join('\n');
  return page.replace(
    /(<!-- figures -->\n)[\s\S]*?(<!-- \/figures -->)/,
    (_whole, start, end) => `${start}${table}\n${end}`,
  );
}
