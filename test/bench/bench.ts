import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ActionRun, startAction } from '../e2e/action.ts';
import { labBuilder } from '../e2e/lab-builders.ts';
import { type Inputs, Project, serversOf } from '../e2e/project.ts';
import { startAuthority } from '../lab/ca.ts';
import { type LabServer, startLab } from '../lab/lab.ts';
import { startRelay } from '../lab/relay.ts';
import { startHttpTraffic } from '../lab/traffic/http.ts';
import { buildMs, builtProject, changeLine } from './builds.ts';
import { type CrowdFigures, measureCrowdedEdge } from './crowded-edge.ts';
import { askFromOutside } from './from-outside.ts';
import { type Load, type LoadFigures, loadWith } from './h2load.ts';
import { startPlainNginx } from './plain-nginx.ts';
import { planningCpuMs } from './planning.ts';
import { renderTimeLine } from './time-line.ts';
import { measureTransfer } from './transfer.ts';

/** Runs of each figure; the median is quoted. */
const RUNS = 5;
const repository = join(import.meta.dirname, '..', '..');

/** A figure over several runs. */
interface Figure {
  name: string;
  values: number[];
  unit: string;
  target?: string;
}

/** Has an action say at its end how much CPU its process has used. */
const COUNTING_CPU = `data:text/javascript,${encodeURIComponent(
  'process.on("exit",()=>{const{user,system}=process.cpuUsage();console.log(`cpu ${(user+system)/1000} ms`)})',
)}`;

const figures: Figure[] = [];
const tables: string[] = [];

const PARTS: Record<string, () => Promise<void>> = {
  'toggle-1': () => benchToggle('1 server', [a], '2s', '≤ 1,300 ms'),
  'toggle-4': () => benchToggle('4 servers', [a, b, c, d], '2s', '≤ 2,000 ms'),
  'toggle-4-mixed': () => benchToggle('4 servers, two of them with engine 20.10', [a, e, b, f], '2s'),
  crash: benchCrash,
  rollback: benchRollback,
  planning: benchPlanning,
  loading: benchLoading,
  edge: benchEdge,
  'edge-before': benchEdgeBefore,
  'crowded-edge': benchCrowdedEdge,
  'edge-tls': benchEdgeTls,
  certificates: benchCertificates,
  'toggle-2': () => benchToggle('2 servers', [a, b], '10s', '≤ 1,300 ms'),
  growth: benchGrowth,
  transfer: benchTransfer,
  'keepalive-min-timeout': benchKeepaliveMinTimeout,
  'nothing-to-build': benchNothingToBuild,
  'changed-line': () => benchChangedLine('with a registry'),
  'changed-line-no-registry': () => benchChangedLine('without a registry'),
};

const chosen = process.argv.slice(2);
const unknown = chosen.find((name) => !(name in PARTS));
if (unknown !== undefined) throw new Error(`There is no part ${unknown}: ${Object.keys(PARTS).join(', ')}`);
const SUITES = ['trixie', 'trixie', 'trixie', 'trixie', 'bookworm', 'bookworm'] as const;
/** Parts that need no more than the first two servers. */
const OF_TWO = [
  ...['toggle-1', 'toggle-2', 'crash', 'rollback', 'planning', 'loading', 'edge', 'edge-tls'],
  ...['nothing-to-build', 'changed-line', 'changed-line-no-registry', 'transfer'],
];
const isSmall = chosen.length > 0 && chosen.every((name) => OF_TWO.includes(name));
const lab = await startLab({
  // Another name lets two of them run on one machine.
  name: process.env.SWITCHYARD_BENCH_LAB ?? 'bench',
  servers: SUITES.slice(0, isSmall ? 2 : SUITES.length).map((suite) => ({ suite })),
  log: console.log,
});
const [a, b, c, d, e, f] = lab.servers as [LabServer, LabServer, LabServer, LabServer, LabServer, LabServer];
/** An app that is healthy as soon as its container runs: nginx with a page that says which run it is of. */
const QUICK = {
  image: lab.images.nginx,
  port: 80,
  healthcheck: { path: '/' },
  command: ['sh', '-c', 'echo "$$RUN" >/var/www/html/index.html; exec nginx -g "daemon off;"'],
  environment: { RUN: 'first' },
};
try {
  for (const [name, part] of Object.entries(PARTS)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    await part();
    // What was measured stays when a later part fails or is ended; a selection is for looking, not for keeping.
    if (chosen.length === 0) writeFileSync(join(repository, 'docs', 'benchmarks.md'), report());
  }
  if (chosen.length > 0) console.log(report());
} finally {
  await lab.down();
}

