import { posix } from 'node:path';
import type { BuildSpec } from '../model/build.ts';
import { failTogether, UserError } from '../model/errors.ts';
import { inOrder, type LoadedConfig, originsOf, problemError } from './load.ts';
import type { ResolvedEnvironment } from './resolve.ts';
import type { ServiceBuild } from './resolve-build.ts';
import { requireSecret, type SecretSources } from './secrets.ts';

/**
 * requireBuilds returns how these services are built, with the values of their arguments and secrets; without `sources` those of
 * secrets are empty, for who builds nothing. It throws UserErrors for values that are missing, for arguments that are secrets, and for paths that
 * leave the repository.
 */
export function requireBuilds(
  environment: ResolvedEnvironment & { config: LoadedConfig },
  services: readonly string[],
  sources: SecretSources | undefined,
): BuildSpec[] {
  const { wanted, builds, config, definitions } = environment;
  const errors: UserError[] = [];
  const specs = services.flatMap((service) => {
    const build = builds[service];
    if (build === undefined) return [];
    const attempt = <T>(path: readonly (string | number)[], work: () => T): T[] => {
      try {
        return [work()];
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        const full = ['services', service, 'build', ...path];
        const location = error.location ?? config.locate(...originsOf(wanted.environment, full));
        errors.push(problemError({ path: full, message: error.message, hint: error.hint }, location));
        return [];
      }
    };
    const { input } = build;
    const args = Object.entries(input.args ?? {}).flatMap(([name, value]) =>
      attempt(['args', name], (): [string, string] => [name, value ?? argumentOf(name, config)]),
    );
    const secrets = (input.secrets ?? []).flatMap(({ source, target }, index) =>
      attempt(['secrets', index], (): [string, Buffer] => [
        target,
        sources === undefined ? Buffer.alloc(0) : secretBytes(source, sources, definitions),
      ]),
    );
    return [buildSpec(service, build, Object.fromEntries(args), Object.fromEntries(secrets))];
  });
  failTogether(inOrder(errors));
  return specs;
}

function buildSpec(
  service: string,
  { input, repository, tag, platform }: ServiceBuild,
  args: BuildSpec['args'],
  secrets: BuildSpec['secrets'],
): BuildSpec {
  const context = input.context ?? '.';
  return {
    service,
    repository,
    tags: [...(tag === undefined ? [] : [`${repository}:${tag}`]), ...(input.tags ?? [])],
    ...(input.git !== undefined && { git: input.git }),
    context,
    dockerfile: dockerfileOf(input, context),
    args,
    secrets,
    labels: input.labels ?? {},
    platforms: input.platforms ?? (platform === undefined ? [] : [platform]),
    ssh: input.ssh ?? [],
    cacheFrom: input.cache_from ?? [],
    cacheTo: input.cache_to ?? [],
    contexts: input.additional_contexts ?? {},
    extraHosts: input.extra_hosts ?? [],
    ulimits: input.ulimits ?? {},
    entitlements: input.entitlements ?? [],
    noCache: input.no_cache ?? false,
    pull: input.pull ?? false,
    ...(input.target !== undefined && { target: input.target }),
    ...(input.shm_size !== undefined && { shmSizeBytes: input.shm_size }),
    ...(input.network !== undefined && { network: input.network }),
    ...(input.provenance !== undefined && { provenance: input.provenance }),
    ...(input.sbom !== undefined && { sbom: input.sbom }),
  };
}

function dockerfileOf(
  { dockerfile, dockerfile_inline: text, template }: ServiceBuild['input'],
  context: string,
): BuildSpec['dockerfile'] {
  if (template !== undefined) return { template };
  if (text !== undefined) return { text };
  return { path: posix.join(context, dockerfile ?? 'Dockerfile') };
}

/** The value that the run has for an argument without one. */
function argumentOf(name: string, { variables, isSecret, holdsSecret }: LoadedConfig): string {
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if (isSecret(name) || (value !== undefined && holdsSecret(value))) {
    throw new UserError('is a secret, and whoever has an image can read its arguments', {
      hint: `Write secrets: [${name}] below build, and in the Dockerfile RUN --mount=type=secret,id=${name} ….`,
    });
  }
  if (value !== undefined) return value;
  throw new UserError('has no value, and the env of the step has none', {
    hint: `Write a value, or set ${name} in the env of the step.`,
  });
}

function secretBytes(
  name: string,
  sources: SecretSources,
  definitions: ResolvedEnvironment['definitions'],
): Buffer {
  const file = Object.hasOwn(definitions, name) ? definitions[name]?.file : undefined;
  // It says what is missing; a file need not be text.
  const value = requireSecret(name, sources, definitions);
  return (file === undefined ? undefined : sources.files.get(file)) ?? Buffer.from(value);
}
