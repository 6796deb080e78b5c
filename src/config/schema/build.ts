import * as z from 'zod';
import { TEMPLATE_NAMES, type TemplateSpec } from '../../model/build.ts';
import { UserError } from '../../model/errors.ts';
import type { GitFolder, GitSource } from '../../model/git-source.ts';
import {
  parseBuildContext,
  parseFolderBelow,
  parseNamedContext,
  parseSshKey,
  parseVersion,
} from '../build-values.ts';
import { checkFolder, parseGitSource } from '../git-source.ts';
import { parseImage } from '../image.ts';
import { parseExtraHosts, parsePlatform } from '../option-values.ts';
import { splitWords } from '../shell-words.ts';
import { entryName } from './configs.ts';
import { hostList, ulimits } from './container-options.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { pairOf, textMap } from './maps.ts';
import { BUILD_REFUSALS, BUILD_SECRET_REFUSALS } from './refusals.ts';
import { bytes, filledText, flag, oneOrMany, text } from './scalars.ts';

function checkArgumentName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw new UserError(`${JSON.stringify(name)} cannot be the name of an argument`, {
    hint: 'Use letters, digits and underscores: VERSION.',
  });
}

const argumentName = parsed(z.string(), checkArgumentName);

const argumentValue = z.union([text, z.number(), z.boolean(), z.null()], {
  error: 'must be text, a number, true or false, or nothing',
});

const argument = parsed(text, (said): [name: string, value: string | null] => {
  const [name, value] = pairOf(said, null);
  checkArgumentName(name);
  return [name, value];
});

/** Arguments of the Dockerfile; null takes the value from the run's environment. */
const args = z
  .union([z.record(argumentName, argumentValue), z.array(argument)], {
    error: 'must be a map or a list of KEY=value',
  })
  .transform((said): Record<string, string | null> => {
    const pairs: [string, string | number | boolean | null][] = Array.isArray(said)
      ? said
      : Object.entries(said);
    return Object.fromEntries(pairs.map(([name, value]) => [name, value === null ? null : String(value)]));
  });

const secretName = entryName('secret');

const secret = z.union(
  [
    secretName.transform((source) => ({ source, target: source })),
    closed(
      {
        source: requiredKey(secretName, { description: 'The name of the secret.' }),
        target: key(secretName, {
          from: 'Compose',
          description: 'The id by which the Dockerfile asks for it.',
          fallback: { words: 'the name of the secret' },
          example: 'target: npm_token',
        }),
      },
      BUILD_SECRET_REFUSALS,
    ).transform(({ source, target = source }) => ({ source, target })),
  ],
  { error: 'must be the name of a secret, or a map with source' },
);

const platform = parsed(z.string(), parsePlatform);

