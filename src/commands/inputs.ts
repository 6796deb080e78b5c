import * as z from 'zod';
import type { Cache } from '../build/cache.ts';
import { parseAgeKeys } from '../config/age.ts';
import { parseDuration } from '../config/duration.ts';
import { parsePlatform } from '../config/option-values.ts';
import { isRevocationReason, REVOCATION_REASONS, type RevocationReason } from '../model/certificate.ts';
import { failTogether, messageOf, UserError } from '../model/errors.ts';

/** One input: what people are told of it, and how its text is read. */
export interface InputSpec {
  description: string;
  required?: boolean;
  /** What is read where nothing was given. */
  default?: string;
  schema: z.ZodType<unknown, string>;
}

/** A text that must be there. */
const text = z.string().trim().min(1, 'is required');

/** A text as it was given, byte for byte; undefined where there is nothing but blanks. */
const optionalText = z.string().transform((given) => (given.trim() === '' ? undefined : given));

/** A word without the blanks around it; undefined where there is nothing else. */
const optionalWord = z.string().transform((given) => given.trim() || undefined);

/** A list, one a line; blank lines are nothing, and no lines are undefined. */
const lines = z.string().transform((given) => {
  const found = linesOf(given);
  return found.length === 0 ? undefined : found;
});

/** Pairs, one `name=value` a line. */
const pairs = z.string().transform((given, context): Record<string, string> => {
  const found = linesOf(given).map((line) => ({ line, at: line.indexOf('=') }));
  const wrong = found.find(({ line, at }) => at < 1 || at === line.length - 1);
  if (wrong !== undefined) {
    context.addIssue({ code: 'custom', message: `"${wrong.line}" is not of the form service=image` });
    return z.NEVER;
  }
  return Object.fromEntries(
    found.map(({ line, at }) => [line.slice(0, at).trim(), line.slice(at + 1).trim()]),
  );
});

/** The values of secrets by name, as a JSON object. What was passed is never repeated: it may be a secret. */
const secretValues = z.string().transform((given, context): Record<string, string> => {
  const parsed = z.record(z.string(), z.string()).safeParse(jsonOf(given.trim() === '' ? '{}' : given));
  if (parsed.success) return parsed.data;
  context.addIssue({
    code: 'custom',
    message: 'is not a JSON object of strings; pass ${{ toJSON(secrets) }}',
  });
  return z.NEVER;
});

/** Keys of age, one a line; undefined for none. */
const ageKeys = z.string().transform((given, context): string[] | undefined => {
  try {
    const keys = parseAgeKeys(given);
    return keys.length === 0 ? undefined : keys;
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) });
    return z.NEVER;
  }
});

/** Secrets, one `name=value` a line. What was passed is never repeated. */
const secretPairs = z.string().transform((given, context): Record<string, string> => {
  const found = linesOf(given).map((line) => /^([^=\s]+)=(.+)$/s.exec(line));
  const wrong = found.indexOf(null);
  if (wrong !== -1) {
    context.addIssue({
      code: 'custom',
      message: `has a line (${wrong + 1}) that is not of the form name=value`,
    });
    return z.NEVER;
  }
  return Object.fromEntries(found.map((match) => [match![1]!, match![2]!]));
});

/** YAML 1.2's booleans, as the runner's own actions read them. */
const flag = z.string().transform((given, context) => {
  if (/^(true|True|TRUE)$/.test(given)) return true;
  if (/^(false|False|FALSE)$/.test(given)) return false;
  context.addIssue({ code: 'custom', message: `"${given}" is neither true nor false` });
  return z.NEVER;
});

const optionalFlag = z.string().transform((given, context) => {
  if (given.trim() === '') return undefined;
  const read = flag.safeParse(given);
  if (read.success) return read.data;
  context.addIssue({ code: 'custom', message: `"${given}" is neither true nor false` });
  return z.NEVER;
});

/** A duration as the file writes them, in milliseconds. */
const durationMs = z.string().transform((given, context) => {
  try {
    return parseDuration(given.trim());
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) });
    return z.NEVER;
  }
});

/** Platforms, one a line or with commas. */
const platforms = z.string().transform((given, context): string[] | undefined => {
  try {
    const found = given
      .split(/[\n,]/)
      .flatMap((word) => (word.trim() === '' ? [] : [parsePlatform(word.trim())]));
    return found.length === 0 ? undefined : [...new Set(found)];
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) });
    return z.NEVER;
  }
});

/** Where layers of images are kept. */
const cache = z.string().transform((given, context): Cache | undefined => {
  const answer = given.trim();
  if (answer === '') return undefined;
  if (answer === 'gha' || answer === 'registry' || answer === 'local' || answer === 'none') return answer;
  context.addIssue({ code: 'custom', message: `"${answer}" is none of gha, registry, local, none` });
  return z.NEVER;
});

