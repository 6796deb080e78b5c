import type { Ulimit } from './container-options.ts';
import type { GitFolder, GitSource } from './git-source.ts';

/** The Dockerfile of a build: a file of the repository, or what is in it. */
export type DockerfileSpec = { path: string } | { text: string };

/**
 * How the image of a service is built. Paths count from the folder of the configuration; context and Dockerfile of one that
 * has a `git` from the top of that repository.
 */
export interface BuildSpec {
  service: string;
  /** The name of the image without tag and digest: `ghcr.io/acme/shop-production-api`. */
  repository: string;
  /** Further names that it is pushed under, with their tags. */
  tags: readonly string[];
  /** The repository that it is built from, where it is another one. */
  git?: GitSource;
  context: string;
  dockerfile: DockerfileSpec;
  args: Readonly<Record<string, string>>;
  /** Values by the ids that the Dockerfile asks for. */
  secrets: Readonly<Record<string, Buffer>>;
  labels: Readonly<Record<string, string>>;
  /** Empty for that of the builder. */
  platforms: readonly string[];
  ssh: readonly string[];
  cacheFrom: readonly string[];
  cacheTo: readonly string[];
  /** Folders of this repository and of others, and images (`docker-image://…`), by name. */
  contexts: Readonly<Record<string, string | GitFolder>>;
  extraHosts: readonly string[];
  ulimits: Readonly<Record<string, Ulimit>>;
  entitlements: readonly string[];
  noCache: boolean;
  pull: boolean;
  target?: string;
  shmSizeBytes?: number;
  network?: 'default' | 'host' | 'none';
  provenance?: string;
  sbom?: string;
}

/** Where images are kept: the host of a registry, and the path below which they lie. */
export interface RegistrySpec {
  address: string;
  user?: string | undefined;
}

/**
 * builtRepository returns the name of the image that is built for a service, without a tag:
 * `{registry}/{user}/{project}-{environment}-{service}`, and of that what there is.
 */
export function builtRepository(
  registry: RegistrySpec | 'none' | undefined,
  { project, environment }: { project: string; environment: string },
  service: string,
): string {
  const name = `${project}-${environment}-${service}`;
  const { address, user }: Partial<RegistrySpec> = registry === 'none' ? {} : (registry ?? {});
  return [address, user, name].filter((part) => part !== undefined).join('/');
}
