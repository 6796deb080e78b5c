import * as z from 'zod';
import { REDIRECT_STATUSES, type Redirect } from '../model/addresses.ts';
import { isSlot, type Slot } from '../model/copy.ts';
import type { EdgeOptions } from '../model/edge-options.ts';
import { type MaintenanceSpec, type PublishedPorts, specHash } from '../model/spec.ts';
import type { Route, RoutedCopy } from './routes.ts';
import { directFlag } from './sides.ts';

/** Where the volume is mounted in the container. */
export const CONFIG_FOLDER = '/etc/switchyard';
/** Where the flags are in the volume; see `Sides`. */
export const FLAG_FOLDER = 'flags';
/** Who may set flags: whoever can read this file of the volume; written once. */
export const FLAG_ACCESS_FILE = 'flag_access.conf';

/** The two folders of the volume; one is live, the next configuration is staged in the other. */
export type Folder = 'a' | 'b';

const copy = z.object({
  server: z.string(),
  slot: z.custom<Slot>((value) => typeof value === 'string' && isSlot(value)),
  weight: z.number().int().min(0),
  port: z.number().optional(),
  at: z.object({ zone: z.string(), private_ip: z.string() }).optional(),
});
/** A copy as a manifest has it. */
export type CopyFacts = z.infer<typeof copy>;
/** With it a route can be written again without the record. */
const backing = z.object({
  ports: z.array(
    z.object({
      name: z.string().optional(),
      protocol: z.enum(['http', 'grpc', 'tcp', 'udp']),
      container_port: z.number(),
      internal_port: z.number(),
      host_port: z.number(),
      domains: z.array(z.string()),
      strip_prefix: z.literal(true).optional(),
      published: z.object({ numbers: z.array(z.number()), responses: z.number().optional() }).optional(),
      prove_path: z.string(),
    }),
  ),
  idle_timeout_ms: z.number(),
  max_body_bytes: z.number().optional(),
  request_buffering: z.enum(['on', 'off']).optional(),
  redirects: z
    .array(
      z.object({
        from: z.string(),
        to: z.string(),
        status: z.literal([...REDIRECT_STATUSES]),
        drops_path: z.literal(true).optional(),
      }),
    )
    .optional(),
  /** As the release has it: what is wrong in it was refused before it was written. */
  edge: z.custom<EdgeOptions>((value) => typeof value === 'object' && value !== null).optional(),
  maintenance: z
    .object({
      isOn: z.boolean(),
      allow: z.array(z.string()),
      retryAfterMs: z.number(),
      status: z.number(),
      page: z.string().optional(),
    })
    .optional(),
  queue_requests_ms: z.number().optional(),
});
const manifestSchema = z.object({
  /** Settings that hold for all environments in this nginx, and who set it up. */
  settings: z.object({
    /** The longest that any of them says. */
    keepalive_min_timeout_ms: z.number(),
    /** Of an edge only: whether any of them has its accesses logged. */
    access_log: z.boolean().optional(),
    /** Whether connections begin with the PROXY protocol now; see `isSpokenTo`. */
    proxy_protocol: z.literal(true).optional(),
    chosen_by: z.string(),
  }),
  scopes: z.record(
    z.string(),
    z.object({
      generation: z.string(),
      /** The repository that the environment belongs to. */
      repository: z.string().optional(),
      /** What it needs of an edge, which is made so that all have what they need. */
      edge: z
        .object({
          image: z.string(),
          ports: z.array(z.string()),
          keepalive_min_timeout_ms: z.number().optional(),
          access_log: z.literal(false).optional(),
          proxy_protocol: z.literal(true).optional(),
        })
        .optional(),
      routes: z.record(
        z.string(),
        z.object({
          /** Of all its ports. */
          domains: z.array(z.string()),
          copies: z.array(copy),
          /** Those that have the traffic instead where there is a flag. */
          flagged: z.object({ flag: z.string(), copies: z.array(copy) }).optional(),
          backing: backing.optional(),
        }),
      ),
      /** The domains that are served over HTTPS. */
      tls: z.array(z.string()).optional(),
      /** They are served over HTTP/3, too. */
      http3: z.literal(true).optional(),
      /** Content hash of each file of the environment. */
      files: z.record(z.string(), z.string()),
    }),
  ),
});

/** `manifest.json` in a folder: what the folder's files are and what they route to. */
export type Manifest = z.infer<typeof manifestSchema>;
/** One environment in a manifest. */
export type ManifestScope = Manifest['scopes'][string];

