import type { Ulimit } from './container-options.ts';
import type { GitFolder, GitSource } from './git-source.ts';

/** A command: words that no shell reads, or a line for one. */
export type CommandLine = readonly string[] | string;

/** What the file says of a template beyond its name. What it leaves out is found by looking. */
export interface TemplateOptions {
  /** Folder of the app, where the context is that of a workspace with several. */
  app?: string;
  /** Version of the language: `24`, `3.13`. */
  version?: string;
  /** What is run before the image is done: `npm run build`. */
  build?: CommandLine;
  /** What the container runs. */
  start?: CommandLine;
  /** Folder that a build of a site leaves behind. */
  output?: string;
  /** Image that the result stands on, in place of the official one. */
  base?: string;
  /** Image that dependencies are installed and commands are run in, in place of the official one of the language. */
  builder?: string;
  /** Whether a site answers paths that it has no file for with its `index.html`. */
  spa?: boolean;
}

/** Templates that Dockerfiles are made by. */
export const TEMPLATE_NAMES = ['node', 'python', 'static'] as const;

export type TemplateName = (typeof TEMPLATE_NAMES)[number];

/** How a Dockerfile is made for a folder that has none. */
export interface TemplateSpec extends TemplateOptions {
  /** `auto` is found by looking. */
  name: TemplateName | 'auto';
}

/** The Dockerfile of a build: a file of the repository, what is in it, or how one is made. */
export type DockerfileSpec = { path: string } | { text: string } | { template: TemplateSpec };

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
