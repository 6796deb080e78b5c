import { expect, test } from '@jest/globals';
import { presetsOf, showPresets } from '../../../src/commands/shown-presets.ts';
import { loadEnvironment } from '../../../src/config/resolve.ts';
import { render } from '../../../src/report/result.ts';

const project = loadEnvironment(
  `project: shop
environments: { production: { provider: local } }
services:
  db: { preset: postgres, version: "16", mem_limit: 64m }
  api: { image: acme/api, port: 3000 }
`,
  'switchyard.yml',
  {},
  'production',
);

test('what a preset comes to is one line, and YAML to go on with', () => {
  const { lines, markdown } = render(showPresets({ ...project, title: 'shop production' }));
  expect(lines.slice(0, 4)).toEqual([
    'shop production: what presets stand for',
    'db: postgres 16, image postgres:16, volume db-data at /var/lib/postgresql/data, database shop_511578cf, user shop_user, strategy recreate, command postgres -c shared_buffers=16MB -c effective_cache_size=48MB -c maintenance_work_mem=16MB',
    'services:',
    '  db:',
  ]);
  expect(markdown).toContain('<summary>db as YAML, to go on without the preset</summary>');
  expect(markdown).toContain('```yaml\nservices:\n  db:\n    image: postgres:16\n');
});

test('a service without a preset is none of them', () => {
  expect(presetsOf(project).map(({ service }) => service)).toEqual(['db']);
});

test('without presets that is said', () => {
  const none = { ...project, wanted: { ...project.wanted, services: [] }, title: 'shop production' };
  expect(render(showPresets(none)).lines).toEqual(['shop production: no service has a preset']);
});
