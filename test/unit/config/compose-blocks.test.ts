import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadEnvironment } from '../../../src/config/resolve.ts';
import { ANY_FILES, errorsOf, indented } from './files.ts';

/*
 * More services than in compose-corpus.test.ts, in files of their own so that they stand as people write them: with
 * anchors, folded text, comments, octal numbers and references. They are without `container_name`, `networks`,
 * `depends_on`, `links` and `ports`; `port` is added.
 */

const FOLDER = join(import.meta.dirname, 'compose');

/** A service, and the extensions (`x-…`) beside it, whose anchors it may use. */
interface Block {
  name: string;
  service: string;
  extensions: string;
}

const BLOCKS: Block[] = readdirSync(FOLDER).flatMap((file) => {
  const parts = readFileSync(join(FOLDER, file), 'utf8').split(/^(?=[\w-])/m);
  const extensions = parts.filter((part) => part.startsWith('x-')).join('');
  return parts
    .filter((part) => /^(?!x-)\w/.test(part))
    .map((service) => ({ name: service.split(':')[0]!, service: service.trimEnd(), extensions }));
});

/** What the env of the step sets of all that blocks refer to without a default. */
const SET: Record<string, string> = { UID: '1000', GID: '1000', CONFIG: '/srv/jitsi', PWD: '/home/runner' };

function variablesFor({ service }: Block): Record<string, string> {
  const names = [...service.matchAll(/\$\{?([A-Za-z_]\w*)(?!\w|:?-)/g)].map(([, name = '']) => name);
  return { ...Object.fromEntries(names.map((name) => [name, '/srv/value'])), ...SET };
}

/** said returns what is said of a block: message and hint of each mistake. */
function said(block: Block): string[] {
  const text = `project: shop
environments: { local: { provider: local } }
configs: { qdrant_config: { file: ./qdrant.yml }, alloy_config: { content: "" } }
${block.extensions}
services:
${indented(`${block.service}\n  strategy: recreate`, 2)}
`;
  const load = () =>
    loadEnvironment(text, 'switchyard.yml', variablesFor(block), 'local', { repository: ANY_FILES });
  return errorsOf(load).map(({ message, hint = '' }) => `${message} ${hint}`);
}

/** What is not taken, on purpose: by block the words that say what to write. */
const REFUSED: Record<string, string> = {
  'airflow-dags':
    'Write ./dags:/opt/airflow/dags:ro for what the app only reads, and dags:/opt/airflow/dags, a volume',
  'home-assistant-host': 'leave it out, and write port: the one that the container listens on',
  laravel: 'Write .:/var/www/html:ro for what the app only reads, and data:/var/www/html, a volume',
  localstack: 'volume:/var/lib/localstack, a volume, for what it writes',
  'photoprism-home': 'Write the whole path on the server, a name for a volume (name:/target), or ./Pictures:',
  'php-pwd': 'Write ./src:/app:ro: such a path counts from the folder of this file',
  'pihole-relative': 'etc-pihole:/etc/pihole, a volume, for what it writes',
  'plex-host': 'leave it out, and write port: the one that the container listens on',
  'qbittorrent-vpn':
    'write depends_on: [gluetun], and use SWITCHYARD_GLUETUN_HOST and _PORT in place of localhost',
  redash: '/opt/redash/env is outside of the repository',
  'supabase-db':
    'Write ./volumes/db/realtime.sql:/docker-entrypoint-initdb.d/migrations/99-realtime.sql:ro for what',
  'supabase-functions': 'functions:/home/deno/functions, a volume, for what it writes',
  'vaultwarden-relative': 'vw-data:/data/, a volume, for what it writes',
};

test('there are more than 250, and 95 of 100 load by their own words', () => {
  expect(BLOCKS.length).toBeGreaterThan(250);
  expect(new Set(BLOCKS.map(({ name }) => name)).size).toBe(BLOCKS.length);
  const loaded = BLOCKS.filter((block) => said(block).length === 0);
  expect(loaded.length / BLOCKS.length).toBeGreaterThanOrEqual(0.95);
});

test.each(BLOCKS.filter(({ name }) => !Object.hasOwn(REFUSED, name)))('$name loads', (block) => {
  expect(said(block)).toEqual([]);
});

test.each(Object.entries(REFUSED))('%s is refused with what to write', (name, words) => {
  expect(said(BLOCKS.find((block) => block.name === name)!)[0]).toContain(words);
});

describe('of what Compose has and one container of a service has not, the error says what to write', () => {
  test.each([
    ['profiles: [debug]', 'write the service under environments.<name>.services'],
    ['deploy: { replicas: 30 }', 'Write servers: 2 and more'],
    ['deploy: { mode: global }', 'write servers at the service'],
    ['deploy: { placement: { constraints: [node.role == manager] } }', 'write zones at the service'],
    ['deploy: { labels: [traefik.enable=true] }', 'write labels at the service'],
    ['deploy: { update_config: { order: start-first } }', 'write strategy and healthcheck at the service'],
    [
      'healthcheck: { test: [curl, -f, "http://localhost"] }',
      'Write a line for the shell, or ["CMD", "program"',
    ],
    ['command: python manage.py migrate && gunicorn app:app', 'ask for a shell: ["sh", "-c", "…"]'],
  ])('%s', (keys, words) => {
    const service = `app:\n  image: acme/app\n  port: 3000\n  ${keys}`;
    expect(said({ name: 'app', service, extensions: '' })).toEqual([expect.stringContaining(words)]);
  });
});