/** Toggles a web service, and counts from the start of the process to the proof, phase by phase. */
async function benchToggle(
  where: string,
  servers: readonly LabServer[],
  keepaliveMinTimeout: string,
  target?: string,
): Promise<void> {
  const shop = await webProject('toggle', servers, keepaliveMinTimeout, QUICK);
  await shop.deploy();
  const served: number[] = [];
  const proven: number[] = [];
  const whole: number[] = [];
  const phases = new Map<string, number[]>();
  const calls: number[] = [];
  const runs: ActionRun[] = [];
  for (let run = 0; run < RUNS; run++) {
    nextRun(shop, String(run));
    const outsider = askFromOutside(servers, 'toggle.example.com', String(run), performance.now());
    const { provenMs, outcome } = await runTimed(shop);
    served.push(await outsider.served);
    await outsider.stop();
    proven.push(provenMs);
    whole.push(outcome.ms);
    runs.push(outcome);
    for (const [phase, ms] of phasesOf(outcome)) phases.set(phase, [...(phases.get(phase) ?? []), ms]);
    calls.push(Number(/(\d+) Engine API calls/.exec(outcome.summary)?.[1]));
  }
  add(
    `run start → new version on every server, asked from outside every 10 ms, ${where}`,
    served,
    'ms',
    target,
  );
  add(`run start → new version proven, ${where}`, proven, 'ms');
  add(`the whole run with \`keepalive_min_timeout: ${keepaliveMinTimeout}\`, ${where}`, whole, 'ms');
  add(`Engine API calls of a toggle, ${where}`, calls, 'calls');
  tables.push(phaseTable(where, phases), renderTimeLine(`a toggle, ${where}`, runs));

  add(
    `a deploy with nothing to do, ${where}`,
    await repeat(async () => (await shop.deploy()).ms),
    'ms',
    '≤ 1,200 ms',
  );
  add(
    `\`status\`, ${where}`,
    await repeat(async () => (await shop.run('status')).ms),
    'ms',
    servers.length === 4 ? '≤ 1,000 ms' : undefined,
  );
  await remove(shop);
}

/** What each further server costs the run itself: its process alone, since all engines stand on the same machine here. */
async function benchGrowth(): Promise<void> {
  const fleets = [[a, b] as const, lab.servers];
  const cpuOf: Record<string, number[][]> = { 'a deploy with nothing to do': [], '`status`': [] };
  for (const servers of fleets) {
    const shop = await webProject('growth', servers, '2s', QUICK);
    await shop.deploy();
    const cpu = async (action: string) => {
      const { log } = await shop.run(action, {}, { NODE_OPTIONS: `--import=${COUNTING_CPU}` });
      return Number(/^cpu ([\d.]+) ms$/m.exec(log)?.[1]);
    };
    cpuOf['a deploy with nothing to do']!.push(await repeat(() => cpu('toggle-deploy')));
    cpuOf['`status`']!.push(await repeat(() => cpu('status')));
    await remove(shop);
  }
  const more = lab.servers.length - 2;
  for (const [what, [few = [], many = []]] of Object.entries(cpuOf)) {
    add(`CPU of the run itself: ${what}, 2 servers`, few, 'ms');
    const each = many.map((ms) => (ms - median(few)) / more);
    add(`and for each further server, up to ${lab.servers.length}`, each, 'ms', '≤ 30 ms');
  }
}

/** The release before the last one is brought back right after a deploy; its image is there. */
async function benchRollback(): Promise<void> {
  const shop = await webProject('rollback', [a, b], '2s');
  await shop.deploy();
  const proven: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    await nextRun(shop, String(run)).deploy();
    proven.push((await runTimed(shop, 'rollback', { service: 'web' })).provenMs);
  }
  add('`rollback`: run start → old release proven, 2 servers, an app that boots', proven, 'ms', '≤ 3,000 ms');
  await remove(shop);
}

