import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { root } from './files.ts';

const run = promisify(execFile);

interface Violation {
  rule: string;
  from: string;
  to: string;
}

/** violations returns, for the sources in a folder, which imports break which rule of the table. */
async function violations(folder: string): Promise<Violation[]> {
  const tool = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const config = join(root, '.dependency-cruiser.mjs');
  const args = [tool, 'src', '--config', config, '--output-type', 'json'];
  const { stdout } = await run(process.execPath, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 });
  const { summary } = JSON.parse(stdout) as {
    summary: { totalCruised: number; violations: { rule: { name: string }; from: string; to: string }[] };
  };
  expect(summary.totalCruised).toBeGreaterThan(0);
  return summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to }));
}

test('the house stands: no file of src imports what it must not know', async () => {
  expect(await violations(root)).toEqual([]);
}, 30_000);

/** Files of a house in which everything is wrong that can be, but for those that end in `-well.ts`. */
const RUIN: Record<string, string> = {
  'package.json': JSON.stringify({
    dependencies: { '@actions/core': '1', ssh2: '1', zod: '1' },
    devDependencies: { jest: '1', '@docker/node-sdk': '1' },
  }),
  'node_modules/@actions/core/index.js': '',
  'node_modules/ssh2/index.js': '',
  'node_modules/zod/index.js': '',
  'node_modules/jest/index.js': '',
  'node_modules/@docker/node-sdk/index.d.ts': 'export type T = 0;',
  'test/b.ts': 'export type T = 0;',
  'src/utils/b.ts': "import '../model/b-well.ts';",
  'src/model/b-well.ts': "import 'node:crypto';",
  'src/ssh/b-well.ts': "import 'ssh2'; import '../model/b-well.ts';",
  'src/fleet/b-well.ts': "import '../ssh/b-well.ts'; import 'zod';",
  'src/nginx/b-well.ts': "import '../fleet/b-well.ts'; import './c-well.ts';",
  'src/nginx/c-well.ts': '',
  'src/config/b-well.ts': "import '../model/b-well.ts';",
  'src/deploy/b-well.ts':
    "import '../nginx/b-well.ts'; import '../config/b-well.ts'; import './steps/b-well.ts';",
  'src/deploy/planning/b-well.ts': "import type { T } from '../steps/b-well.ts'; export type U = T;",
  'src/deploy/observation/b-well.ts': "import '../planning/b-well.ts';",
  'src/deploy/steps/b-well.ts':
    "import '../planning/b-well.ts'; import '../observation/b-well.ts'; import type {} from '@docker/node-sdk'; export type T = 0;",
  'src/deploy/preflight/b-well.ts': "import '../observation/b-well.ts';",
  'src/deploy/record/b-well.ts': "import '../planning/b-well.ts'; import '../../state/b-well.ts';",
  'src/state/b-well.ts': '',
  'src/model/clock.ts': "import 'node:timers/promises';",
  'src/git/b-well.ts': "import 'node:timers/promises';",
  'src/commands/b-well.ts': "import '../deploy/b-well.ts';",
  'src/report/b-well.ts': "import '../commands/b-well.ts';",
  'src/actions/b-well.ts': "import '../report/b-well.ts'; import '@actions/core';",
  'src/nginx/upwards.ts': "import '../deploy/b-well.ts';",
  'src/deploy/to-the-doors.ts': "import type {} from '../actions/b-well.ts';",
  'src/docker/sideways.ts': "import '../ssh/b-well.ts';",
  'src/config/to-git.ts': "import '../git/b.ts';",
  'src/git/b.ts': '',
  'src/model/to-config.ts': "import '../config/b-well.ts';",
  'src/model/to-a-package.ts': "import 'zod';",
  'src/deploy/to-no-floor.ts': "import type {} from '../utils/b.ts';",
  'src/deploy/to-a-test.ts': "import type {} from '../../test/b.ts';",
  'src/deploy/to-the-toolkit.ts': "import '@actions/core';",
  'src/deploy/planning/to-a-server.ts': "import '../../fleet/b-well.ts';",
  'src/deploy/planning/to-a-step.ts': "import '../steps/b-well.ts';",
  'src/deploy/planning/to-the-engine.ts': "import type {} from '@docker/node-sdk';",
  'src/deploy/planning/to-the-record.ts': "import type {} from '../record/b-well.ts';",
  'src/deploy/observation/to-a-step.ts': "import type {} from '../steps/b-well.ts';",
  'src/deploy/steps/to-the-record.ts': "import '../record/b-well.ts';",
  'src/deploy/steps/upstairs.ts': "import type {} from '../b-well.ts';",
  'src/deploy/record/to-a-server.ts': "import '../observation/b-well.ts';",
  'src/deploy/preflight/to-a-step.ts': "import '../steps/b-well.ts';",
  'src/deploy/preflight/to-the-record.ts': "import '../record/b-well.ts';",
  'src/deploy/to-no-room.ts': "import './cellar/b.ts';",
  'src/deploy/cellar/b.ts': '',
  'src/deploy/to-a-timer.ts': "import 'node:timers/promises';",
  'src/commands/to-its-look.ts': "import type {} from '../report/b-well.ts';",
  'src/report/to-a-door.ts': "import type {} from '../actions/b-well.ts';",
  'src/fleet/in-a-circle.ts': "import type { U } from './in-a-circle-too.ts'; export type T = U;",
  'src/fleet/in-a-circle-too.ts': "import type { T } from './in-a-circle.ts'; export type U = T;",
  'src/docker/to-ssh2.ts': "import 'ssh2';",
  'src/state/to-jest.ts': "import 'jest';",
  'src/state/to-nowhere.ts': "import './gone.ts';",
  'src/state/in-a-circle.ts': "import './in-a-circle-too.ts';",
  'src/state/in-a-circle-too.ts': "import './in-a-circle.ts';",
};