/** What to do with a hook of which nobody knows how it ended. */
const hookAnswer = z.string().transform((given, context): 'run' | 'done' | undefined => {
  const answer = given.trim();
  if (answer === '') return undefined;
  if (answer === 'run' || answer === 'done') return answer;
  context.addIssue({ code: 'custom', message: `"${answer}" is neither run nor done` });
  return z.NEVER;
});

/** What to do with certificates. */
const certificateAction = z.string().transform((given, context): 'renew' | 'issue' | 'revoke' | 'list' => {
  const action = given.trim();
  if (action === 'renew' || action === 'issue' || action === 'revoke' || action === 'list') return action;
  context.addIssue({ code: 'custom', message: `"${action}" is neither renew nor issue nor revoke nor list` });
  return z.NEVER;
});

/** What to do with backups. */
const backupOperation = text.pipe(
  z.enum(['create', 'verify', 'list', 'pull', 'restore', 'prune'], {
    error: 'must be create, verify, list, pull, restore or prune',
  }),
);

/** Why certificates are revoked. */
const revocationReason = z.string().transform((given, context): RevocationReason => {
  const reason = given.trim();
  if (isRevocationReason(reason)) return reason;
  const known = Object.keys(REVOCATION_REASONS).join(', ');
  context.addIssue({ code: 'custom', message: `"${reason}" is none of ${known}` });
  return z.NEVER;
});

/**
 * Every input of every command, in the order in which they are shown: the one source of action.yml, of the READMEs'
 * tables and of what is read.
 */