/** A run is killed between start and switch; the next one, which nobody has told, against one that follows a whole run. */
async function benchCrash(): Promise<void> {
  const shop = await webProject('crash', [a, b], '2s', QUICK);
  await shop.deploy();
  const clean: number[] = [];
  const afterCrash: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    clean.push((await runTimed(nextRun(shop, `clean ${run}`))).provenMs);
    const killed = nextRun(shop, `crash ${run}`).start('toggle-deploy');
    await killed.says(/^::debug::ends: start: /m);
    killed.signal('SIGKILL');
    await killed.done;
    afterCrash.push((await runTimed(shop)).provenMs);
  }
  const more = afterCrash.map((ms, run) => ms - clean[run]!);
  add(
    'run start → new version proven, 2 servers, after a run that was killed between start and switch',
    afterCrash,
    'ms',
  );
  add('the same, more than after a whole run (pairwise)', more, 'ms', '≤ 5,000 ms');
  await remove(shop);
}

/** The same version with another environment: new containers. */
function nextRun(shop: Project, run: string): Project {
  return shop.edit((config) => {
    config.services.web!.environment = { RUN: run };
  });
}

/** runTimed runs an action, and tells how long it took from the start of the process until the new side was proven. */
async function runTimed(
  shop: Project,
  action = 'toggle-deploy',
  inputs: Inputs = {},
  env: Record<string, string> = {},
): Promise<{ provenMs: number; outcome: ActionRun }> {
  const begun = performance.now();
  const running = shop.start(action, inputs, env);
  await running.says(provenOn(shop));
  const provenMs = performance.now() - begun;
  const outcome = await running.done;
  if (outcome.code !== 0) throw new Error(outcome.log);
  return { provenMs, outcome };
}

/** What a run says when the new copies are proven on all servers of a project. */
function provenOn({ config, environment }: Project): RegExp {
  const { length } = config.environments[environment]!.servers as unknown[];
  return new RegExp(`(?:^\\S+: prove \\([\\s\\S]*){${length}}`, 'm');
}

/** Durations by phase; of a phase that ran on several servers, the longest. */
function phasesOf({ log }: ActionRun): Map<string, number> {
  const phases = new Map<string, number>();
  for (const [, phase = '', seconds] of log.matchAll(
    /^(?:\S+(?: on \S+)?: )?([a-z ]+) \((\d+\.\d+) s\)$/gm,
  )) {
    phases.set(phase, Math.max(phases.get(phase) ?? 0, Number(seconds) * 1000));
  }
  return phases;
}

function phaseTable(where: string, phases: ReadonlyMap<string, number[]>): string {
  const rows = [...phases].map(([phase, values]) => `| ${phase} | ${Math.round(median(values))} |`);
  return `### Phases of a toggle, ${where} (median ms, the slowest server; connect and lease run side by side)

| phase | ms |
| --- | --- |
${rows.join('\n')}`;
}

/** Ten services of which the registry has all. */
async function benchNothingToBuild(): Promise<void> {
  const services = Array.from({ length: 10 }, (_, index) => `service-${index}`);
  const { env } = await labBuilder('engine', lab);
  const shop = await builtProject(lab, { name: 'nothing', servers: [a], services });
  const build = async () => {
    const run = await shop.run('build-push', { 'ssh-private-key': '' }, env);
    if (run.code !== 0) throw new Error(run.log);
    return run.ms;
  };
  await build();
  add('`build-push` of ten services with nothing to build', await repeat(build), 'ms', '≤ 3,000 ms');
}

