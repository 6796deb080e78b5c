import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { ACTIONS, type ActionName } from '../../../src/actions/catalogue.ts';
import { INPUTS, type InputName, readInputs } from '../../../src/commands/inputs.ts';
import { filesBelow, read, root } from './files.ts';

/** An action.yml, as far as the tests look at it. */
interface Manifest {
  name: string;
  description: string;
  branding: { icon: string; color: string };
  inputs: Record<string, { description: string; required: boolean; default?: string }>;
  outputs: Record<string, { description: string }>;
  runs: { using: string; main: string; post?: string };
}

/** A composite one. */
interface Composite extends Omit<Manifest, 'runs'> {
  runs: { using: 'composite'; steps: { uses: string; with?: Record<string, string> }[] };
}

/** Where each action lies, written down once more: this is what users type after the repository's name. */
const FOLDERS: Record<ActionName, string> = {
  backup: 'actions/backup',
  deploy: '.',
  'build-push': 'actions/build-push/node',
  'toggle-deploy': 'actions/toggle-deploy',
  rollback: 'actions/rollback',
  'update-nginx': 'actions/update-nginx',
  certificates: 'actions/certificates',
  maintenance: 'actions/maintenance',
  plan: 'actions/plan',
  provision: 'actions/provision',
  doctor: 'actions/doctor',
  secrets: 'actions/secrets',
  status: 'actions/status',
};

/** Composite actions, and the action that each of them ends with. */
const COMPOSITES: Record<string, ActionName> = { 'actions/build-push': 'build-push' };

/** The inputs without which an action reads nothing. */
const GIVEN: Record<string, string> = { environment: 'production', state: 'on' };

const names = Object.keys(FOLDERS) as ActionName[];
const manifestOf = (name: ActionName): Manifest => parse(read(join(FOLDERS[name], 'action.yml'))) as Manifest;

test('every folder of actions/ is an action, and no action is missing', () => {
  expect(Object.keys(ACTIONS).sort()).toEqual([...names].sort());
  const folders = filesBelow('actions')
    .filter((path) => path.endsWith('/action.yml'))
    .map(dirname);
  expect(['.', ...folders].sort()).toEqual([...Object.values(FOLDERS), ...Object.keys(COMPOSITES)].sort());
});

