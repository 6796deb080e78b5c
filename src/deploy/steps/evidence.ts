import type { ContainerInspectResponse } from '@docker/node-sdk';
import type { Server } from '../../fleet/server.ts';
import { messageOf } from '../../model/errors.ts';
import type { EvidenceFile } from '../../model/evidence.ts';
import { scopeName } from '../../model/names.ts';
import { type NginxInstance, readTree } from '../../nginx/instance.ts';
import { type LookContext, nginxKey } from './context.ts';

/** A container of a version that failed. */
export interface FailedContainer {
  service: string;
  server: string;
  /** The container's name and id. */
  name: string;
  id: string;
}

/** How much of a container's log is kept: what a person would scroll through. */
const LOG_LINES = 10_000;

/**
 * keepEvidence reads what tells why a container failed, before it is removed: its log, its state, what edge and sidecar of its
 * server are configured to do with its service, and what the edge has counted. What cannot be read is left out: nothing of
 * it may hide the failure.
 */
export async function keepEvidence(context: LookContext, failed: FailedContainer): Promise<void> {
  const { fleet, known, log } = context;
  const server = fleet.server(failed.server);
  const pieces = [
    logOf(server, failed),
    stateOf(server, failed),
    ...(['edge', 'sidecar'] as const).flatMap((kind) => {
      const instance = known.instances.get(nginxKey(failed.server, kind));
      return instance === undefined ? [] : [configurationOf(instance, context, failed), figuresOf(instance)];
    }),
  ];
  for (const piece of await Promise.allSettled(pieces)) {
    if (piece.status === 'rejected') log.debug(`not kept as evidence: ${messageOf(piece.reason)}`);
    else if (piece.value !== undefined) {
      const path = `${failed.server}/${piece.value.path}`;
      known.evidence.set(path, { path, text: piece.value.text });
    }
  }
}

type Piece = EvidenceFile | undefined;

async function logOf({ engine }: Server, { id, name }: FailedContainer): Promise<Piece> {
  const { stdout, stderr } = await engine.logs(id, { tail: LOG_LINES });
  return { path: `${name}.log`, text: stdout + stderr };
}

async function stateOf({ engine }: Server, { id, name }: FailedContainer): Promise<Piece> {
  return { path: `${name}.json`, text: inJson(told(await engine.inspectContainer(id))) };
}

/** Of its settings not the variables: they hold passwords more often than what is wrong. */
function told({ Name, Created, Image, RestartCount, State, Config, HostConfig }: ContainerInspectResponse) {
  const { Env: _, ...settings } = Config ?? {};
  return { Name, Created, Image, RestartCount, State, Config: settings, HostConfig };
}

/** A port of a service has a file of its own, named after both. */
async function configurationOf(
  { kind, server, id }: NginxInstance,
  { scope }: LookContext,
  { service }: FailedContainer,
): Promise<Piece> {
  const { live, folders } = await readTree(server, id);
  const files = [...folders[live].files].filter(([path]) => {
    const [protocol, of, file = ''] = path.split('/');
    return (
      (protocol === 'http' || protocol === 'stream') && of === scopeName(scope) && file.startsWith(service)
    );
  });
  if (files.length === 0) return undefined;
  return { path: `${kind}.conf`, text: files.map(([path, text]) => `# ${path}\n${text}`).join('\n') };
}

async function figuresOf(instance: NginxInstance): Promise<Piece> {
  const figures = await instance.figures();
  return figures && { path: `${instance.kind}.metrics.txt`, text: figures.now };
}

function inJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
