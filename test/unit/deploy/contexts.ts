import { Knowledge, type RunContext } from '../../../src/deploy/steps/context.ts';
import { Fleet } from '../../../src/fleet/fleet.ts';
import type { Server } from '../../../src/fleet/server.ts';
import type { Clock } from '../../../src/model/clock.ts';
import type { Log } from '../../../src/model/log.ts';
import { REPOSITORY, shop } from '../../simulation/stories/specs.ts';

/** A log that remembers its lines. */
export interface WrittenLog extends Log {
  /** `warning: …`, `info: …` and `debug: …`, in their order. */
  readonly lines: string[];
}

/** writtenLog returns an empty log. */
export function writtenLog(): WrittenLog {
  const lines: string[] = [];
  const writer = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  return {
    lines,
    debug: writer('debug'),
    info: writer('info'),
    warning: writer('warning'),
    group: (_title, work) => work(),
  };
}

/** contextOf returns what the steps of a run have: these servers, whose right to change them ends with `signal`. */
export async function contextOf(
  servers: readonly Server[],
  { clock, log = writtenLog(), signal = new AbortController().signal }: ContextOptions,
): Promise<RunContext> {
  const { project, environment, nginx } = shop([]);
  const specs = servers.map(({ spec }) => spec);
  const provider = {
    servers: async () => specs,
    ensure: async () => specs,
    connect: async ({ name }: { name: string }) => servers.find((server) => server.name === name)!,
  };
  return {
    fleet: await Fleet.connect(provider, specs),
    scope: { project, environment },
    repository: REPOSITORY,
    servers: specs,
    nginx,
    secrets: {},
    generated: {
      secretOf: () => {
        throw new Error('no secret was generated');
      },
      seal: async () => '',
    },
    tlsSecrets: {},
    authority: NO_AUTHORITY,
    registryAuth: async () => undefined,
    log,
    clock: clock.endingWith(signal),
    layouts: { find: async () => undefined },
    guard: { run: 'run-1', fence: 1, signal, confirm: async () => undefined },
    known: new Knowledge(),
    record: {
      intend: async () => undefined,
      noteGenerated: async () => undefined,
      noteHook: async () => undefined,
    },
    moment: () => undefined,
  };
}

/** Nobody gives certificates here. */
const NO_AUTHORITY: RunContext['authority'] = {
  newAccountKey: async () => '',
  thumbprintOf: () => '',
  selfSigned: async () => Promise.reject(new Error('nobody gives certificates')),
  lookUp: async () => ({ seen: 'unknown', why: 'nobody is asked' }),
  issue: async () => Promise.reject(new Error('nobody gives certificates')),
  revoke: async () => Promise.reject(new Error('nobody gives certificates')),
  renewalAt: async () => undefined,
};

interface ContextOptions {
  clock: Clock;
  log?: Log;
  signal?: AbortSignal;
}
