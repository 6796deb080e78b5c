import * as z from 'zod';
import { specHash } from '../model/spec.ts';
import type { Placement, Route } from './routes.ts';

/** The two folders of the volume; one is live, the next configuration is staged in the other. */
export type Slot = 'a' | 'b';

const placement = z.object({
  host: z.string(),
  side: z.enum(['base', 'secondary']),
  port: z.number().optional(),
});
/** With it a route can be written again without the record. */
const backing = z.object({
  protocol: z.enum(['http', 'tcp']),
  container_port: z.number(),
  internal_port: z.number(),
  host_port: z.number(),
  idle_timeout_ms: z.number(),
  prove_path: z.string(),
});
const manifestSchema = z.object({
  /** Settings that all environments in this nginx share, and who chose them. */
  settings: z.object({ image: z.string(), keepalive_min_timeout_ms: z.number(), chosen_by: z.string() }),
  scopes: z.record(
    z.string(),
    z.object({
      generation: z.string(),
      routes: z.record(
        z.string(),
        z.object({
          domains: z.array(z.string()),
          placements: z.array(placement),
          backing: backing.optional(),
        }),
      ),
      /** Content hash of each file of the environment. */
      files: z.record(z.string(), z.string()),
    }),
  ),
});

/** `manifest.json` in a slot: what the slot's files are and what they route to. */
export type Manifest = z.infer<typeof manifestSchema>;
/** One environment in a manifest. */
export type ManifestScope = Manifest['scopes'][string];

/** The volume of an nginx as it was read: the live slot's name and all files below `a/` and `b/`. */
export interface Tree {
  live: Slot;
  slots: Record<Slot, SlotTree>;
}

/** One slot: its manifest, undefined when there is none that can be read, and its files by path. */
export interface SlotTree {
  manifest: Manifest | undefined;
  files: Map<string, string>;
}

/** parseTree sorts the files of the volume (`a/…`, `b/…`, `nginx.conf`) into slots. */
export function parseTree(files: ReadonlyMap<string, string>): Tree {
  const live: Slot = /\/b\/main\.conf/.test(files.get('nginx.conf') ?? '') ? 'b' : 'a';
  const slots = { a: emptySlot(), b: emptySlot() };
  for (const [path, content] of files) {
    const slot = path.startsWith('a/') ? slots.a : path.startsWith('b/') ? slots.b : undefined;
    slot?.files.set(path.slice(2), content);
  }
  slots.a.manifest = readManifest(slots.a.files);
  slots.b.manifest = readManifest(slots.b.files);
  return { live, slots };
}

/**
 * slotOfGeneration returns the slot whose manifest has this generation of an environment. When both have it, another
 * environment was the last to change: then the live slot is the newer one, and the other has that one's old routes.
 */
export function slotOfGeneration(
  tree: Tree,
  scope: string,
  generation: string | undefined,
): Slot | undefined {
  return [tree.live, otherSlot(tree.live)].find((slot) => {
    const found = tree.slots[slot].manifest?.scopes[scope]?.generation;
    return found !== undefined && found === generation;
  });
}

/**
 * identityOf returns by what a running nginx is known to serve a slot, all environments of it: their generations.
 */
export function identityOf(scopes: Readonly<Record<string, Pick<ManifestScope, 'generation'>>>): string {
  return specHash(Object.entries(scopes).map(([name, { generation }]) => [name, generation]));
}

/** slotOfIdentity returns the slot whose manifest has this identity; undefined when neither has. */
export function slotOfIdentity(tree: Tree, identity: string): Slot | undefined {
  return [tree.live, otherSlot(tree.live)].find((slot) => {
    const { manifest } = tree.slots[slot];
    return manifest !== undefined && identityOf(manifest.scopes) === identity;
  });
}

/** otherSlot returns the slot beside this one. */
export function otherSlot(slot: Slot): Slot {
  return slot === 'a' ? 'b' : 'a';
}

/** contentHash returns the hash by which a manifest knows a file. */
export function contentHash(content: string): string {
  return specHash(content);
}

/** changedByHand returns the files of an environment that are no longer what was written. */
export function changedByHand(slot: SlotTree, scope: string): string[] {
  const written = slot.manifest?.scopes[scope]?.files ?? {};
  return Object.entries(written)
    .filter(([path, hash]) => contentHash(slot.files.get(path) ?? '') !== hash)
    .map(([path]) => path);
}

/** activeSides returns which side of each service has the traffic on `host`, by a manifest's routes. */
export function activeSides(scope: ManifestScope | undefined, host: string): Map<string, Placement['side']> {
  const sides = new Map<string, Placement['side']>();
  for (const [service, route] of Object.entries(scope?.routes ?? {})) {
    const here = route.placements.find((candidate) => candidate.host === host);
    if (here !== undefined) sides.set(service, here.side);
  }
  return sides;
}

/** routesOf returns the routes of an environment as a manifest has them; those that say too little are left out. */
export function routesOf(scope: ManifestScope | undefined): Route[] {
  return Object.entries(scope?.routes ?? {}).flatMap(([service, { domains, placements, backing: facts }]) =>
    facts === undefined
      ? []
      : [
          {
            service,
            protocol: facts.protocol,
            containerPort: facts.container_port,
            internalPort: facts.internal_port,
            hostPort: facts.host_port,
            domains,
            idleTimeoutMs: facts.idle_timeout_ms,
            provePath: facts.prove_path,
            placements,
          },
        ],
  );
}

function emptySlot(): SlotTree {
  return { manifest: undefined, files: new Map() };
}

function readManifest(files: ReadonlyMap<string, string>): Manifest | undefined {
  try {
    const parsed = manifestSchema.safeParse(JSON.parse(files.get('manifest.json') ?? ''));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
