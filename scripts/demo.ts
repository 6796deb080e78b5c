/**
 * The demo: the shop of examples/ is deployed to two servers of the lab three times. Its second version arrives
 * under load, its third is broken.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { Example } from '../test/e2e/example.ts';
import { type Lab, startLab } from '../test/lab/lab.ts';
import { type Deployed, type DeployedUnderLoad, deploy, deployUnderLoad, errorsOf } from './demo/deploy.ts';
import { count, Screen, seconds } from './demo/screen.ts';

const HELP = `Deploys the example shop to two servers of the lab: version 1, version 2 under load, and a version 3
that is broken. Ends with 1 when a request was lost, or anything else was not as it should be.

  npm run demo                      the servers stay up afterwards, to be looked at
  npm run demo -- --down            remove them at the end, with all that the demo left

  --name <lab>    name of the lab (default: demo); what is left of it is removed first
  --help          this text

It needs a Docker engine (npm run demo installs and starts one: Debian or Ubuntu, root). On a fresh machine the
lab's images are built from Debian packages first, which takes a minute or two, once.`;

/** One act of the demo, for the account at the end. */
interface Act {
  title: string;
  deployed: Deployed | DeployedUnderLoad;
}

const screen = new Screen();
const complaints: string[] = [];

/** expect notes what is not as it should be; the demo goes on, and fails at the end. */
function expect(isSo: boolean, complaint: string): void {
  if (isSo) return;
  complaints.push(complaint);
  screen.line(`  ${screen.styled(['bold', 'red'], `✗ ${complaint}`)}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      name: { type: 'string', default: 'demo' },
      down: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    screen.line(HELP);
    return 0;
  }
  const begun = performance.now();
  screen.line(
    screen.styled('bold', 'Switchyard: a shop is deployed three times, and not one request is lost'),
  );
  screen.line('This is the file that is deployed, to two servers that stand in for the addresses in it:');
  screen.line();
  screen.listing(shopFile());
  screen.line();
  screen.step('starting two servers: containers with sshd and a Docker engine of their own');
  // One Debian system is made for both: on a machine with nothing, a second one takes half a minute more.
  const servers = [{ suite: 'trixie' }, { suite: 'trixie' }] as const;
  const lab = await startLab({ name: values.name, servers: [...servers], log: (line) => screen.step(line) });
  screen.step(`up after ${seconds(performance.now() - begun)}`);
  screen.line();
  screen.table(
    ['server', 'private address', 'Debian', 'Docker'],
    await Promise.all(
      lab.servers.map(async (server) => [
        server.host,
        server.privateIp,
        server.suite,
        (await server.docker('version', '--format', '{{.Server.Version}}')).trim(),
      ]),
    ),
  );
  const shop = await Example.copy(lab, 'shop');
  const acts = await play(shop, lab);
  await account(shop, acts);
  screen.line(`${acts.length} deploys in ${seconds(performance.now() - begun)}, the servers included.`);
  if (values.down) await lab.down();
  else leave(lab, shop);
  for (const complaint of complaints) screen.line(screen.styled(['bold', 'red'], `✗ ${complaint}`));
  return complaints.length === 0 ? 0 : 1;
}

/** What a reader looks at while servers start, and on a first run while their images are built: without comments. */
function shopFile(): string {
  const text = readFileSync(join(import.meta.dirname, '..', 'examples', 'shop', 'switchyard.yml'), 'utf8');
  return text.replaceAll(/^\s*#.*\n/gm, '').trim();
}

async function play(shop: Example, lab: Lab): Promise<Act[]> {
  const acts: Act[] = [];
  screen.heading(
    'Act 1: version 1 arrives on two empty servers',
    'Edge and sidecar are set up, then redis, then the web front, which needs it.',
  );
  const first = await deploy(screen, shop, await build(shop, 'v1'));
  screen.line();
  keep(lab, '1-first-deploy', first);
  acts.push({ title: 'version 1', deployed: first });
  expect(first.run.code === 0, `version 1 was not deployed:\n${first.run.log}`);
  if (first.run.code !== 0) return acts;
  await showSides(shop, new Map());

  screen.heading(
    'Act 2: version 2 replaces it, under load',
    '32 clients with raw sockets ask both edges, GET and POST, and never retry: what is not answered is lost.',
  );
  await shop.change('web/server.mjs', 'Welcome to the shop', 'Welcome back to the shop', 'A warmer greeting');
  const before = await sidesOf(shop);
  const second = await deployUnderLoad(screen, shop, lab.servers, await build(shop, 'v2'));
  keep(lab, '2-under-load', second);
  acts.push({ title: 'version 2, under load', deployed: second });
  expect(second.run.code === 0, `version 2 was not deployed:\n${second.run.log}`);
  screen.line();
  showTraffic(second);
  await showSides(shop, before);
  const after = await sidesOf(shop);
  for (const [host, side] of before) {
    expect(after.get(host) !== side, `the side on ${host} did not change`);
  }

  screen.heading(
    'Act 3: version 3 is broken, under the same load',
    'A slip of the hand in the name of a variable: the front looks for its cache where there is none.',
  );
  await shop.change('web/server.mjs', 'SWITCHYARD_CACHE_HOST', 'SWITCHYARD_CASHE_HOST', 'Tidy up');
  const third = await deployUnderLoad(screen, shop, lab.servers, await build(shop, 'v3'));
  keep(lab, '3-broken', third);
  acts.push({ title: 'version 3, broken, under load', deployed: third });
  expect(third.run.code !== 0, 'version 3 was deployed, and should have been refused');
  const [error = '', ...others] = errorsOf(third.run);
  screen.line();
  screen.line(`  The run failed after ${seconds(third.run.ms)}, and says why:`);
  screen.line();
  screen.quote(error);
  if (others.length > 0) screen.line(`  (and the same of the other server)`);
  screen.line();
  showTraffic(third);
  await showSides(shop, after);
  expect(/answered 503/.test(error), 'the failure does not say what was wrong');
  expect(third.traffic.versions.v3 === undefined, 'version 3 answered users');
  await expectOneSide(shop, lab);
  return acts;
}

/** build makes the image of the front from the repository and pushes it, as the shop's workflow does. */
async function build(shop: Example, version: string): Promise<string> {
  const begun = performance.now();
  const image = await shop.build('web', version);
  const commit = await shop.git('log', '-1', '--format=%h "%s"');
  screen.step(`commit ${commit} built and pushed as ${image} (${seconds(performance.now() - begun)})`);
  return image;
}

/** keep writes the job summary and the log of a run where they can be looked at. */
function keep(lab: Lab, name: string, { run }: Deployed): void {
  const folder = join(lab.dir, 'summaries');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.md`), run.summary);
  writeFileSync(join(folder, `${name}.log`), run.log);
}

