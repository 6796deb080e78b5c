import type { BuildSpec } from '../model/build.ts';

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
  /** Whether it goes to its registry; else it stays with the engine. */
  isPushed: boolean;
}

/** buildxArguments returns the words behind `docker` that build an image with buildx. No shell reads them. Pure. */
export function buildxArguments(order: BuildOrder): string[] {
  const { spec, contexts, isPushed } = order;
  return [
    'buildx',
    'build',
    isPushed ? '--push' : '--load',
    ...common(order),
    ...each('cache-to', spec.cacheTo),
    ...each(
      'build-context',
      Object.entries(contexts).map(([name, place]) => `${name}=${place}`),
    ),
    ...each('allow', spec.entitlements),
    ...given('provenance', spec.provenance),
    ...given('sbom', spec.sbom),
    order.context,
  ];
}

/** engineArguments returns the words behind `docker` that build an image with the BuildKit of an engine. Pure. */
export function engineArguments(order: BuildOrder): string[] {
  return ['build', ...common(order), order.context];
}

/** beyondEngine returns the keys of a build that only buildx knows. Pure. */
export function beyondEngine(spec: BuildSpec): string[] {
  const said = {
    additional_contexts: Object.keys(spec.contexts).length,
    cache_to: spec.cacheTo.length,
    entitlements: spec.entitlements.length,
    provenance: spec.provenance?.length ?? 0,
    sbom: spec.sbom?.length ?? 0,
    'several platforms': Math.max(0, spec.platforms.length - 1),
  };
  return Object.entries(said).flatMap(([key, count]) => (count > 0 ? [key] : []));
}

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
    ...each('cache-from', spec.cacheFrom),
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
