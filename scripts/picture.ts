/** What the picture shows, in milliseconds where nothing else is said, as `npm run bench` has measured it. */
interface Figures {
  /** From the start of the run until the switch is proven on two servers. */
  proven: number;
  whole: number;
  phases: Record<
    'connect' | 'lease' | 'observe' | 'record intent' | 'start' | 'healthy' | 'switch' | 'drain' | 'stop',
    number
  >;
  longestGap: number;
  /** How many requests were sent, steadily and through switches. */
  requests: number;
}

const WIDTH = 860;
const HEIGHT = 306;
/** Where time begins, where it is cut, where it goes on, and where it ends. */
const [LEFT, CUT, RESUMED, RIGHT] = [118, 560, 584, 842];
const ROW = 30;
const ROWS = { run: 62, fresh: 112, old: 156, users: 208 };

/** deployPicture returns an SVG of a deploy to two servers, with the figures of docs/benchmarks.md. It throws for one that is missing. */
export function deployPicture(benchmarks: string): string {
  const figures = figuresOf(benchmarks);
  const { proven, phases, longestGap, requests } = figures;
  const scale = (CUT - LEFT) / proven;
  const widthOf = (ms: number) => ms * scale;
  const look = Math.max(phases.connect, phases.lease) + phases.observe + phases['record intent'];
  // Medians of parts do not add up to the median of all: what is left over is the start of the program.
  const begun = CUT - widthOf(phases.start + phases.healthy + phases.switch);
  const looking = begun - widthOf(look);
  const booted = begun + widthOf(phases.start);
  const healthy = booted + widthOf(phases.healthy);
  const stopping = RIGHT - 62;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title desc">
<title id="title">A deploy to two servers</title>
<desc id="desc">The run looks at the servers, starts the new version beside the old one (${phases.start} ms), waits until it is healthy (${phases.healthy} ms), and switches nginx and proves the switch on both servers (${phases.switch} ms). ${count(proven)} ms after its start the new version serves. The old one finishes what it has begun (${seconds(phases.drain)} s), and only then is it stopped. Users are answered all the time: the longest time without an answer during a switch was ${longestGap} ms.</desc>
<style>
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .small { font-size: 12px; fill: #59636e; }
  .on { fill: #ffffff; }
  .phase { fill: #eaeef2; stroke: #afb8c1; }
  .new { fill: #1a7f37; } .coming { fill: none; stroke: #1a7f37; stroke-dasharray: 4 3; }
  .old { fill: #0969da; } .going { fill: none; stroke: #0969da; stroke-dasharray: 4 3; }
  .line { stroke: #59636e; fill: none; } .users { stroke: #1f2328; stroke-width: 4; stroke-linecap: round; stroke-dasharray: 0 8; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .small { fill: #9198a1; } .on { fill: #ffffff; }
    .phase { fill: #212830; stroke: #656c76; }
    .new { fill: #238636; } .coming { stroke: #3fb950; } .old { fill: #1f6feb; } .going { stroke: #58a6ff; }
    .line { stroke: #9198a1; } .users { stroke: #f0f6fc; }
  }
</style>
<text x="${LEFT}" y="24">the run starts</text>
<text x="${CUT}" y="24" text-anchor="middle">new version proven: ${count(proven)} ms</text>
<text x="${RIGHT}" y="24" text-anchor="end">it ends: ${seconds(figures.whole)} s</text>
${line(CUT)}
${name('the run', ROWS.run)}
${box('phase', LEFT, looking, ROWS.run, 'load')}
${box('phase', looking, begun, ROWS.run, `look ${look}`)}
${box('phase', begun, booted, ROWS.run, `start ${phases.start}`)}
${box('phase', booted, healthy, ROWS.run, `healthy ${phases.healthy}`)}
${box('phase', healthy, CUT, ROWS.run, `switch ${phases.switch}`)}
${box('phase', RESUMED, stopping, ROWS.run, `drain ${seconds(phases.drain)} s`)}
${box('phase', stopping, RIGHT, ROWS.run, `stop ${phases.stop}`)}
${name('new version', ROWS.fresh)}
${box('coming', begun, CUT, ROWS.fresh, 'gets no traffic before it is healthy')}
${box('new', CUT, RIGHT, ROWS.fresh, 'serves', 'on')}
${name('old version', ROWS.old)}
${box('old', LEFT, CUT, ROWS.old, 'serves', 'on')}
${box('going', CUT, stopping, ROWS.old, 'finishes what it has begun')}
${name('users', ROWS.users)}
<path class="users" d="M${LEFT + 4} ${ROWS.users + ROW / 2}H${RIGHT - 4}"/>
<text class="small" x="${LEFT}" y="${ROWS.users + 50}">${count(requests)} requests, between switches and through them: all answered. Longest time without an answer in a switch: ${longestGap} ms.</text>
<text class="small" x="${LEFT}" y="${ROWS.users + 70}">Medians in ms of npm run bench, everything on one machine with two cores. Right of the line it is not to scale.</text>
</svg>
`;
}

function name(text: string, y: number): string {
  return `<text x="${LEFT - 12}" y="${y + 20}" text-anchor="end">${text}</text>`;
}

function line(x: number): string {
  return `<path class="line" d="M${x} 34V${ROWS.users + ROW}"/>`;
}

function box(kind: string, from: number, to: number, y: number, text: string, textClass = ''): string {
  const [x, width] = [from, to - from].map((value) => value.toFixed(1));
  const middle = ((from + to) / 2).toFixed(1);
  const style = textClass === '' ? '' : ` class="${textClass}"`;
  return `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${ROW}" rx="4"/><text${style} x="${middle}" y="${y + 20}" text-anchor="middle">${text}</text>`;
}

function figuresOf(benchmarks: string): Figures {
  const [top = '', ...parts] = benchmarks.split(/^### /m);
  const toggle = parts.find((part) => /^Phases of a toggle, 2 servers \(/.test(part)) ?? '';
  const phase = (name: string) => numberIn(toggle, name);
  return {
    proven: numberIn(top, 'run start → new version proven, 2 servers'),
    whole: numberIn(top, 'the whole run with `keepalive_min_timeout: 10s`, 2 servers'),
    phases: {
      connect: phase('connect'),
      lease: phase('lease'),
      observe: phase('observe'),
      'record intent': phase('record intent'),
      start: phase('start'),
      healthy: phase('healthy'),
      switch: phase('switch'),
      drain: phase('drain'),
      stop: phase('stop'),
    },
    longestGap: numberIn(top, 'longest time without an answer, switching, 64 clients'),
    requests: numberIn(top, 'requests sent for these, all answered'),
  };
}

/** numberIn returns the first figure of a row by its name. */
function numberIn(table: string, name: string): number {
  const row = table.split('\n').find((line) => line.startsWith(`| ${name} |`));
  const value = Number.parseFloat(row?.split('|')[2]?.replaceAll(',', '') ?? '');
  if (Number.isNaN(value)) throw new Error(`docs/benchmarks.md has no row "${name}": run npm run bench`);
  return value;
}

function count(value: number): string {
  return value.toLocaleString('en-GB');
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