/** The volume of an nginx as it was read: the live folder's name and all files below `a/` and `b/`. */
export interface Tree {
  live: Folder;
  folders: Record<Folder, FolderTree>;
  /** The flags that are there, whoever reads them. */
  flags: ReadonlySet<string>;
  /** The certificates that are installed, in PEM with a line about where they come from, by `certificateFile`. */
  certificates: ReadonlyMap<string, string>;
  /** By which the lists of users are known that come from secrets, by port; see `userListsOf`. */
  userLists: ReadonlyMap<string, string>;
  /** What is written in them. */
  flagTexts: ReadonlyMap<string, string>;
  /** What CAs are answered, by the name of the environment. */
  challengeAnswers: ReadonlyMap<string, string>;
  /** Certificates that shall be revoked, by the names of their files; see `readRevocations`. */
  revocations: ReadonlyMap<string, string>;
  /** What is asked of those who set flags; undefined where nobody may. */
  flagToken: string | undefined;
  /** When nginx was last told to read, by its server's clock, in milliseconds since 1970; undefined is never. */
  toldAt: number | undefined;
}

/** One folder: its manifest, undefined when there is none that can be read, and its files by path. */
export interface FolderTree {
  manifest: Manifest | undefined;
  files: Map<string, string>;
}

/** parseTree sorts the files of the volume (`a/…`, `b/…`, `nginx.conf`) into folders. */
export function parseTree(files: ReadonlyMap<string, string>): Tree {
  const live: Folder = /\/b\/main\.conf/.test(files.get('nginx.conf') ?? '') ? 'b' : 'a';
  const named = (shape: RegExp) =>
    new Map(
      [...files].flatMap(([path, content]) => {
        const name = shape.exec(path)?.[1];
        return name === undefined ? [] : [[name, content] as const];
      }),
    );
  const filesOf = (folder: Folder) => named(new RegExp(`^${folder}/(.+)$`));
  const flagToken = /"(\w+)"/.exec(files.get(FLAG_ACCESS_FILE) ?? '')?.[1];
  const folders = { a: folderOf(filesOf('a')), b: folderOf(filesOf('b')) };
  const told = /^# told to read at (\S+)$/m.exec(files.get('nginx.conf') ?? '')?.[1];
  const toldAt = told === undefined ? undefined : Date.parse(told);
  const flagTexts = named(/^flags\/(.+)$/);
  const certificates = named(/^certificates\/(.+)\.crt$/);
  const challengeAnswers = named(/^challenges\/([^/.]+)$/);
  const marks = [...named(/^user_lists\/([^/]+)$/)];
  const revocations = named(/^revocations\/(.+)$/);
  return {
    live,
    folders,
    flags: new Set(flagTexts.keys()),
    flagTexts,
    certificates,
    challengeAnswers,
    userLists: new Map(marks.map(([key, mark]) => [key, mark.trim()])),
    revocations,
    flagToken,
    toldAt,
  };
}

/** servedScope returns what a folder serves of an environment, with the copies that have the traffic by the flags. */
export function servedScope(
  { folders, flags }: Tree,
  folder: Folder,
  scope: string,
): ManifestScope | undefined {
  const found = folders[folder].manifest?.scopes[scope];
  if (found === undefined) return undefined;
  const routes = Object.entries(found.routes).map(([service, route]) => {
    const isFlagged = route.flagged !== undefined && flags.has(route.flagged.flag);
    return [service, isFlagged ? { ...route, copies: route.flagged!.copies } : route] as const;
  });
  return { ...found, routes: Object.fromEntries(routes) };
}

/** flagsRead returns the flags that a folder's configuration of an environment looks at. */
export function flagsRead({ folders }: Tree, folder: Folder, scope: string): Set<string> {
  const routes = Object.values(folders[folder].manifest?.scopes[scope]?.routes ?? {});
  return new Set(
    routes.flatMap(({ flagged }) => (flagged === undefined ? [] : [flagged.flag, directFlag(flagged.flag)])),
  );
}

/**
 * folderOfGeneration returns the folder whose manifest has this generation of an environment. When both have it, another
 * environment was the last to change: then the live folder is the newer one, and the other has that one's old routes.
 */
export function folderOfGeneration(
  tree: Tree,
  scope: string,
  generation: string | undefined,
): Folder | undefined {
  return [tree.live, otherFolder(tree.live)].find((folder) => {
    const found = tree.folders[folder].manifest?.scopes[scope]?.generation;
    return found !== undefined && found === generation;
  });
}

/**
 * identityOf returns by what a running nginx is known to serve a folder, all environments of it: their generations.
 */
export function identityOf(scopes: Readonly<Record<string, Pick<ManifestScope, 'generation'>>>): string {
  return specHash(Object.entries(scopes).map(([name, { generation }]) => [name, generation]));
}