describe('in a ruin', () => {
  let found: Violation[] = [];
  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'switchyard-imports-'));
    try {
      for (const [path, code] of Object.entries(RUIN)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), path.endsWith('.ts') ? `${code}\nexport {};\n` : code);
      }
      found = await violations(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 30_000);

  test.each([
    ['src/nginx/upwards.ts', 'nginx imports from its own folder and lower floors'],
    ['src/deploy/to-the-doors.ts', 'deploy imports from its own folder and lower floors'],
    ['src/docker/sideways.ts', 'docker imports from its own folder and lower floors'],
    ['src/config/to-git.ts', 'config imports from its own folder and lower floors'],
    ['src/model/to-config.ts', 'model imports from its own folder and lower floors'],
    ['src/model/to-a-package.ts', 'model needs nothing but Node'],
    ['src/deploy/to-no-floor.ts', 'every folder of src has its floor'],
    ['src/utils/b.ts', 'every folder of src has its floor (importing)'],
    ['src/deploy/to-a-test.ts', 'src knows neither tests nor scripts'],
    ['src/deploy/to-the-toolkit.ts', 'only actions knows @actions/core'],
    ['src/deploy/planning/to-a-server.ts', 'planning is pure: it acts on nothing'],
    ['src/deploy/planning/to-a-step.ts', 'deploy/planning knows others by their types'],
    [
      'src/deploy/planning/to-the-engine.ts',
      'only docker, nginx, deploy/observation, deploy/steps, backup knows @docker/node-sdk',
    ],
    [
      'src/deploy/planning/to-the-record.ts',
      'deploy/planning imports from its own room and those it builds on',
    ],
    [
      'src/deploy/observation/to-a-step.ts',
      'deploy/observation imports from its own room and those it builds on',
    ],
    ['src/deploy/steps/to-the-record.ts', 'deploy/steps imports from its own room and those it builds on'],
    ['src/deploy/steps/upstairs.ts', 'deploy/steps imports from its own room and those it builds on'],
    ['src/deploy/record/to-a-server.ts', 'deploy/record imports from its own room and those it builds on'],
    ['src/deploy/preflight/to-a-step.ts', 'deploy/preflight knows others by their types'],
    [
      'src/deploy/preflight/to-the-record.ts',
      'deploy/preflight imports from its own room and those it builds on',
    ],
    ['src/deploy/cellar/b.ts', 'every room of deploy is in the table'],
    ['src/deploy/to-a-timer.ts', 'time comes from a clock'],
    ['src/commands/to-its-look.ts', 'commands imports from its own folder and lower floors'],
    ['src/report/to-a-door.ts', 'report imports from its own folder and lower floors'],
    ['src/docker/to-ssh2.ts', 'only ssh knows ssh2'],
    ['src/state/to-jest.ts', 'what runs is a dependency, types may be a devDependency'],
    ['src/state/to-nowhere.ts', 'every import is found'],
    ['src/state/in-a-circle.ts', 'no cycles'],
    ['src/fleet/in-a-circle.ts', 'no cycles of types, but through steps'],
  ])('%s is found: %s', (path, rule) => {
    const about = found.filter(
      ({ from, to }) => from === path || (/circle|no-room/.test(from) && to === path),
    );
    expect(about.map((violation) => violation.rule)).toContain(rule);
  });

  test('what is as it should be is left in peace', () => {
    expect(found.filter(({ from }) => from.endsWith('-well.ts'))).toEqual([]);
  });
});
