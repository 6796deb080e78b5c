import * as z from 'zod';
import { NAME_PATTERN, NAME_RULE, NAMES_TOTAL_MAX } from '../../model/names.ts';
import { DEFAULTS } from '../defaults.ts';
import { parseImage } from '../image.ts';
import { NAMED_RANGES, parseTrustedProxies } from '../trusted-proxies.ts';
import { adopt } from './adopt.ts';
import { configs } from './configs.ts';
import { environment } from './environment.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { TOP_REFUSALS } from './refusals.ts';
import { filledText, flag, oneOrMany, positiveDuration, wholeNumber } from './scalars.ts';
import { secretDefinitions } from './secrets.ts';
import { services } from './service.ts';

/** switchyard.yml: the one source of its types, its checks, the JSON Schema and the reference page. */
export const config = closed(
  {
    project: requiredKey(z.string(), {
      description: `Name of the project: ${NAME_RULE}. Project, environment and service have at most ${NAMES_TOTAL_MAX} characters together.`,
      example: 'project: shop',
    }),
    sidecar: key(
      closed({
        image: key(parsed(filledText, parseImage), {
          description: 'Image of nginx, 1.28 or newer, for the sidecar and the edge.',
          fallback: { value: DEFAULTS.sidecar.image },
          example: 'image: "nginx:1.30-alpine"',
        }),
        keepalive_min_timeout: key(positiveDuration, {
          description:
            'How long an idle connection of a client is kept at least when nginx reloads: longer than the gaps between the requests of a client, so that none meets a closing connection.',
          fallback: { value: DEFAULTS.sidecar.keepalive_min_timeout },
          example: 'keepalive_min_timeout: 10s',
        }),
        adopt: key(adopt, {
          description:
            'Container that holds port 80 of the servers so far, an nginx made by hand for example: it goes without a gap when the edge serves its domains. `drop` names those of its domains, and ports beside 80, that nobody shall serve any more; `_` stands for all domains that it does not name. It may stay in the file afterwards.',
          short: 'adopt: front',
          long: 'adopt: { container: front, drop: [old.example.com] }',
        }),
      }),
      { description: 'Settings of nginx, for the sidecar and the edge both.' },
    ),
    edge: key(
      closed({
        trusted_proxies: key(
          parsed(
            oneOrMany(filledText, 'an address, a range such as 10.0.0.0/8, or a known set'),
            parseTrustedProxies,
          ),
          {
            description: `Proxies and balancers in front of the servers, which are believed what they tell of a request: addresses, ranges, or a set by its name (${Object.keys(NAMED_RANGES).join(', ')}). From all others \`X-Forwarded-*\` and \`Forwarded\` are replaced or left out.`,
            fallback: { words: 'nobody is believed' },
            example: 'trusted_proxies: [10.0.0.0/8, cloudflare]',
          },
        ),
        access_log: key(flag, {
          description:
            'Whether the edge writes a line of JSON for each request to the output of its container, which keeps the last 30 MB: host, method, path without query, status, bytes, times, upstream, request id.',
          fallback: { value: DEFAULTS.edge.access_log },
          example: 'access_log: false',
        }),
      }),
      {
        description:
          'Settings of the edge. Projects that share a server have the same, like those of `sidecar`.',
      },
    ),
    retain_releases: key(wholeNumber('a whole number from 2', 2), {
      description:
        'How many releases of each service are kept to go back to. Older ones leave the tip of the state branch, and the values of secrets that only they need leave the servers; what runs and what a rollback goes to always stay.',
      fallback: { value: DEFAULTS.retain_releases },
      example: 'retain_releases: 20',
    }),
    environments: requiredKey(
      z
        .record(z.string().meta({ pattern: NAME_PATTERN.source }), environment)
        .refine((map) => Object.keys(map).length > 0, { error: 'must have at least one environment' }),
      { description: 'The environments by name: where services run.' },
    ),
    configs: key(configs, {
      from: 'Compose',
      description:
        'Files that services can be given, by name: a file of the repository, text, or what a variable has. A change of what is in it is a new release of the services that have it.',
      short: 'configs:\n  loki: { file: ./loki.yml }',
      long: 'configs:\n  flags: { content: "debug=false" }',
    }),
    secrets: key(secretDefinitions, {
      from: 'Compose',
      description:
        'Where the values of secrets come from that the input `secrets` does not have under their own names. Their names work in `environment` and in references, `${api_token}`, too. An environment may say otherwise.',
      example: 'secrets:\n  api_token: { environment: PROD_API_TOKEN }\n  licence: { file: ./licence.key }',
    }),
    services: key(services, { description: 'The services by name, as they are in every environment.' }),
  },
  TOP_REFUSALS,
).meta({ id: 'config' });

/** The file as it was checked, in plain units, without defaults. */
export type Config = z.infer<typeof config>;
