import { isWorker, type PortsSpec, type StrategyName } from '../model/spec.ts';
import { DEFAULTS } from './defaults.ts';
import type { ServiceInput } from './schema/service.ts';

/** Report is told of a mistake in a service, at the path of a key below it. */
export type Report = (path: readonly (string | number)[], message: string, hint?: string) => void;

/** checkService reports what is wrong among keys of a service that are right each by itself. */
export function checkService(input: ServiceInput, ports: PortsSpec, report: Report): void {
  checkVolumes(input, report);
  checkAliases(input, report);
  checkLimits(input, report);
  checkScratch(input, report);
  checkOverlap(input, ports, report);
  checkQueue(input, ports, report);
  checkReplicas(input, report);
  if (input.request_buffering !== undefined && ports.protocol === 'grpc')
    report(['request_buffering'], 'a call of gRPC reaches the app while it comes, always', 'Leave it out.');
}

/** strategyOf returns how a service is replaced: `overlap` is a worker's word for it. */
export function strategyOf({ strategy, overlap }: ServiceInput): StrategyName {
  return strategy ?? (overlap === false ? 'recreate' : DEFAULTS.strategy);
}

/** The words for the number of copies on a server, as they stand in the file. */
function replicaWords({ replicas, scale, deploy }: ServiceInput) {
  return [
    { path: ['replicas'], count: replicas },
    { path: ['scale'], count: scale },
    { path: ['deploy', 'replicas'], count: deploy?.replicas },
  ].flatMap(({ path, count }) => (count === undefined ? [] : [{ path, count }]));
}

/** replicasOf returns how many copies of a service stand on each of its servers. */
export function replicasOf(input: ServiceInput): number {
  return replicaWords(input)[0]?.count ?? DEFAULTS.replicas;
}

function checkReplicas(input: ServiceInput, report: Report): void {
  const [first, ...others] = replicaWords(input);
  if (first === undefined) return;
  const other = others.find(({ count }) => count !== first.count);
  if (other !== undefined)
    report(first.path, `says something else than ${other.path.join('.')}`, 'Keep one of the two.');
  if (first.count === 1) return;
  const write = 'Write replicas: 1, or leave it out.';
  if (input.preset !== undefined) {
    report(
      first.path,
      `${input.preset} keeps its data in one place: several copies would each have other data, or write the same files`,
      write,
    );
  } else if (strategyOf(input) === 'recreate') {
    report(
      first.path,
      'the old copy stops before the new one starts, since two must not work at once',
      'Write replicas: 1, or have it replaced by strategy: toggle.',
    );
  } else if (input.naming === 'version') {
    report(
      first.path,
      'with naming: version the names of several copies would differ by nothing but a time',
      'Write naming: side, or replicas: 1.',
    );
  }
}

function checkOverlap({ strategy, overlap }: ServiceInput, ports: PortsSpec, report: Report): void {
  if (overlap === undefined) return;
  if (!isWorker(ports)) {
    report(
      ['overlap'],
      'is for workers, and this service has a port',
      'Write strategy: recreate to have the old container stop before the new one starts.',
    );
  } else if (strategy !== undefined && (strategy === 'toggle') !== overlap) {
    report(['overlap'], `${overlap} and strategy: ${strategy} exclude each other`, 'Keep one of the two.');
  }
}

function checkQueue(input: ServiceInput, { protocol }: PortsSpec, report: Report): void {
  if (input.queue_requests === undefined) return;
  if (protocol !== 'http') report(['queue_requests'], 'is for services that speak http');
  else if (strategyOf(input) !== 'recreate') {
    report(
      ['queue_requests'],
      'is for strategy: recreate, and a toggle leaves nobody waiting',
      'Leave it out, or write strategy: recreate.',
    );
  }
}

/** No two containers of a stateful service ever share a volume for writing. */
function checkVolumes(input: ServiceInput, report: Report): void {
  if (input.share_volumes) return;
  const strategy = strategyOf(input);
  const servers = input.servers ?? DEFAULTS.servers;
  input.volumes?.forEach((volume, index) => {
    if (volume.readOnly || volume.source === undefined) return;
    const what = `${volume.type === 'bind' ? 'directory' : 'volume'} ${JSON.stringify(volume.source)}`;
    if (strategy === 'toggle') {
      report(
        ['volumes', index],
        `two containers would write to ${what} at the same time during a toggle`,
        'Write strategy: recreate, or mount it read-only (:ro), or write share_volumes: true if that is safe (uploads, caches; never a database).',
      );
    } else if (servers > 1 && volume.type === 'volume') {
      report(
        ['volumes', index],
        `each of ${servers} servers would have a ${what} of its own, with other data`,
        'Write servers: 1, or share_volumes: true if the servers need not have the same data.',
      );
    }
  });
}

/** Compose has two words for each limit, and refuses two values, too. */
function checkAliases(input: ServiceInput, report: Report): void {
  const { limits, reservations } = input.deploy?.resources ?? {};
  const pairs = [
    ['cpus', input.cpus, limits?.cpus, 'limits.cpus'],
    ['mem_limit', input.mem_limit, limits?.memory, 'limits.memory'],
    ['pids_limit', input.pids_limit, limits?.pids, 'limits.pids'],
    ['mem_reservation', input.mem_reservation, reservations?.memory, 'reservations.memory'],
  ] as const;
  for (const [name, short, long, path] of pairs) {
    if (short !== undefined && long !== undefined && short !== long) {
      report([name], `says something else than deploy.resources.${path}`, 'Keep one of the two.');
    }
  }
}

/** What Docker refuses to create a container with. */
function checkLimits(input: ServiceInput, report: Report): void {
  const { limits, reservations } = input.deploy?.resources ?? {};
  const memory = limits?.memory ?? input.mem_limit;
  const reserved = reservations?.memory ?? input.mem_reservation ?? 0;
  if (reserved > (memory ?? Number.POSITIVE_INFINITY)) {
    const long = ['deploy', 'resources', 'reservations', 'memory'];
    report(reservations?.memory === undefined ? ['mem_reservation'] : long, 'is more than the limit');
  }
  const swap = input.memswap_limit;
  if (swap !== undefined && swap !== 0 && memory === undefined) {
    report(['memswap_limit'], 'needs a limit of memory', 'Write mem_limit as well.');
  } else if (swap !== undefined && swap > 0 && swap < (memory ?? 0)) {
    report(
      ['memswap_limit'],
      'is less than the limit of memory',
      'It is memory and swap together: write the same for no swap, or more.',
    );
  }
  const isCounted = limits?.cpus !== undefined || input.cpus !== undefined;
  const share = (['cpu_quota', 'cpu_period'] as const).find((name) => input[name] !== undefined);
  if (isCounted && share !== undefined) {
    report([share], 'and cpus exclude each other', 'Keep one of the two.');
  }
}

function checkScratch(input: ServiceInput, report: Report): void {
  for (const path of Object.keys(input.tmpfs ?? {})) {
    if (input.volumes?.some(({ target }) => target === path)) {
      report(['tmpfs'], `${JSON.stringify(path)} is in volumes, too`, 'Keep one of the two.');
    }
  }
}