export const INPUTS = {
  environment: {
    description: 'The environment of the configuration to work on, for example `production`.',
    required: true,
    schema: text,
  },
  service: {
    description:
      'The services to work on, one a line. All services when empty; a deploy then removes those that left the file.',
    schema: lines,
  },
  to: {
    description:
      'Where to go back to: `previous` is the last good release before what runs; a number is that release; anything else is a version, the tag of an image or its whole name. `list` shows the releases and changes nothing.',
    default: 'previous',
    schema: text,
  },
  action: {
    description:
      'What to do: `renew` what is due and give servers what they lack; `issue` new ones for `domains` whatever they have, with new keys; `revoke` those of `domains`, once new ones with new keys serve in their place; `list` shows them, with the days that they are valid for, and changes nothing.',
    default: 'renew',
    schema: certificateAction,
  },
  task: {
    description:
      'What to do: `list` shows secrets by name, with their versions, ages and services; `show-recipients` shows who can open the encrypted copies of generated ones; `prune` gives up old values that no release needs and that are older than 30 days; `export` writes the generated ones, which `age-key` opens, into `file`. No value is ever shown.',
    default: 'list',
    schema: text.pipe(
      z.enum(['list', 'show-recipients', 'prune', 'export'], {
        error: 'must be list, show-recipients, prune or export',
      }),
    ),
  },
  file: {
    description:
      'Where `export` writes to, from the workspace: a file that is not there yet, and that nobody else can read.',
    schema: optionalWord,
  },
  plain: {
    description:
      'With `true`, `export` writes JSON that everybody can read who gets hold of the file. Otherwise it stays encrypted, for the recipients of `age-key` alone.',
    default: 'false',
    schema: flag,
  },
  domains: {
    description:
      'The domains that `issue` and `revoke` are for, one a line. For `issue` all that are served over HTTPS when empty; `revoke` needs them named.',
    schema: lines,
  },
  state: {
    description: '`on` puts services into maintenance, `off` takes them out of it.',
    required: true,
    schema: text.pipe(z.enum(['on', 'off'], { error: 'must be on or off' })),
  },
  reason: {
    description: 'Why, for `status` and `plan`; users do not see it.',
    schema: z.string().transform((given) => given.trim().slice(0, 500) || undefined),
  },
  operation: {
    description:
      'What to do: `create` backs up and verifies as the file says; `verify` restores a backup into a scratch container and compares; `list` shows those that there are, and asks the repository whether it has them; `pull` writes one to a folder; `prune` gives up those that `retention` does not keep; `restore` brings one back, in place of what is there, which is kept under another name.',
    default: 'create',
    schema: backupOperation,
  },
  backup: {
    description:
      'Which backup `verify`, `pull` and `restore` are about: `latest` is the last verified one for `restore`, and the last one for the others; else its id, or a time such as `2026-11-30T03:00Z`: the last one that began before it.',
    default: 'latest',
    schema: text,
  },
  from: {
    description:
      'The environment whose backup `restore` brings to this one, for example `production` to staging: it is opened with the secrets of its own, and nothing of it is written. This one when empty.',
    schema: optionalWord,
  },
  mask: {
    description:
      'The path of a file with statements, SQL for most databases, which `restore` runs on what it has restored before that takes its place, from the workspace. Where one fails nothing is changed.',
    schema: optionalText,
  },
  folder: {
    description:
      'The folder that `pull` writes to, from the workspace: `actions/upload-artifact` makes an artifact of it.',
    default: 'backups',
    schema: text,
  },
  'server-folder': {
    description:
      'A folder of the server that `pull` writes to instead, by its whole path: nothing comes to the runner.',
    schema: optionalText,
  },
  'revocation-reason': {
    description:
      'Why `revoke` is asked for, which the CA publishes: `superseded`, `key-compromise` where somebody else may have the key, or `unspecified`.',
    default: 'superseded',
    schema: revocationReason,
  },
  zones: {
    description: 'The zones to work in, one a line. All zones of the environment when empty.',
    schema: lines,
  },
  'exclude-servers': {
    description:
      'Names of servers that cannot be reached, one a line: they are left out and get no traffic. The next run without this input brings them up to date.',
    schema: lines,
  },
  'working-directory': {
    description:
      'Folder of the checkout, from the workspace: the `path` that actions/checkout was given. Empty for the workspace itself.',
    schema: optionalWord,
  },
  config: {
    description: 'Path of the configuration, from the root of the repository.',
    default: 'switchyard.yml',
    schema: text,
  },
  'ssh-private-key': {
    description:
      'The private key for the servers, in OpenSSH or PEM format (PKCS#8 too) and without a passphrase. Not needed with `provider: local`.',
    schema: optionalText,
  },
  secrets: {
    description:
      'The values of the secrets that services name, as a JSON object. Pass all with the expression `toJSON(secrets)`; only the named ones are used.',
    schema: secretValues,
  },
  'age-key': {
    description:
      'The key that opens secrets which the file has with `age`, and the encrypted copies of generated ones when no server has them any more, as age-keygen has written it; several one a line.',
    schema: ageKeys,
  },
  images: {
    description:
      'Images that win over those of the file, one `service=image` a line, for example `api=ghcr.io/acme/api@sha256:…`. With one of a service that has a `build` nothing is built: the others keep the image that serves.',
    schema: pairs,
  },
  push: {
    description:
      'With `true`, push images to the registry, or with `registry: none` keep them for the deploy of the same job; with `false`, keep them in the engine of the machine that runs the action, for `provider: local`. They are pushed when this is empty, unless the provider is `local` and the file names no registry.',
    schema: optionalFlag,
  },
  'registry-username': {
    description:
      'The account at the registry of the images. With it and `registry-password` the action logs in for itself alone, and the servers pull with it; nothing of it stays. Without them the logins of the runner hold (`docker login`, docker/login-action).',
    schema: optionalWord,
  },
  'registry-password': {
    description:
      'The password, or better a token, of `registry-username`. For ghcr.io it can be the expression `github.token`, in a job with `packages: write`.',
    schema: optionalText,
  },
  'build-secrets': {
    description:
      'Values of secrets for builds alone, one `name=value` a line; they win over those of `secrets`.',
    schema: secretPairs,
  },
  platforms: {
    description:
      'What images are built for, in place of what the file says, one a line or with commas: `linux/amd64, linux/arm64`. Several need a builder of docker/setup-buildx-action, and emulation (docker/setup-qemu-action) for what the runner is not.',
    schema: platforms,
  },
  cache: {
    description:
      'Where layers are kept for later builds: `gha` is the cache of GitHub Actions, `registry` beside each image, `local` the folder `~/.cache/switchyard/layers`, for actions/cache; `none` is nowhere. When empty, where they cost least: with an engine that stays, on runners of GitHub `gha`, else `registry`. What a `build` says itself (`cache_from`, `cache_to`) wins.',
    schema: cache,
  },
  'git-token': {
    description:
      'A token that may read the other repositories that builds name by `git` over https. It is sent to their host and to no other. Where they lie on several hosts, one `host=token` a line; where a host wants a name as well, `name:token`. `github.token` reads the own repository only.',
    schema: optionalText,
  },
  'git-ssh-key': {
    description:
      'A private key that may read those repositories over SSH, without a passphrase, for example that of a deploy key. Without it the keys of the runner hold.',
    schema: optionalText,
  },
  'git-known-hosts': {
    description:
      'Host keys of SSH servers with those repositories, as lines of `known_hosts`. Those of github.com, gitlab.com, bitbucket.org and codeberg.org are known.',
    schema: optionalText,
  },
  'allow-dirty': {
    description:
      'With `true`, build also from what is not committed; the tag of the commit then ends with `-dirty`.',
    default: 'false',
    schema: flag,
  },
  eject: {
    description:
      'With `true`, write the Dockerfile that each `template` makes into its folder, with a `.dockerignore` where there is none, and build nothing. No file is overwritten.',
    default: 'false',
    schema: flag,
  },
  'state-branch': {
    description: 'The branch that records what was deployed. It is created on first use.',
    default: 'switchyard-state',
    schema: text,
  },
  'github-token': {
    description:
      'Token to read and write the state branch, and to ask whether a run that holds the lease still lives. Needs `contents: write`; `actions: read` lets a dead run be recognised at once.',
    default: '${{ github.token }}',
    schema: optionalText,
  },
  'take-over-from': {
    description:
      'The repository that an environment belongs to so far, as the error names it, for example `github.com/acme/shop`: with it this one takes the environment over, once. For a repository that was renamed, or that hands a project over.',
    schema: optionalWord,
  },
  'lease-wait': {
    description:
      'How long to wait while another run changes the environment, for example `90s` or `30m`; `0` does not wait. What waits longer fails and has changed nothing.',
    default: '15m',
    schema: durationMs,
  },
  'unfinished-hook': {
    description:
      'What to do with a `pre_deploy` that was cut off, when a run asks: `run` runs it once more, `done` goes on without it.',
    schema: hookAnswer,
  },
  'dry-run': {
    description: 'With `true`, plan and print, and change nothing.',
    default: 'false',
    schema: flag,
  },
  comment: {
    description:
      'With `true`, show the plan in a comment of the pull request that the run is for, always the same one. Needs `pull-requests: write`; a run that may not comment, or is for no pull request, says so and goes on.',
    default: 'true',
    schema: flag,
  },
  presets: {
    description:
      'With `true`, only show what the presets of the environment stand for, as YAML that could stand in the file in their place. No server is asked.',
    default: 'false',
    schema: flag,
  },
  'exit-code': {
    description:
      'With `true`, end with code 2 when a deploy would change something, and with 0 when it would not. Errors end with 1 either way.',
    default: 'false',
    schema: flag,
  },
} as const satisfies Record<string, InputSpec>;

