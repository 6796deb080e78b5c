import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun } from '../lab/command.ts';
import { requireOwnTargets, type Target } from '../lab/traffic/targets.ts';

/** What a load found. */
export interface LoadFigures {
  perSecond: number;
  /** From the request to the end of its answer, in milliseconds. */
  p50: number;
  p99: number;
}

/** A load by h2load, of Debian's nghttp2-client: a program in C, so that what is measured is the server. */
export interface Load {
  target: Target;
  /** As people would write it: its host is asked for, whatever the target's address is. */
  url: string;
  protocol: 'HTTP/1.1' | 'HTTP/2';
  requests: number;
  connections: number;
  /** Requests on their way at once on each connection. */
  streams: number;
  /** What each of them sends, as a POST; GET when left out. */
  body?: string;
  /** Requests each second on each connection; as many as it gets answered when left out. */
  rate?: number;
}

/** loadWith sends all requests of a load. It throws when one of them is not answered with 2xx, or a target is not ours. */
export async function loadWith({
  target,
  url,
  protocol,
  requests,
  connections,
  streams,
  body,
  rate,
}: Load): Promise<LoadFigures> {
  requireOwnTargets([target]);
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-h2load-'));
  const log = join(folder, 'log');
  const data = join(folder, 'data');
  if (body !== undefined) writeFileSync(data, body);
  try {
    const said = await mustRun([
      ...['h2load', `--requests=${requests}`, `--clients=${connections}`],
      ...[`--max-concurrent-streams=${streams}`, `--log-file=${log}`],
      ...[`--connect-to=${target.host}:${target.port}`],
      ...(protocol === 'HTTP/1.1' ? ['--h1'] : []),
      ...(body === undefined ? [] : [`--data=${data}`]),
      ...(rate === undefined ? [] : [`--rps=${rate}`]),
      url,
    ]);
    if (!said.includes(`status codes: ${requests} 2xx`)) throw new Error(said);
    const ms = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => Number(line.split('\t')[2]) / 1_000)
      .sort((one, other) => one - other);
    const quantile = (part: number) => ms[Math.min(ms.length - 1, Math.floor(ms.length * part))]!;
    const perSecond = Number(/, ([\d.]+) req\/s/.exec(said)?.[1]);
    return { perSecond, p50: quantile(0.5), p99: quantile(0.99) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