describe.each(names)('%s', (name) => {
  const manifest = manifestOf(name);

  test('action.yml names what the action reads, no more and no less', () => {
    const asked: string[] = [];
    readInputs<InputName>(ACTIONS[name].command.inputs, (input) => {
      asked.push(input);
      return GIVEN[input] ?? '';
    });
    expect(Object.keys(manifest.inputs).sort()).toEqual(asked.sort());
    expect(Object.keys(INPUTS)).toEqual(expect.arrayContaining(asked));
  });

  test('an input is required in action.yml exactly when the action fails without it', () => {
    for (const [input, { required }] of Object.entries(manifest.inputs)) {
      const readWithout = () =>
        readInputs<InputName>(ACTIONS[name].command.inputs, (asked) =>
          asked === input ? '' : (GIVEN[asked] ?? ''),
        );
      if (required) expect(readWithout).toThrow(`input ${input} is required`);
      else expect(readWithout).not.toThrow();
    }
  });

  test('the defaults of action.yml are those the action has by itself', () => {
    const byItself = readInputs<InputName>(ACTIONS[name].command.inputs, (input) => GIVEN[input] ?? '');
    for (const [input, { default: fallback, required }] of Object.entries(manifest.inputs)) {
      // Without a runner there is no token; and what is required has no default.
      if (required || fallback === '${{ github.token }}') continue;
      const { schema } = INPUTS[input as InputName];
      expect({ input, value: schema.parse(fallback ?? '') }).toEqual({
        input,
        value: byItself[input as InputName],
      });
    }
  });

  test('action.yml names the outputs that the command has', () => {
    expect(Object.keys(manifest.outputs)).toEqual(ACTIONS[name].command.outputs);
  });

  test('action.yml starts the built entry of this action on Node 24', () => {
    expect(manifest.runs.using).toBe('node24');
    const main = normalize(join(FOLDERS[name], manifest.runs.main));
    expect(main).toBe(`dist/${name}.js`);
    expect(existsSync(join(root, main))).toBe(true);
    expect(read(main)).toBe(`require('./index.js').run('${name}');\n`);
    expect(existsSync(join(root, dirname(main), 'index.js'))).toBe(true);
  });

  test('a run that can be killed while it holds the lease has a step that gives it back', () => {
    const takesLease = Object.hasOwn(manifest.inputs, 'lease-wait');
    const post = manifest.runs.post && normalize(join(FOLDERS[name], manifest.runs.post));
    expect(post).toBe(takesLease ? 'dist/post.js' : undefined);
    expect(read('dist/post.js')).toBe("require('./index.js').post();\n");
  });

  test('action.yml has what the Marketplace asks for, and a sentence for each input and output', () => {
    expect(manifest.name).toMatch(/^Switchyard/);
    expect(manifest.branding.icon).toMatch(/^[a-z0-9-]+$/);
    expect(COLOURS).toContain(manifest.branding.color);
    const described = [...Object.values(manifest.inputs), ...Object.values(manifest.outputs), manifest];
    for (const { description } of described) {
      expect(description).toMatch(/^\S.+[.)]$/s);
      // The runner refuses an action.yml with an expression there.
      expect(description).not.toContain('${{');
    }
  });

  test('the tables of the README say the same as action.yml', () => {
    const readme = read(join(FOLDERS[name], 'README.md'));
    const inputs = rowsBetween(readme, `inputs:${name}`).map(([input, fallback, description]) => ({
      input,
      fallback,
      description,
    }));
    expect(inputs).toEqual(
      Object.entries(manifest.inputs).map(([input, { required, default: fallback, description }]) => ({
        input: `\`${input}\``,
        fallback: required ? '**required**' : fallback === undefined ? '' : `\`${fallback}\``,
        description,
      })),
    );
    const outputs = rowsBetween(readme, `outputs:${name}`);
    expect(outputs).toEqual(
      Object.entries(manifest.outputs).map(([output, { description }]) => [`\`${output}\``, description]),
    );
  });
});

describe.each(Object.entries(COMPOSITES))('the composite action %s', (folder, name) => {
  const composite = parse(read(join(folder, 'action.yml'))) as Composite;
  const alone = manifestOf(name);

  test('takes what the action alone takes, and hands it on', () => {
    expect(composite.inputs).toEqual(alone.inputs);
    const own = composite.runs.steps.at(-1)!;
    expect(own.uses).toBe(`$/${FOLDERS[name]}`);
    const given = Object.keys(alone.inputs).map((input) => [input, `\${{ inputs.${input} }}`]);
    expect(own.with).toEqual(Object.fromEntries(given));
  });

  test('gives what the action alone gives', () => {
    const outputs = Object.entries(alone.outputs).map(([output, { description }]) => [
      output,
      { description, value: `\${{ steps.run.outputs.${output} }}` },
    ]);
    expect(composite.outputs).toEqual(Object.fromEntries(outputs));
  });

  test('names actions of others by their commit, with the version beside it', () => {
    for (const { uses } of composite.runs.steps.slice(0, -1)) {
      expect(read(join(folder, 'action.yml'))).toMatch(new RegExp(`${uses} # v\\d+\\.\\d+\\.\\d+$`, 'm'));
      expect(uses).toMatch(/@[0-9a-f]{40}$/);
    }
  });
});

const COLOURS = ['white', 'black', 'yellow', 'blue', 'green', 'orange', 'red', 'purple', 'gray-dark'];

/** rowsBetween returns the cells of the table between two markers, without its head. */
function rowsBetween(markdown: string, marker: string): string[][] {
  const [, table] = markdown.split(`<!-- ${marker} -->`);
  const lines = table?.split(`<!-- /${marker} -->`)[0]?.trim().split('\n') ?? [];
  return lines.slice(2).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  );
}