function showTraffic({ traffic, provenMs }: DeployedUnderLoad): void {
  const { sent, lost, latency, longestGapMs, clientStallMs, versions, losses } = traffic;
  expect(
    lost === 0,
    `${lost} of ${sent} requests were lost: ${losses.map(({ detail }) => detail).join('; ')}`,
  );
  screen.table(
    ['requests', 'lost', 'p50', 'p99', 'longest gap', 'answered by', 'switch proven after'],
    [
      [
        count(sent),
        screen.styled(lost === 0 ? ['bold', 'green'] : ['bold', 'red'], count(lost)),
        `${latency.p50} ms`,
        `${latency.p99} ms`,
        `${longestGapMs} ms`,
        Object.entries(versions)
          .map(([version, answers]) => `${version} ${count(answers)}`)
          .join(', '),
        provenMs === undefined ? 'no switch' : seconds(provenMs),
      ],
    ],
  );
  screen.note(
    `All of it shares this machine: the clients' own process stood still for up to ${clientStallMs} ms, too.`,
  );
}

/** sidesOf returns the side that the front has on each server, by the record. */
async function sidesOf(shop: Example): Promise<Map<string, string>> {
  const { services } = await shop.state();
  return new Map(services.web?.copies.map(({ server, slot }) => [server, slot]));
}