export type InputName = keyof typeof INPUTS;

/** All inputs, read. */
export type Inputs = { [Name in InputName]: z.infer<(typeof INPUTS)[Name]['schema']> };

/** What every command needs that works on an environment. */
export const PROJECT = [
  'environment',
  'working-directory',
  'config',
  'ssh-private-key',
  'state-branch',
  'github-token',
] as const satisfies InputName[];

/** What a command needs that changes an environment, and must not do so beside another. */
export const CHANGING = [
  'exclude-servers',
  'take-over-from',
  'lease-wait',
  'dry-run',
] as const satisfies InputName[];

/** Who a run is at the registry of its images. */
export const REGISTRY = ['registry-username', 'registry-password'] as const satisfies InputName[];

/** Who a run is to the other repositories that images are built from. */
export const SOURCES = ['git-token', 'git-ssh-key', 'git-known-hosts'] as const satisfies InputName[];

/** What a command needs that builds images. */
export const BUILDING = [
  'push',
  'build-secrets',
  'platforms',
  'cache',
  'allow-dirty',
  ...SOURCES,
] as const satisfies InputName[];

/** What a command needs that brings new versions of services. */
export const RELEASING = ['secrets', 'images'] as const satisfies InputName[];

/**
 * readInputs reads inputs by their names. `get` returns an input's text, empty when it was not given. It throws a
 * UserError, or UserErrors with all mistakes at once.
 */
export function readInputs<Name extends InputName>(
  names: readonly Name[],
  get: (name: string) => string,
): Pick<Inputs, Name> {
  const errors: UserError[] = [];
  const entries = names.map((name) => {
    const { description, default: fallback = '', schema }: InputSpec = INPUTS[name];
    const given = get(name);
    // GitHub fills in its own defaults; elsewhere `${{ github.token }}` is nothing.
    const standIn = fallback.startsWith('${{') ? '' : fallback;
    const parsed = schema.safeParse(given.trim() === '' ? standIn : given);
    if (!parsed.success) {
      const message = `input ${name} ${parsed.error.issues[0]?.message}`;
      errors.push(new UserError(message, { hint: `${name}: ${description}` }));
    }
    return [name, parsed.data] as const;
  });
  failTogether(errors);
  return Object.fromEntries(entries) as Pick<Inputs, Name>;
}

function linesOf(given: string): string[] {
  return given
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function jsonOf(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}
