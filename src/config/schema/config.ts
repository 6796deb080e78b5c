import * as z from 'zod';
import { NAME_PATTERN, NAME_RULE, NAMES_TOTAL_MAX } from '../../model/names.ts';
import { DEFAULTS } from '../defaults.ts';
import { backupSettings } from './backup.ts';
import { configs } from './configs.ts';
import { environment } from './environment.ts';
import { closed, key, requiredKey } from './key.ts';
import { maintenance } from './maintenance.ts';
import { refusalsOfServiceKeys, TOP_REFUSALS } from './refusals.ts';
import { registry } from './registry.ts';
import { ageRecipients, secretDefinitions } from './secrets.ts';
import { serviceKeys, services } from './service.ts';
import { edge, retainReleases, sidecar } from './settings.ts';
import { tls } from './tls.ts';

/** switchyard.yml: the one source of its types, its checks, the JSON Schema and the reference page. */
export const config = closed(
  {
    project: requiredKey(z.string(), {
      description: `Name of the project: ${NAME_RULE}. Project, environment and service have at most ${NAMES_TOTAL_MAX} characters together.`,
      example: 'project: shop',
    }),
    registry: key(registry, {
      description:
        'Where the images of services with a `build` are kept, each under the name `{address}/{user}/{project}-{environment}-{service}`. The short form is both parts in one. The action `build-push` logs in. With `none` there is no registry: images go from the runner to the servers through SSH, and only the layers that a server lacks.',
      short: 'registry: ghcr.io/acme',
      long: 'registry: { address: ghcr.io, user: acme }',
    }),
    sidecar: key(sidecar, { description: 'Settings of nginx, for the sidecar and the edge both.' }),
    edge: key(edge, {
      description:
        'Settings of the edge. Projects that share a server have the same, like those of `sidecar`.',
    }),
    tls: key(tls, {
      description: 'HTTPS of the domains, and where certificates come from.',
    }),
    maintenance: key(maintenance, {
      description:
        'What users get while the project is in maintenance, in every environment. The action `maintenance` switches it on and off at once; an environment and a service may say otherwise, key by key.',
      short: 'maintenance: true',
      long: 'maintenance: { page: ./maintenance.html, retry_after: 30m }',
    }),
    backup: key(backupSettings, {
      description:
        'What all backups of the file share: where they go, how long they are kept, when they are verified. A service says with `backup: true` that it has any.',
      example: 'backup: { retention: { daily: 14 } }',
    }),
    retain_releases: key(retainReleases, {
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
    age_recipients: key(ageRecipients, {
      description:
        'Who can open the encrypted copies of generated secrets that lie on the state branch, by their recipients of [age](https://age-encryption.org): what `age-keygen` prints as public key, one or several. Whoever has the key of one of them can bring the secrets back when all servers are lost: by the input `age-key`, or by hand. Without any there are none.',
      short: 'age_recipients: age1…',
      long: 'age_recipients: [age1…, age1…]',
    }),
    services: key(services, { description: 'The services by name, as they are in every environment.' }),
  },
  { ...refusalsOfServiceKeys(serviceKeys), ...TOP_REFUSALS },
).meta({ id: 'config' });

/** The file as it was checked, in plain units, without defaults. */
export type Config = z.infer<typeof config>;