/** A line of a service in Node is changed and committed; the layers below are there. */
async function benchChangedLine(where: 'with a registry' | 'without a registry'): Promise<void> {
  const servers = [a, b];
  const name = where === 'with a registry' ? 'changed' : 'carried';
  const shop = await builtProject(lab, { name, servers, services: ['web'] });
  const { env: builder } = await labBuilder('engine', lab);
  const job = mkdtempSync(join(tmpdir(), 'switchyard-bench-job-'));
  const env = { ...builder, RUNNER_TEMP: job };
  if (where === 'without a registry') {
    shop.edit((config) => {
      config.registry = 'none';
    });
  }
  await shop.run('deploy', {}, env);
  const served: number[] = [];
  const building: number[] = [];
  const whole: number[] = [];
  const runs: ActionRun[] = [];
  for (let run = 0; run < RUNS; run++) {
    await changeLine(shop, 'web', `line ${run}`);
    // The runner empties it between two jobs.
    rmSync(job, { recursive: true, force: true });
    mkdirSync(job);
    const domain = `web.${name}.example.com`;
    const outsider = askFromOutside(servers, domain, `line ${run}`, performance.now());
    const { outcome } = await runTimed(shop, 'deploy', {}, env);
    served.push(await outsider.served);
    await outsider.stop();
    building.push(buildMs(outcome));
    whole.push(outcome.ms);
    runs.push(outcome);
  }
  rmSync(job, { recursive: true, force: true });
  add(`a changed line → both of two servers serve it, ${where}`, served, 'ms', '≤ 8,000 ms');
  add(
    `of that: built and ${where === 'with a registry' ? 'pushed' : 'taken from the engine'}`,
    building,
    'ms',
  );
  add('the whole run', whole, 'ms');
  tables.push(renderTimeLine(`a changed line, 2 servers, ${where}`, runs));
  await remove(shop);
}

async function benchPlanning(): Promise<void> {
  add('CPU of a plan: 50 services on 20 servers', await planningCpuMs(RUNS), 'ms', '≤ 200 ms');
}

/** What one project's change of an edge takes that 500 services with 2,000 domains share, and what it holds. */
async function benchCrowdedEdge(): Promise<void> {
  const runs: CrowdFigures[] = [];
  for (let run = 0; run < RUNS; run++)
    runs.push(await measureCrowdedEdge({ projects: 10, services: 50, domains: 4, certificates: 200 }));
  const of = (figure: keyof CrowdFigures) => runs.map((one) => one[figure]);
  const where = '500 services, 2,000 domains over HTTPS, 200 certificates';
  add('200 certificates are installed, one after the other', of('installMs'), 'ms');
  add(`the next configuration of an edge is composed: ${where}`, of('composeMs'), 'ms');
  add(`it is compared with what is served: ${where}`, of('compareMs'), 'ms');
  add(`nginx checks it: ${where}`, of('testMs'), 'ms');
  add(`HUP → served: ${where}`, of('reloadMs'), 'ms', '≤ 5,000 ms');
  add(`memory of the edge's nginx: ${where}`, of('memoryMb'), 'MB', '≤ 500 MB');
  add(`the volume of the edge: ${where}`, of('volumeMb'), 'MB');
}

async function benchLoading(): Promise<void> {
  const workspace = repository;
  add(
    'loading a bundle entry (process start → message about the missing input)',
    await repeat(async () => (await startAction('toggle-deploy', {}, { workspace }).done).ms),
    'ms',
    '≤ 300 ms',
  );
  add('the bundle', [statSync(join(repository, 'dist', 'index.js')).size / 1e6], 'MB', '≤ 3.3 MB');
}

/** The hop: the same load straight to the container's host port and through the edge, in turn. */
async function benchEdge(): Promise<void> {
  const servers = lab.servers.slice(0, 2);
  const shop = await webProject('edge', servers, '10s', { servers: 1 });
  await shop.deploy();
  const [recorded] = (await shop.state()).services.web!.copies;
  const server = servers.find(({ host }) => host === recorded!.server)!;
  const ways = {
    direct: { host: server.privateIp, port: recorded!.port! },
    'through the edge': { host: server.host, port: 80 },
  };
  const seen: Record<string, { p50: number[]; p99: number[] }> = {};
  for (let run = 0; run < RUNS; run++) {
    for (const [way, target] of Object.entries(ways)) {
      const traffic = startHttpTraffic({
        targets: [target],
        hostHeader: 'edge.example.com',
        clients: 64,
        path: '/work?ms=0',
        maxSeconds: 30,
      });
      await traffic.untilSent(4_000);
      const { latency, lost } = await traffic.stop();
      if (lost > 0) throw new Error(`${lost} requests lost ${way}`);
      seen[way] ??= { p50: [], p99: [] };
      seen[way].p50.push(latency.p50);
      seen[way].p99.push(latency.p99);
    }
  }
  for (const quantile of ['p50', 'p99'] as const) {
    for (const way of Object.keys(ways))
      add(`${quantile} ${way}, 64 connections, ~2,000 requests/s`, seen[way]![quantile], 'ms');
    const added = seen['through the edge']![quantile].map(
      (value, run) => value - seen.direct![quantile][run]!,
    );
    add(`${quantile} added by the edge (pairwise)`, added, 'ms', quantile === 'p99' ? '< 2 ms' : undefined);
  }
  await benchSwitchUnderLoad(shop, server);
  await remove(shop);
}

