import type { BuildSpec } from '../model/build.ts';
import type { Abilities } from './abilities.ts';

/** One run of a builder. */
export interface BuildOrder {
  spec: BuildSpec;
  /** Absolute paths. */
  context: string;
  dockerfile: string;
  /** Folders by absolute paths, and images. */
  contexts: Readonly<Record<string, string>>;
  /** Files that the values of secrets are in, by ids. */
  secretFiles: Readonly<Record<string, string>>;
  /** All names that the image gets, with their tags. */
  names: readonly string[];
  labels: Readonly<Record<string, string>>;
  /** Where layers of earlier builds are, and where those of this one are left, in the words of BuildKit. */
  cache: { from: readonly string[]; to: readonly string[] };
  /** What the image says of itself, in the words of BuildKit; undefined for a builder that knows no such thing. */
  provenance: string | undefined;
  sbom: string | undefined;
  /** Whether its files get the time of its commit. */
  isDated: boolean;
  /** Whether it goes to its registry; else it stays with the engine. */
  isPushed: boolean;
  /** The folder that it is written to as an OCI layout, in place of either. */
  layout?: string;
}

/** buildxArguments returns the words behind `docker` that build an image with buildx. No shell reads them. Pure. */
export function buildxArguments(order: BuildOrder): string[] {
  const { spec, contexts, cache } = order;
  return [
    'buildx',
    'build',
    outputOf(order),
    ...common(order),
    ...each('cache-from', cache.from),
    ...each('cache-to', cache.to),
    ...each(
      'build-context',
      Object.entries(contexts).map(([name, place]) => `${name}=${place}`),
    ),
    ...each('allow', spec.entitlements),
    ...given('provenance', order.provenance),
    ...given('sbom', order.sbom),
    order.context,
  ];
}

/** engineArguments returns the words behind `docker` that build an image with the BuildKit of an engine. Pure. */
export function engineArguments(order: BuildOrder): string[] {
  const { from, to } = order.cache;
  return [
    'build',
    ...common(order),
    ...each('cache-from', from.flatMap(imageOf)),
    ...(to.includes(INLINE) ? ['--build-arg=BUILDKIT_INLINE_CACHE=1'] : []),
    order.context,
  ];
}

/** beyond returns the keys of a build that its builder cannot do. Pure. */
export function beyond(spec: BuildSpec, { isBuildx, attests, buildsPlatforms }: Builders): string[] {
  const asked = (attestation: string | undefined) => attestation !== undefined && attestation !== 'false';
  const said = {
    additional_contexts: !isBuildx && Object.keys(spec.contexts).length > 0,
    entitlements: !isBuildx && spec.entitlements.length > 0,
    provenance: !attests && asked(spec.provenance),
    sbom: !attests && asked(spec.sbom),
    'several platforms': !buildsPlatforms && spec.platforms.length > 1,
  };
  return Object.entries(said).flatMap(([key, isBeyond]) => (isBeyond ? [key] : []));
}

type Builders = Pick<Abilities, 'attests' | 'buildsPlatforms'> & { isBuildx: boolean };

function outputOf({ isPushed, isDated, layout }: BuildOrder): string {
  if (layout !== undefined) {
    // The value is a line of CSV.
    const dest = `"dest=${layout.replaceAll('"', '""')}"`;
    return `--output=type=oci,tar=false,${isDated ? 'rewrite-timestamp=true,' : ''}${dest}`;
  }
  if (!isDated) return isPushed ? '--push' : '--load';
  return `--output=type=${isPushed ? 'image,push=true' : 'docker'},rewrite-timestamp=true`;
}

/** Without buildx, layers are looked for in images alone. */
function imageOf(cache: string): string[] {
  if (!cache.includes('=')) return [cache];
  const words = cache.split(',');
  const ref = words.find((word) => word.startsWith('ref='));
  return words.includes('type=registry') && ref !== undefined ? [ref.slice('ref='.length)] : [];
}

/** Layers that are kept in the image itself. */
export const INLINE = 'type=inline';

/** Every value stands behind its flag in one word, so that none can be taken for a flag. */
function common({ spec, dockerfile, secretFiles, names, labels }: BuildOrder): string[] {
  return [
    '--progress=plain',
    `--file=${dockerfile}`,
    ...each('tag', names),
    ...each('build-arg', pairs(spec.args)),
    ...each('label', pairs(labels)),
    ...given('target', spec.target),
    ...given('platform', spec.platforms.join(',') || undefined),
    ...each(
      'secret',
      Object.entries(secretFiles).map(([id, path]) => `id=${id},src=${path}`),
    ),
    ...each('ssh', spec.ssh),
    ...(spec.noCache ? ['--no-cache'] : []),
    ...(spec.pull ? ['--pull'] : []),
    ...given('shm-size', spec.shmSizeBytes?.toString()),
    ...each('add-host', spec.extraHosts),
    ...given('network', spec.network),
    ...each(
      'ulimit',
      Object.entries(spec.ulimits).map(([name, { soft, hard }]) => `${name}=${soft}:${hard}`),
    ),
  ];
}

function pairs(map: Readonly<Record<string, string>>): string[] {
  return Object.entries(map).map(([name, value]) => `${name}=${value}`);
}

function each(flag: string, values: readonly string[]): string[] {
  return values.map((value) => `--${flag}=${value}`);
}

function given(flag: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`--${flag}=${value}`];
}
