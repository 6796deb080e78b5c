import * as z from 'zod';
import { SLOTS } from '../model/copy.ts';
import type { Scope } from '../model/names.ts';
import type { EnvironmentState, RecordedCopy, RecordedService } from '../model/release.ts';
import { type FilePlace, parseJson } from './json-file.ts';

const copy: z.ZodType<RecordedCopy> = z.looseObject({
  server: z.string(),
  slot: z.literal(SLOTS),
  container: z.string(),
  port: z.int().optional(),
  state: z.enum(['starting', 'serving', 'standby', 'draining']),
  healthy: z.boolean(),
  release: z.int(),
  weight: z.number().optional(),
  until: z.string().optional(),
});

const progress = z.enum(['due', 'begun', 'done', 'failed']).optional();

const serviceFields = z.looseObject({
  release: z.int(),
  image: z.string(),
  internal_port: z.int().optional(),
  host_port: z.int().optional(),
  extra_ports: z.record(z.string(), z.object({ internal_port: z.int(), host_port: z.int() })).optional(),
  copies: z.array(copy),
  deployed_at: z.string(),
  switched_at: z.string().optional(),
  previous: z.int(),
  run: z.string(),
  rollout: z
    .looseObject({
      release: z.int(),
      strategy: z.enum(['toggle', 'recreate']),
      step: z.literal('starting'),
      run: z.string(),
      since: z.string(),
    })
    .optional(),
  hooks: z
    .looseObject({ release: z.int(), server: z.string(), pre_deploy: progress, post_deploy: progress })
    .optional(),
  history: z
    .array(
      z.looseObject({
        release: z.int(),
        outcome: z.enum(['deployed', 'failed']),
        at: z.string(),
        run: z.string(),
        actor: z.string(),
        commit: z.string().optional(),
        why: z.array(z.string()),
        took_ms: z.number(),
        sent: z.number().optional(),
        lost: z.number().optional(),
        restores: z.int().optional(),
      }),
    )
    .optional(),
  probe: z
    .looseObject({
      sent: z.number(),
      lost: z.number(),
      unknown: z.number(),
      p50_ms: z.number(),
      p99_ms: z.number(),
      longest_gap_ms: z.number(),
    })
    .optional(),
});
const service: z.ZodType<RecordedService> = serviceFields;

const stateFields = z.looseObject({
  schema: z.literal(1),
  project: z.string(),
  environment: z.string(),
  services: z.record(z.string(), service),
  stale_servers: z
    .record(
      z.string(),
      z.looseObject({
        since: z.string(),
        run: z.string(),
        reason: z.string().optional(),
        sends_to: z
          .array(z.looseObject({ service: z.string(), server: z.string(), slot: z.literal(SLOTS) }))
          .optional(),
      }),
    )
    .optional(),
  release_numbers: z.record(z.string(), z.int()).optional(),
  secrets_versions: z.record(z.string(), z.int()).optional(),
  generated_secrets: z
    .record(
      z.string(),
      z.looseObject({
        id: z.string(),
        made_at: z.string(),
        run: z.string(),
        length: z.int(),
        servers: z.array(z.string()),
      }),
    )
    .optional(),
});
const state: z.ZodType<EnvironmentState> = stateFields;

/** emptyState returns the state of an environment in which nothing was deployed yet. */
export function emptyState(scope: Scope): EnvironmentState {
  return { schema: 1, project: scope.project, environment: scope.environment, services: {} };
}

/** parseState reads a state file; unknown fields stay in the result. It throws a UserError, see parseJson. */
export function parseState(text: string, place: FilePlace): EnvironmentState {
  return parseJson(text, place, state, 1);
}

/**
 * keepUnknown returns `after` with the fields of `before` that this version of Switchyard does not know:
 * whoever built a service's record anew could not carry them over. Known fields are taken from `after`
 * alone, so that leaving one out removes it.
 */
export function keepUnknown(before: EnvironmentState, after: EnvironmentState): EnvironmentState {
  const services = Object.fromEntries(
    Object.entries(after.services).map(([name, record]) => {
      const old = Object.hasOwn(before.services, name) ? before.services[name] : undefined;
      return [name, old === undefined ? record : { ...unknownFields(old, serviceFields.shape), ...record }];
    }),
  );
  return { ...unknownFields(before, stateFields.shape), ...after, services };
}

function unknownFields(value: object, shape: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !Object.hasOwn(shape, key)));
}