/** A place where BuildKit keeps layers, in its own words: `type=gha`, or the name of an image. */
const cache = parsed(filledText, (said) => {
  if (!/[\r\n"]/.test(said)) return said;
  throw new UserError(`${JSON.stringify(said)} is no place for a cache`, {
    hint: 'Write type=gha, type=registry,ref=…, type=local,src=…, or the name of an image.',
  });
});

const attestation = parsed(
  z.union([z.boolean(), filledText], { error: 'must be true, false or text' }),
  (said) => {
    const value = String(said);
    if (/^[\w=,.:/@-]+$/.test(value)) return value;
    throw new UserError(`${JSON.stringify(value)} is no attestation`, {
      hint: 'Write true, false or mode=max.',
    });
  },
);

const templateName = z.enum([...TEMPLATE_NAMES, 'auto'], {
  error: `must be ${[...TEMPLATE_NAMES, 'auto'].join(' or ')}`,
});

/** A line for a shell, or words that none reads. */
const commandLine = z.union([filledText, z.array(text).min(1)], {
  error: 'must be text or a list of text',
});

/** A folder below the context, without `.` and slashes at its ends. */
const folderBelow = parsed(filledText, parseFolderBelow);

const template = z
  .union(
    [
      templateName.transform((name) => ({ name })),
      closed({
        name: key(templateName, {
          description: 'What the Dockerfile is made for; with `auto` it is found by looking.',
          fallback: { value: 'auto' },
          example: 'name: node',
        }),
        app: key(folderBelow, {
          description:
            'The folder of the app, from the context, where that is a workspace of npm, yarn, pnpm or bun. What it needs of the workspace comes along.',
          example: 'app: apps/api',
        }),
        version: key(parsed(z.union([text, z.number()], { error: 'must be text' }), parseVersion), {
          description: 'The version of the language.',
          fallback: {
            words:
              'what the folder says (`.nvmrc`, `engines`, `.python-version`, `requires-python`, …), else the current one',
          },
          example: 'version: 24',
        }),
        build: key(commandLine, {
          description: 'What is run before the image is done: a line for a shell, or words.',
          fallback: { words: 'the script `build`, where there is one' },
          short: 'build: npm run build:production',
          long: 'build: [npm, run, "build:production"]',
        }),
        start: key(
          parsed(commandLine, (said) => (typeof said === 'string' ? splitWords(said) : said)),
          {
            description:
              'What the container runs. Text is split into words; no shell reads it, so that signals reach the app.',
            fallback: { words: 'what the folder says: the script `start`, `main`, or the framework' },
            short: 'start: node dist/server.js',
            long: 'start: [node, dist/server.js]',
          },
        ),
        output: key(folderBelow, {
          description: 'The folder, from that of the app, that has the site when it was built.',
          fallback: { words: 'that of the framework' },
          example: 'output: dist',
        }),
        base: key(parsed(filledText, parseImage), {
          description: 'The image that the result stands on.',
          fallback: { words: 'the official one' },
          example: 'base: ghcr.io/acme/node:24',
        }),
        builder: key(parsed(filledText, parseImage), {
          description: 'The image that dependencies are installed in, and `build` is run.',
          fallback: { words: '`base` where it is for the language, else the official one' },
          example: 'builder: node:24',
        }),
        spa: key(flag, {
          description:
            'Whether a site answers a path that it has no file for with its `index.html`, for an app that finds its way in the browser.',
          fallback: { words: '`true` for one page of React, Vue, Angular or Svelte, else `false`' },
          example: 'spa: true',
        }),
      }).transform(({ name = 'auto', ...options }) => ({ name, ...options })),
    ],
    { error: `must be ${[...TEMPLATE_NAMES, 'auto'].join(', ')}, or a map` },
  )
  .transform((said): TemplateSpec => said);

const long = closed(
  {
    context: key(parsed(filledText, parseBuildContext), {
      from: 'Compose',
      description:
        'The folder that is built, from the folder of this file, or from the top of the repository that `git` names. What `.dockerignore` names is no part of it. An address as Compose has it, `https://host/acme/api.git#ref:folder`, is another way of writing `git` and `context`.',
      fallback: { value: '.' },
      short: 'context: ./api',
      long: 'context: https://github.com/acme/api.git#main:services/api',
    }),
    git: key(parsed(filledText, parseGitSource), {
      description:
        'Another repository, which is built in place of this one: its address, and behind an `@` a branch, a tag or a whole commit. Without one it is what the repository shows first. It is read over https with the input `git-token`, or over SSH (`ssh://git@host/…`, `git@host:…`) with `git-ssh-key`.',
      example: 'git: https://github.com/acme/api.git@v1.4.0',
    }),
    dockerfile: key(filledText, {
      from: 'Compose',
      description: 'The Dockerfile, from the context. Beside it may lie a `<name>.dockerignore` of its own.',
      fallback: { value: 'Dockerfile' },
      example: 'dockerfile: deploy/Dockerfile',
    }),
    dockerfile_inline: key(filledText, {
      from: 'Compose',
      description:
        'What is in the Dockerfile, in place of a file. References (`$NAME`) are replaced first; `$$` is a dollar sign.',
      example: 'dockerfile_inline: |\n  FROM nginx:1.30-alpine\n  COPY site /usr/share/nginx/html',
    }),
    template: key(template, {
      description:
        'Makes the Dockerfile of a folder that has none, for what is in it. The log says what was found and by which file; the input `eject` of `build-push` writes it down for you to go on with.',
      short: 'template: auto',
      long: 'template:\n  name: node\n  app: apps/api\n  start: node dist/server.js',
    }),
    args: key(args, {
      from: 'Compose',
      description:
        'Values of `ARG` in the Dockerfile. One without a value has that of the variable in the env of the step. **Anybody who has the image can read them**: what is secret goes by `secrets`.',
      short: 'args: ["NODE_VERSION=24"]',
      long: 'args:\n  NODE_VERSION: 24\n  GITHUB_SHA:',
    }),
    target: key(
      parsed(z.string(), (name) => {
        if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return name;
        throw new UserError(`${JSON.stringify(name)} is no name of a stage`, {
          hint: 'Write the name behind AS, or the number of the stage.',
        });
      }),
      {
        from: 'Compose',
        description: 'The stage of the Dockerfile that is built.',
        fallback: { words: 'the last one' },
        example: 'target: runtime',
      },
    ),
    secrets: key(z.array(secret), {
      from: 'Compose',
      description:
        'Secrets that the build may read, and that are in no layer: `RUN --mount=type=secret,id=npm_token …`. Their values come from where those of services do. A secret that changes is no reason to build again.',
      short: 'secrets: [npm_token]',
      long: 'secrets:\n  - { source: NPM_TOKEN, target: npm_token }',
    }),
    ssh: key(oneOrMany(parsed(filledText, parseSshKey), 'an SSH agent'), {
      from: 'Compose',
      description:
        'SSH agents that the build may ask: `default` is the one of the runner, `id=path` a key or a socket of the runner. `RUN --mount=type=ssh …` uses it.',
      short: 'ssh: default',
      long: 'ssh: [default, "deploy=/tmp/agent.sock"]',
    }),
    cache_from: key(z.array(cache), {
      from: 'Compose',
      description: 'Where layers of earlier builds are looked for, in the words of BuildKit.',
      example: 'cache_from: ["type=registry,ref=ghcr.io/acme/api:cache"]',
    }),
    cache_to: key(z.array(cache), {
      from: 'Compose',
      description:
        'Where layers are kept for later builds, in the words of BuildKit. That a builder cannot write there, or not now, fails no build.',
      example: 'cache_to: ["type=registry,ref=ghcr.io/acme/api:cache,mode=max"]',
    }),
    labels: key(textMap(), {
      from: 'Compose',
      description: 'Labels of the image, beside those with source, revision and version that each one gets.',
      short: 'labels: ["com.example.team=shop"]',
      long: 'labels:\n  com.example.team: shop',
    }),
    platforms: key(oneOrMany(platform, 'a platform'), {
      from: 'Compose',
      description: 'What the image is built for. Several need buildx with a builder that can do it.',
      fallback: { words: 'the `platform` of the service, else that of the builder' },
      example: 'platforms: [linux/amd64, linux/arm64]',
    }),
    no_cache: key(flag, {
      from: 'Compose',
      description:
        'Whether every step is run again where the image is built. One that is in the registry already is not.',
      fallback: { value: false },
      example: 'no_cache: true',
    }),
    pull: key(flag, {
      from: 'Compose',
      description: 'Whether base images are asked for at their registries although the builder has them.',
      fallback: { value: false },
      example: 'pull: true',
    }),
    additional_contexts: key(
      z
        .union([z.record(z.string(), text), z.array(parsed(text, (said) => pairOf(said, '')))], {
          error: 'must be a map or a list of name=context',
        })
        .transform(
          (said): Record<string, string> =>
            Object.fromEntries(Array.isArray(said) ? said : Object.entries(said)),
        )
        .pipe(
          parsed(
            z.record(z.string(), z.string()),
            (said): Record<string, string | GitFolder> =>
              Object.fromEntries(Object.entries(said).map(([name, place]) => parseNamedContext(name, place))),
          ),
        ),
      {
        from: 'Compose',
        description:
          'Further folders of this repository, of another one by its address (as `context` has it), or images as `docker-image://name`, which the Dockerfile names: `COPY --from=name`. They need buildx.',
        short: 'additional_contexts: ["shared=./shared"]',
        long: 'additional_contexts:\n  shared: ./shared\n  tools: docker-image://ghcr.io/acme/tools:3',
      },
    ),
    shm_size: key(bytes, {
      from: 'Compose',
      description: 'Size of `/dev/shm` while it is built.',
      fallback: { words: "the builder's" },
      example: 'shm_size: 256m',
    }),
    extra_hosts: key(parsed(hostList, parseExtraHosts), {
      from: 'Compose',
      description: 'Names that steps find with these addresses.',
      short: 'extra_hosts: ["mirror.example.com:10.0.0.9"]',
      long: 'extra_hosts:\n  mirror.example.com: 10.0.0.9',
    }),
    network: key(z.enum(['default', 'host', 'none']), {
      from: 'Compose',
      description: 'The network that `RUN` has.',
      fallback: { value: 'default' },
      example: 'network: none',
    }),
    tags: key(z.array(parsed(filledText, parseImage)), {
      from: 'Compose',
      description:
        'Further names that the image is pushed under when it is built; one of its own repository gets it also when it is there already. A deploy never uses them.',
      example: 'tags: ["ghcr.io/acme/api:edge"]',
    }),
    ulimits: key(ulimits, {
      from: 'Compose',
      description: 'Limits of the processes that build.',
      example: 'ulimits:\n  nofile: { soft: 20000, hard: 40000 }',
    }),
    entitlements: key(
      z.array(
        z.enum(['network.host', 'security.insecure'], {
          error: 'must be network.host or security.insecure',
        }),
      ),
      {
        from: 'Compose',
        description:
          'What steps may ask for beyond the usual: `network.host`, `security.insecure`. They need buildx.',
        example: 'entitlements: [network.host]',
      },
    ),
    provenance: key(attestation, {
      from: 'Compose',
      description:
        'Whether it is said beside the image how it was built, as BuildKit has it. With `mode=max` that names the arguments.',
      fallback: { words: '`mode=min` for one platform, where the builder can' },
      example: 'provenance: mode=max',
    }),
    sbom: key(attestation, {
      from: 'Compose',
      description:
        'Whether it is said beside the image what is in it, as BuildKit has it, by a scanner that it pulls.',
      fallback: { value: false },
      example: 'sbom: true',
    }),
  },
  BUILD_REFUSALS,
);

/** How the image of a service is built, in Compose's short and long form. */
export const build = z
  .union([parsed(filledText, parseBuildContext).transform((context) => ({ context })), long], {
    error: 'must be a folder, an address of a repository, or a map',
  })
  .transform((said: z.infer<typeof long>, context): BuildInput => {
    const { context: place, git, ...rest } = said;
    if (git === undefined && typeof place !== 'object') {
      return { ...rest, ...(place !== undefined && { context: place }) };
    }
    try {
      return { ...rest, ...sourceOf(git, place) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      context.addIssue({
        code: 'custom',
        path: ['context'],
        message: error.message,
        params: { hint: error.hint },
      });
      return z.NEVER;
    }
  });

/** Both ways of naming another repository become one. */
function sourceOf(
  git: GitSource | undefined,
  context: string | GitFolder | undefined,
): { git: GitSource; context: string } {
  if (typeof context !== 'object') return { git: git!, context: checkFolder(context ?? '.') };
  if (git !== undefined) {
    throw new UserError('names a second repository beside git', {
      hint: 'Keep git, and write the folder from the top of that repository.',
    });
  }
  const { folder, ...source } = context;
  return { git: source, context: folder };
}

/** See {@link build}; without defaults. */
export type BuildInput = Omit<z.infer<typeof long>, 'context' | 'git'> & {
  /** A folder: of the repository that `git` names, else of this one. */
  context?: string | undefined;
  git?: GitSource | undefined;
};