/**
 * The edge beside that of another revision, in front of the same app, in turn. SWITCHYARD_BEFORE names a checkout of that
 * revision; without it there is nothing to compare with, and this part is left out.
 */
async function benchEdgeBefore(): Promise<void> {
  const before = process.env.SWITCHYARD_BEFORE;
  if (before === undefined) return;
  const versions = {
    now: { server: a, build: undefined },
    before: { server: b, build: join(before, 'dist') },
  };
  const shops = await Promise.all(
    Object.entries(versions).map(async ([name, { server, build }]) => {
      const shop = await webProject(`edge-${name}`, [server], '2s');
      if (build !== undefined) shop.build = build;
      await shop.deploy();
      return shop;
    }),
  );
  const body = 'x'.repeat(1_000);
  const kinds = {
    GET: {},
    POST: { body },
    'GET, 1,000 a second': { rate: 16 },
    'POST, 1,000 a second': { body, rate: 16 },
  };
  for (const [kind, sent] of Object.entries(kinds)) {
    const load = async (name: keyof typeof versions) =>
      await loadWith({
        target: { host: versions[name].server.host, port: 80 },
        ...{ url: `http://edge-${name}.example.com/`, protocol: 'HTTP/1.1', streams: 1 },
        ...{ requests: 10_000, connections: 64, ...sent },
      });
    const seen: Record<keyof typeof versions, LoadFigures>[] = [];
    for (let run = 0; run < 2 * RUNS; run++) {
      // Who begins is never the same twice in a row: a machine gets warm.
      const first = run % 2 === 0 ? await load('now') : undefined;
      const earlier = await load('before');
      seen.push({ now: first ?? (await load('now')), before: earlier });
    }
    const paced = 'rate' in sent;
    for (const figure of paced ? (['p50', 'p99'] as const) : (['perSecond', 'p50', 'p99'] as const)) {
      add(
        `${figure} of ${kind} through the edge, beside the revision before`,
        seen.map(({ now, before }) => now[figure] / before[figure]),
        '×',
      );
      add(
        `${figure} of ${kind}`,
        seen.map(({ now }) => now[figure]),
        figure === 'perSecond' ? '/s' : 'ms',
      );
    }
  }
  for (const shop of shops) await remove(shop);
}

/** The edge beside an nginx as people write it by hand, in front of the same app, in turn. */
async function benchEdgeTls(): Promise<void> {
  const shop = await webProject('edge-tls', [a], '2s', QUICK);
  shop.edit((config) => {
    config.tls = { mode: 'self-signed', redirect: false };
  });
  await shop.deploy();
  const domain = 'edge-tls.example.com';
  const [app] = await shop.containers(a, 'web');
  const plain = await startPlainNginx(a, {
    ...{ image: lab.images.nginx, network: 'edge-tls_production_network', domain, app: `${app}:80` },
    ports: { http: 8080, https: 8443 },
  });
  try {
    const kinds = {
      'HTTP/1.1': { scheme: 'http', protocol: 'HTTP/1.1', streams: 1 },
      'HTTP/1.1 over TLS': { scheme: 'https', protocol: 'HTTP/1.1', streams: 1 },
      'HTTP/2 over TLS': { scheme: 'https', protocol: 'HTTP/2', streams: 4 },
    } as const;
    for (const [kind, { scheme, protocol, streams }] of Object.entries(kinds)) {
      const load = (port: number): Load => ({
        ...{ target: { host: a.host, port }, url: `${scheme}://${domain}/`, protocol, streams },
        ...{ requests: 20_000, connections: 64 },
      });
      const seen: { edge: LoadFigures; plain: LoadFigures }[] = [];
      for (let run = 0; run < RUNS; run++) {
        // Who begins is never the same twice in a row: a machine gets warm.
        const edgeFirst = run % 2 === 0 ? await loadWith(load(scheme === 'http' ? 80 : 443)) : undefined;
        const plainly = await loadWith(load(scheme === 'http' ? 8080 : 8443));
        seen.push({
          edge: edgeFirst ?? (await loadWith(load(scheme === 'http' ? 80 : 443))),
          plain: plainly,
        });
      }
      const each = (of: (one: (typeof seen)[number]) => number) => seen.map(of);
      add(
        `requests/s through the edge, ${kind}, 64 connections`,
        each(({ edge }) => edge.perSecond),
        '/s',
      );
      add(
        'as a share of a plain nginx (pairwise)',
        each(({ edge, plain }) => edge.perSecond / plain.perSecond),
        '',
        '≥ 0.9',
      );
      for (const quantile of ['p50', 'p99'] as const) {
        add(
          `${quantile} through the edge, ${kind}`,
          each(({ edge }) => edge[quantile]),
          'ms',
        );
        add(
          `${quantile} through a plain nginx, ${kind}`,
          each(({ plain }) => plain[quantile]),
          'ms',
        );
      }
    }
  } finally {
    await plain.stop();
  }
  await remove(shop);
}