/** folderOfIdentity returns the folder whose manifest has this identity; undefined when neither has. */
export function folderOfIdentity(tree: Tree, identity: string): Folder | undefined {
  return [tree.live, otherFolder(tree.live)].find((folder) => {
    const { manifest } = tree.folders[folder];
    return manifest !== undefined && identityOf(manifest.scopes) === identity;
  });
}

/** otherFolder returns the folder beside this one. */
export function otherFolder(folder: Folder): Folder {
  return folder === 'a' ? 'b' : 'a';
}

/** contentHash returns the hash by which a manifest knows a file. */
export function contentHash(content: string): string {
  return specHash(content);
}

/**
 * keepaliveMsOf returns for how long workers that were told to go may bring one more request of a connection that was idle, in
 * milliseconds: those of what is live, or of what was before.
 */
export function keepaliveMsOf({ folders }: Tree): number {
  const said = [folders.a, folders.b].map(({ manifest }) => manifest?.settings.keepalive_min_timeout_ms ?? 0);
  return Math.max(...said);
}

/** editedFiles returns the files of an environment that are no longer what was written. */
export function editedFiles(folder: FolderTree, scope: string): string[] {
  const written = folder.manifest?.scopes[scope]?.files ?? {};
  return Object.entries(written)
    .filter(([path, hash]) => contentHash(folder.files.get(path) ?? '') !== hash)
    .map(([path]) => path);
}

/**
 * servingSlots returns the slots of each service that have traffic on a server, by its name and a manifest's routes;
 * services without any there are left out.
 */
export function servingSlots(scope: ManifestScope | undefined, server: string): Map<string, Slot[]> {
  const serving = new Map<string, Slot[]>();
  for (const [service, { copies }] of Object.entries(scope?.routes ?? {})) {
    const here = copies.filter((one) => one.server === server && one.weight > 0);
    if (here.length > 0)
      serving.set(
        service,
        here.map(({ slot }) => slot),
      );
  }
  return serving;
}

/** routesOf returns the routes of an environment as a manifest has them; those that say too little are left out. */
export function routesOf(scope: ManifestScope | undefined): Route[] {
  return Object.entries(scope?.routes ?? {}).flatMap(([service, { copies, backing: facts }]) =>
    facts === undefined
      ? []
      : [
          {
            service,
            ports: facts.ports.map((port) => ({
              ...(port.name !== undefined && { name: port.name }),
              protocol: port.protocol,
              containerPort: port.container_port,
              internalPort: port.internal_port,
              hostPort: port.host_port,
              domains: port.domains,
              ...(port.strip_prefix && { stripPrefix: true as const }),
              ...(port.published && { published: publishedOf(port.published) }),
              provePath: port.prove_path,
            })),
            idleTimeoutMs: facts.idle_timeout_ms,
            ...(facts.max_body_bytes !== undefined && { maxBodyBytes: facts.max_body_bytes }),
            ...(facts.request_buffering !== undefined && { requestBuffering: facts.request_buffering }),
            ...(facts.redirects && { redirects: facts.redirects.map(redirectOf) }),
            ...(facts.edge !== undefined && { edge: facts.edge }),
            ...(facts.queue_requests_ms !== undefined && { queueRequestsMs: facts.queue_requests_ms }),
            ...(facts.maintenance && { maintenance: maintenanceFrom(facts.maintenance) }),
            copies: copies.map(copyOf),
          },
        ],
  );
}

type RedirectFacts = NonNullable<z.infer<typeof backing>['redirects']>[number];

function redirectOf({ from, to, status, drops_path: dropsPath }: RedirectFacts): Redirect {
  return { from, to, status, ...(dropsPath && { dropsPath }) };
}

function publishedOf({
  numbers,
  responses,
}: {
  numbers: number[];
  responses?: number | undefined;
}): PublishedPorts {
  return { numbers, ...(responses !== undefined && { responses }) };
}

function maintenanceFrom({
  page,
  ...facts
}: NonNullable<z.infer<typeof backing>['maintenance']>): MaintenanceSpec {
  return { ...facts, ...(page !== undefined && { page }) };
}

function copyOf({ server, slot, weight, port, at }: CopyFacts): RoutedCopy {
  return {
    server,
    slot,
    weight,
    ...(port !== undefined && { port }),
    ...(at && { at: { zone: at.zone, privateIp: at.private_ip } }),
  };
}

/** Its manifest is read when it is asked for: that of the folder which is not live hardly ever is. */
function folderOf(files: Map<string, string>): FolderTree {
  let read: { manifest: Manifest | undefined } | undefined;
  return {
    files,
    get manifest() {
      read ??= { manifest: readManifest(files) };
      return read.manifest;
    },
  };
}

function readManifest(files: ReadonlyMap<string, string>): Manifest | undefined {
  try {
    const parsed = manifestSchema.safeParse(JSON.parse(files.get('manifest.json') ?? ''));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