async function showSides(shop: Example, before: ReadonlyMap<string, string>): Promise<void> {
  const { services } = await shop.state();
  const rows = (services.web?.copies ?? []).map(({ server, slot, container, release }) => {
    const old = before.get(server);
    return [server, ...(before.size > 0 ? [old ?? ''] : []), slot, container, String(release)];
  });
  const sides = before.size > 0 ? ['side before', 'side now'] : ['side'];
  screen.table(['web on', ...sides, 'container', 'release'], rows);
}

/** Nothing of the version that failed may be left, and nothing of an old side. */
async function expectOneSide(shop: Example, lab: Lab): Promise<void> {
  const { services } = await shop.state();
  for (const server of lab.servers) {
    const names = (await server.docker('ps', '--all', '--format', '{{.Names}}')).split('\n');
    const found = names.filter((name) => name.startsWith('shop_production_web'));
    const recorded = services.web?.copies.find((copy) => copy.server === server.host)?.container;
    expect(
      found.join() === recorded,
      `${server.host} has ${found.join(', ') || 'no front'}, not ${recorded}`,
    );
  }
}

async function account(shop: Example, acts: readonly Act[]): Promise<void> {
  screen.heading(
    'What happened',
    'The record on the branch switchyard-state, as git log shows it, newest first:',
  );
  const log = await shop.git('--git-dir', shop.origin, 'log', '--format=%h %s', 'switchyard-state');
  for (const line of log.split('\n')) screen.line(`  ${line}`);
  screen.line();
  const again = await (await shop.start('update-nginx')).done;
  const isRight = again.code === 0 && again.outputs.changed === 'false';
  expect(isRight, `edge or sidecar did not serve what is recorded:\n${again.log}`);
  screen.table(
    ['deploy', 'ended', 'whole run', 'proven after', 'requests', 'lost'],
    acts.map(({ title, deployed }) => [
      title,
      deployed.run.code === 0 ? 'deployed' : 'refused, version 2 serves on',
      seconds(deployed.run.ms),
      deployed.provenMs === undefined ? '' : seconds(deployed.provenMs),
      'traffic' in deployed ? count(deployed.traffic.sent) : '',
      'traffic' in deployed ? count(deployed.traffic.lost) : '',
    ]),
  );
}

function leave(lab: Lab, shop: Example): void {
  const here = (path: string) => relative(process.cwd(), path) || '.';
  const name = lab.name;
  screen.line();
  screen.line('Look further:');
  screen.line();
  const rows = [
    [here(join(lab.dir, 'summaries')), 'job summaries and logs of the three runs'],
    [here(shop.folder), 'the repository: switchyard.yml, web/'],
    [`git --git-dir ${here(shop.origin)} log -p switchyard-state -- state`, 'the history of production'],
    [`npm run lab -- docker --name ${name} 1 ps`, 'what runs on server 1'],
    [`npm run lab -- ssh --name ${name} 1`, 'a shell there'],
    [`curl -H "Host: shop.example.com" http://${lab.servers[0]!.host}/`, 'the shop'],
    [`npm run lab -- down --name ${name}`, 'remove the servers, and all of this'],
  ];
  const width = Math.max(...rows.map(([what]) => what!.length));
  for (const [what = '', why = ''] of rows) {
    screen.line(
      `  ${screen.styled('cyan', what)}${' '.repeat(width - what.length)}   ${screen.styled('dim', why)}`,
    );
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error && process.env.DEBUG === undefined ? error.message : error);
  process.exitCode = 1;
}