/** From the start of the process to its end: everything is there but the certificates. */
async function benchCertificates(): Promise<void> {
  const servers = [a, b, c, d];
  const authority = await startAuthority({ httpPort: 80 });
  try {
    const names = ['shop.example.com', 'www.example.com', 'api.example.com'];
    for (const name of names) await authority.dns.address(name, ...servers.map(({ host }) => host));
    const shop = await webProject('certificates', servers, '2s', { ...QUICK, domain: names });
    shop.edit((config) => {
      const { url, ca } = authority.directory;
      config.tls = { email: 'ops@example.com', directory: url, directory_ca: ca };
    });
    await shop.deploy();
    const issue = async () => {
      const { code, log, ms } = await shop.run('certificates', { action: 'issue' });
      if (code !== 0) throw new Error(log);
      return ms;
    };
    add(
      'new certificates for 3 names on 4 servers, from pebble: the whole run',
      await repeat(issue),
      'ms',
      '≤ 5,000 ms',
    );
    await remove(shop);
  } finally {
    await authority.stop();
  }
}

async function benchSwitchUnderLoad(shop: Project, server: LabServer): Promise<void> {
  const gaps: Record<string, number[]> = { steady: [], switching: [] };
  const worst: Record<string, number[]> = { steady: [], switching: [] };
  let sent = 0;
  for (let run = 0; run < 5; run++) {
    for (const phase of ['steady', 'switching']) {
      const traffic = startHttpTraffic({
        targets: [{ host: server.host, port: 80 }],
        hostHeader: 'edge.example.com',
        clients: 64,
      });
      await traffic.untilSent(500);
      if (phase === 'switching') {
        shop.edit((config) => {
          config.services.web!.environment = { RUN: `load ${run}` };
        });
        const running = shop.start('toggle-deploy');
        await running.says(/: prove \(/);
        await traffic.untilSent((await traffic.snapshot()).sent + 2_000);
        gaps[phase]!.push((await finish(traffic)).longestGapMs);
        await running.done;
      } else {
        await traffic.untilSent(6_000);
        gaps[phase]!.push((await finish(traffic)).longestGapMs);
      }
      async function finish(load: typeof traffic) {
        const result = await load.stop();
        if (result.lost > 0)
          throw new Error(`${result.lost} requests lost: ${JSON.stringify(result.losses)}`);
        worst[phase]!.push(result.latency.max);
        sent += result.sent;
        return result;
      }
    }
  }
  for (const phase of ['steady', 'switching']) {
    add(`longest time without an answer, ${phase}, 64 clients`, gaps[phase]!, 'ms');
    add(`slowest answer (the app takes 10 ms), ${phase}, 64 clients`, worst[phase]!, 'ms');
  }
  add('requests sent for these, all answered', [sent], 'requests');
}

/**
 * What keepalive_min_timeout is worth: clients that pause for up to 8 s between two requests, 50 ms away, while
 * the service is toggled. The old side is listed as backup throughout.
 */
async function benchKeepaliveMinTimeout(): Promise<void> {
  const [server] = lab.servers;
  const rows: string[] = [];
  for (const timeout of ['100ms', '2s', '5s', '10s']) {
    const shop = await webProject(`idle${timeout.replace('ms', 'm')}`, [server!], timeout);
    await shop.deploy();
    const relay = await startRelay({ target: { host: server!.host, port: 80 }, delayMs: 25 });
    const traffic = startHttpTraffic({
      targets: [relay],
      hostHeader: `${shop.config.project}.example.com`,
      clients: 400,
      thinkMs: [0, 8_000],
      maxSeconds: 300,
    });
    await traffic.untilSent(400, 60_000);
    const whole: number[] = [];
    for (let run = 0; run < 5; run++) {
      shop.edit((config) => {
        config.services.web!.environment = { RUN: String(run) };
      });
      whole.push((await shop.deploy()).ms);
    }
    const { sent, lost } = await traffic.stop();
    await relay.close();
    rows.push(`| ${timeout} | ${sent} | ${lost} | ${Math.round(median(whole))} ms |`);
    await remove(shop);
  }
  tables.push(`### What \`keepalive_min_timeout\` is worth

400 clients that pause 0 to 8 s between two requests on a kept connection, 50 ms away, GET and POST, never
repeating; 5 toggles each; the old side is listed as \`backup\` throughout.

| \`keepalive_min_timeout\` | sent | lost | the whole run (median) |
| --- | --- | --- | --- |
${rows.join('\n')}

The backup catches what old workers still bring. It cannot help a client whose idle connection is closed while its next
request is on the way: only the time-out keeps that connection open. So the default is 10s, and a shorter one makes runs
shorter for services whose clients repeat a request that got no answer.`);
}

/** Brings an image to a server without a registry, and the same bytes by scp. */
async function benchTransfer(): Promise<void> {
  const { scp, transfer } = await measureTransfer(lab, a, RUNS);
  add('200 MB in 3 layers by `scp`', scp, 'MB/s');
  add('the same as an image without a registry, until the engine has unpacked it', transfer, 'MB/s');
  const shares = transfer.map((value, run) => (100 * value) / scp[run]!);
  add('the same, of what `scp` reaches (pairwise)', shares, '%', '≥ 70 %');
}

async function webProject(
  name: string,
  servers: readonly LabServer[],
  keepaliveMinTimeout: string,
  more: Record<string, unknown> = {},
): Promise<Project> {
  return await Project.create(lab, {
    project: name,
    sidecar: { image: lab.images.nginx, keepalive_min_timeout: keepaliveMinTimeout },
    environments: { production: { provider: 'static', user: 'deploy', servers: serversOf(servers) } },
    services: {
      web: {
        image: lab.images.web('v1'),
        port: 3000,
        domain: `${name}.example.com`,
        servers: servers.length,
        healthcheck: { path: '/health' },
        ...more,
      },
    },
  });
}

async function remove(project: Project): Promise<void> {
  project.edit((config) => {
    config.services = {};
  });
  await project.deploy();
}

async function repeat(work: () => Promise<number>): Promise<number[]> {
  const values: number[] = [];
  for (let run = 0; run < RUNS; run++) values.push(await work());
  return values;
}

function add(name: string, values: number[], unit: string, target?: string): void {
  figures.push({ name, values, unit, ...(target && { target }) });
  console.log(`${name}: ${show(median(values))} ${unit}`);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function show(value: number): string {
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en')
    : value.toFixed(2).replace(/\.?0+$/, '');
}

function report(): string {
  const rows = figures.map(
    ({ name, values, unit, target }) =>
      `| ${name} | ${show(median(values))} ${unit} | ${show(Math.min(...values))} to ${show(Math.max(...values))} | ${values.length} | ${target ?? ''} |`,
  );
  return `# Benchmarks

Written by \`npm run bench\`. Servers, clients, proxies and apps share ${cpus().length} cores of one machine (containers with
Docker and sshd of their own, Debian 13 with engine 26.1 unless said otherwise): the ratios carry over, the absolute times
do not. What is toggled is nginx with its welcome page, which is healthy as soon as its container runs; what carries load
is the lab's web app.

| figure | median | from to | runs | target |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

${tables.join('\n\n')}
`;
}
