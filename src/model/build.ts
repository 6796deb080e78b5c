import type { Ulimit } from './container-options.ts';

/** The Dockerfile of a build: a file of the repository, or what is in it. */
export type DockerfileSpec = { path: string } | { text: string };

/** How the image of a service is built. Paths count from the folder of the configuration. */
export interface BuildSpec {
  service: string;
  /** The name of the image without tag and digest: `ghcr.io/acme/shop-production-api`. */
  repository: string;
  /** Further names that it is pushed under, with their tags. */
  tags: readonly string[];
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
  /** Folders of the repository and images (`docker-image://…`), by name. */
  contexts: Readonly<Record<string, string>>;
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
  registry: RegistrySpec | undefined,
  { project, environment }: { project: string; environment: string },
  service: string,
): string {
  const name = `${project}-${environment}-${service}`;
  return [registry?.address, registry?.user, name].filter((part) => part !== undefined).join('/');
}
