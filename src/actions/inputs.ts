import * as z from 'zod';
import { parseDuration } from '../config/duration.ts';
import { messageOf, UserError, UserErrors } from '../model/errors.ts';

/** One input as action.yml and the README show it. */
export interface InputSpec {
  description: string;
  required?: boolean;
  default?: string;
}

/** One output. */
export interface OutputSpec {
  description: string;
}

/** Every input of every action: the one source of action.yml, the READMEs' tables and the parsing below. */
export const INPUTS = {
  environment: {
    description: 'The environment of the configuration to work on, for example `production`.',
    required: true,
  },
  service: {
    description:
      'The services to deploy, one a line. All services when empty; then services that left the file are removed.',
  },
  zones: {
    description: 'The zones to work in, one a line. All zones of the environment when empty.',
  },
  to: {
    description:
      'Where to go back to: `previous` is the last good release before what runs; a number is that release; anything else is a version, the tag of an image or its whole name. `list` shows the releases and changes nothing.',
    default: 'previous',
  },
  'exclude-servers': {
    description:
      'Hosts of servers that cannot be reached, one a line: they are left out and get no traffic. The next run without this input brings them up to date.',
  },
  config: {
    description: 'Path of the configuration, from the root of the repository.',
    default: 'switchyard.yml',
  },
  'ssh-private-key': {
    description:
      'The private key for the servers, in OpenSSH or PEM format and without a passphrase. Not needed with `provider: local`.',
  },
  secrets: {
    description:
      'The values of the secrets that services name, as a JSON object. Pass all with the expression `toJSON(secrets)`; only the named ones are used.',
  },
  images: {
    description:
      'Images that win over those of the file, one `service=image` a line, for example `api=ghcr.io/acme/api@sha256:…`.',
  },
  'state-branch': {
    description: 'The branch that records what was deployed. It is created on first use.',
    default: 'switchyard-state',
  },
  'github-token': {
    description:
      'Token to read and write the state branch, and to ask whether a run that holds the lease still lives. Needs `contents: write`; `actions: read` lets a dead run be recognised at once.',
    default: '${{ github.token }}',
  },
  'lease-wait': {
    description:
      'How long to wait while another run changes the environment, for example `90s` or `30m`; `0` does not wait. What waits longer fails and has changed nothing.',
    default: '15m',
  },
  'unfinished-hook': {
    description:
      'What to do with a `pre_deploy` that was cut off, when a run asks: `run` runs it once more, `done` goes on without it.',
  },
  'dry-run': {
    description: 'With `true`, plan and print, and change nothing.',
    default: 'false',
  },
  comment: {
    description:
      'With `true`, show the plan in a comment of the pull request that the run is for, always the same one. Needs `pull-requests: write`; a run that may not comment, or is for no pull request, says so and goes on.',
    default: 'true',
  },
  'exit-code': {
    description:
      'With `true`, end with code 2 when a deploy would change something, and with 0 when it would not. Errors end with 1 either way.',
    default: 'false',
  },
} as const satisfies Record<string, InputSpec>;

/** Every output of every action. */
export const OUTPUTS = {
  changed: { description: '`true` when anything was changed (or, in a dry run, would be), else `false`.' },
  releases: { description: 'JSON: the number of the release that runs, by service.' },
  result: {
    description:
      'JSON: by service its release, and the servers with `host`, `side`, `container`, `port`, durations in ms, and the counts of the probe.',
  },
  plan: {
    description:
      'JSON: `outcome` (`no changes`, `changes` or `error`), `changes` by service with their reasons, `steps` as text, `drift`, and what the look at the servers has found (`preflight`).',
  },
} as const satisfies Record<string, OutputSpec>;

export type InputName = keyof typeof INPUTS;
export type OutputName = keyof typeof OUTPUTS;

/** A newline list; blank lines are nothing. */
const list = z.string().transform((text) => {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.length === 0 ? undefined : lines;
});

const images = z.string().transform((text, context) => {
  const pairs: Record<string, string> = {};
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line === '') continue;
    const at = line.indexOf('=');
    if (at < 1 || at === line.length - 1) {
      context.addIssue({ code: 'custom', message: `"${line}" is not of the form service=image` });
      return z.NEVER;
    }
    pairs[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return pairs;
});

const secrets = z.string().transform((text, context): Record<string, string> => {
  if (text.trim() === '') return {};
  // What was passed is never repeated: it may be a secret.
  const fail = () => {
    context.addIssue({
      code: 'custom',
      message: 'is not a JSON object of strings; pass ${{ toJSON(secrets) }}',
    });
    return z.NEVER;
  };
  try {
    const parsed = z.record(z.string(), z.string()).safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : fail();
  } catch {
    return fail();
  }
});

/** YAML 1.2's booleans, as the runner's own actions read them. */
const boolean = z.string().transform((text, context) => {
  if (/^(true|True|TRUE)$/.test(text)) return true;
  if (/^(false|False|FALSE)$/.test(text)) return false;
  context.addIssue({ code: 'custom', message: `"${text}" is neither true nor false` });
  return z.NEVER;
});

const duration = z.string().transform((text, context) => {
  try {
    return parseDuration(text.trim());
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) });
    return z.NEVER;
  }
});

const unfinishedHook = z.string().transform((text, context) => {
  const answer = text.trim();
  if (answer === '') return undefined;
  if (answer === 'run' || answer === 'done') return answer;
  context.addIssue({ code: 'custom', message: `"${answer}" is neither run nor done` });
  return z.NEVER;
});

const optional = z.string().transform((text) => (text.trim() === '' ? undefined : text));

/** How each input is read. */
export const INPUT_SCHEMAS = {
  environment: z.string().trim().min(1, 'is required'),
  service: list,
  zones: list,
  to: z.string().trim().min(1, 'is required'),
  'exclude-servers': list,
  config: z.string().trim().min(1, 'is required'),
  'ssh-private-key': optional,
  secrets,
  images,
  'state-branch': z.string().trim().min(1, 'is required'),
  'github-token': optional,
  'lease-wait': duration,
  'unfinished-hook': unfinishedHook,
  'dry-run': boolean,
  comment: boolean,
  'exit-code': boolean,
} satisfies Record<InputName, z.ZodType>;

/** All inputs, read. */
export type Inputs = { [Name in InputName]: z.infer<(typeof INPUT_SCHEMAS)[Name]> };

/**
 * readInputs reads the inputs of an action; those it does not have keep their defaults. `get` returns an input's
 * text, empty when it was not given. It throws a UserError, or UserErrors with all mistakes at once.
 */
export function readInputs(names: readonly InputName[], get: (name: string) => string): Inputs {
  const errors: UserError[] = [];
  const all = (Object.keys(INPUTS) as InputName[]).map((name) => {
    const spec: InputSpec = INPUTS[name];
    // GitHub fills in its own defaults; without a runner, `${{ github.token }}` is nothing.
    const fallback = spec.default?.startsWith('${{') ? '' : (spec.default ?? '');
    const given = names.includes(name) ? get(name) : '';
    const parsed = INPUT_SCHEMAS[name].safeParse(given.trim() === '' ? fallback : given);
    if (parsed.success) return [name, parsed.data] as const;
    if (!names.includes(name)) return [name, undefined] as const;
    errors.push(
      new UserError(`input ${name} ${parsed.error.issues[0]?.message}`, {
        hint: `${name}: ${spec.description}`,
      }),
    );
    return [name, undefined] as const;
  });
  const [first] = errors;
  if (first !== undefined) throw errors.length === 1 ? first : new UserErrors(errors);
  return Object.fromEntries(all) as Inputs;
}
