import { setTimeout as sleep } from 'node:timers/promises';
import type { ActionRun, RunningAction } from '../../test/e2e/action.ts';
import type { Example } from '../../test/e2e/example.ts';
import type { LabServer } from '../../test/lab/lab.ts';
import { startHttpTraffic } from '../../test/lab/traffic/http.ts';
import type { TrafficResult } from '../../test/lab/traffic/tally.ts';
import { count, type Screen, seconds } from './screen.ts';

/** Enough to see every gap, and little enough for two shared cores. */
const CLIENTS = 32;
const THINK_MS: [number, number] = [20, 60];
/** The load runs this long before and after a deploy, so that both versions are seen at rest. */
const BEFORE_MS = 2_000;
const AFTER_MS = 1_500;
/** A deploy of the demo is over long before; then no load goes on for ever. */
const LONGEST_LOAD_S = 180;
/** How often the log of a running deploy is looked at. */
const LOOK_EVERY_MS = 20;

/** What became of a deploy. */
export interface Deployed {
  run: ActionRun;
  /** From the start of the run to the switch proven on all servers; undefined when there was none. */
  provenMs: number | undefined;
}

/** A deploy that users were busy during. */
export interface DeployedUnderLoad extends Deployed {
  traffic: TrafficResult;
}

/** deploy runs toggle-deploy on the shop with an image for its front, and shows what the action says it does. */
export async function deploy(screen: Screen, shop: Example, image: string): Promise<Deployed> {
  const running = await shop.start('toggle-deploy', { images: `web=${image}` });
  const tell = follow(running, (line) =>
    screen.step(line.replace(': prove (', ': edge and sidecar switched, and proven (')),
  );
  const run = await running.done;
  return { run, provenMs: tell() };
}

/** deployUnderLoad is {@link deploy} while users of all edges do not stop asking; live counters are shown. */
export async function deployUnderLoad(
  screen: Screen,
  shop: Example,
  servers: readonly LabServer[],
  image: string,
): Promise<DeployedUnderLoad> {
  const traffic = startHttpTraffic({
    targets: servers.map(({ host }) => ({ host, port: 80 })),
    hostHeader: 'shop.example.com',
    path: '/',
    clients: CLIENTS,
    thinkMs: THINK_MS,
    maxSeconds: LONGEST_LOAD_S,
  });
  const begun = performance.now();
  let doing = 'before the deploy';
  const endShow = screen.live(async () => {
    const { sent, lost, versions } = await traffic.snapshot();
    const by = Object.entries(versions).map(([version, answers]) => `${version} ${count(answers)}`);
    const losses = screen.styled(lost === 0 ? 'green' : ['bold', 'red'], `lost ${count(lost)}`);
    const time = seconds(performance.now() - begun).padStart(6);
    return `${time}  sent ${count(sent).padStart(6)}  ${losses}  answered by ${by.join(', ')}  ${screen.styled('dim', doing)}`;
  });
  await sleep(BEFORE_MS);
  const running = await shop.start('toggle-deploy', { images: `web=${image}` });
  doing = 'the image is pulled';
  const tell = follow(running, (line) => {
    doing = next(line) ?? doing;
  });
  const run = await running.done;
  doing = run.code === 0 ? 'after the deploy' : 'after the failed deploy';
  await sleep(AFTER_MS);
  await endShow();
  return { run, provenMs: tell(), traffic: await traffic.stop() };
}

/** follow hands over each phase of the shop that the action's log tells, and returns when the switch was proven. */
function follow(running: RunningAction, show: (phase: string) => void): () => number | undefined {
  const begun = performance.now();
  let seen = 0;
  let provenMs: number | undefined;
  const look = () => {
    const lines = running.log().split('\n');
    // The last one may be cut in the middle.
    for (; seen < lines.length - 1; seen += 1) {
      const line = lines[seen]!;
      // The last server counts.
      if (/: prove \(/.test(line)) provenMs = performance.now() - begun;
      if (/^(?:web|cache) on |: (?:prove|pull) \(/.test(line)) show(line);
    }
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  void running.done.finally(() => clearInterval(timer));
  return () => {
    look();
    return provenMs;
  };
}

/** What a run does when its log has just told that a phase is over. */
const NEXT: [RegExp, string][] = [
  [/: pull \(/, 'the new containers start beside the old ones'],
  [/: start \(/, 'waiting until the new containers are healthy'],
  [/: healthy failed/, 'given up; the new containers are removed'],
  [/: healthy \(/, 'all edges and sidecars are switched'],
  [/: prove \(/, 'switched and proven; the old containers drain'],
  [/: drain \(/, 'the old containers stop'],
];

function next(line: string): string | undefined {
  return NEXT.find(([pattern]) => pattern.test(line))?.[1];
}

/** errorsOf returns what an action reported as errors, as a runner would show them. */
export function errorsOf({ log }: ActionRun): string[] {
  return [...log.matchAll(/^::error[^:]*::(.*)$/gm)].map(([, text = '']) =>
    text.replaceAll('%0D', '').replaceAll('%0A', '\n').replaceAll('%25', '%'),
  );
}
