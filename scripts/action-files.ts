import { stringify } from 'yaml';
import { ACTIONS, type Action, type ActionName } from '../src/actions/catalogue.ts';
import { INPUTS, type InputName, type InputSpec } from '../src/commands/inputs.ts';
import { OUTPUTS, type OutputName } from '../src/commands/outputs.ts';

const names = Object.keys(ACTIONS) as ActionName[];
const order = Object.keys(INPUTS) as InputName[];

/** actionFiles returns, by path, the action.yml of every action, and the READMEs with their tables filled in. */
export function actionFiles(current: (path: string) => string | undefined): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of names) {
    const { folder, composite }: Action = ACTIONS[name];
    files[pathIn(folder, 'action.yml')] = actionYaml(name, javascript(name));
    for (const place of [folder, ...(composite === undefined ? [] : [composite.folder])]) {
      const path = pathIn(place, 'README.md');
      files[path] = withTables(path, current(path) ?? firstReadme(name));
    }
    if (composite !== undefined) {
      files[pathIn(composite.folder, 'action.yml')] = actionYaml(name, compositeOf(name, composite));
    }
  }
  return files;
}

function pathIn(folder: string, file: string): string {
  return folder === '.' ? file : `${folder}/${file}`;
}

/** How an action runs, and where the values of its outputs come from, if it does not give them itself. */
interface Runs {
  runs: object;
  origin?(output: OutputName): string;
}

function javascript(name: ActionName): Runs {
  const { folder, command }: Action = ACTIONS[name];
  const toRoot = folder === '.' ? '' : '../'.repeat(folder.split('/').length);
  return {
    runs: {
      using: 'node24',
      main: `${toRoot}dist/${name}.js`,
      // A run that is killed cannot give its lease back itself.
      ...(command.inputs.includes('lease-wait') && { post: `${toRoot}dist/post.js` }),
    },
  };
}

/** A composite action names the one beside it at the same commit: `$/`. */
function compositeOf(name: ActionName, { before }: NonNullable<Action['composite']>): Runs {
  const given = inputsOf(name).map(({ name: input }) => [input, `\${{ inputs.${input} }}`]);
  const own = { id: 'run', uses: `$/${ACTIONS[name].folder}`, with: Object.fromEntries(given) };
  return {
    runs: { using: 'composite', steps: [...before.map(({ version: _, ...step }) => step), own] },
    origin: (output) => `\${{ steps.run.outputs.${output} }}`,
  };
}

function actionYaml(name: ActionName, { runs, origin }: Runs): string {
  const { icon, color, composite, command }: Action = ACTIONS[name];
  const { title, description } = command;
  const manifest = {
    name: title,
    description,
    branding: { icon, color },
    inputs: Object.fromEntries(
      inputsOf(name).map(({ name: input, description, required, fallback }) => [
        input,
        { description, required, ...(fallback !== undefined && { default: fallback }) },
      ]),
    ),
    outputs: Object.fromEntries(
      outputsOf(name).map(({ name: output, description }) => [
        output,
        { description, ...(origin && { value: origin(output) }) },
      ]),
    ),
    runs,
  };
  const text = `# Generated from src/actions/catalogue.ts and src/commands by npm run generate.\n${stringify(manifest, { lineWidth: 110 })}`;
  return (composite?.before ?? []).reduce(
    (said, { uses, version }) => said.replace(uses, `${uses} # ${version}`),
    text,
  );
}

/** An input as it is shown for one action. */
interface ShownInput {
  name: InputName;
  description: string;
  required: boolean;
  fallback: string | undefined;
}

function inputsOf(name: ActionName): ShownInput[] {
  const { inputs, meanings }: Action['command'] = ACTIONS[name].command;
  return order
    .filter((input) => inputs.includes(input))
    .map((input) => {
      const { description: general, required = false, default: fallback }: InputSpec = INPUTS[input];
      const description = meanings?.[input] ?? general;
      // The runner refuses an action.yml that has an expression anywhere but in a default.
      if (description.includes('${{')) throw new Error(`a description holds an expression: ${description}`);
      return { name: input, description, required, fallback };
    });
}

function outputsOf(name: ActionName): { name: OutputName; description: string }[] {
  const { outputs, meanings }: Action['command'] = ACTIONS[name].command;
  return outputs.map((output) => ({
    name: output,
    description: meanings?.[output] ?? OUTPUTS[output].description,
  }));
}

/** A README as it begins. What stands outside of its tables is written by hand from then on. */
function firstReadme(name: ActionName): string {
  const { folder, command }: Action = ACTIONS[name];
  const { title, description, inputs } = command;
  const usesKey = inputs.includes('ssh-private-key');
  return `# ${title}

${description}

\`\`\`yaml
permissions:
  contents: write # the state branch
  actions: read # to recognise a dead run that holds the lease

steps:
  - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
    with:
      persist-credentials: false
  - uses: OWNER/switchyard/${folder}@COMMIT # v0.1.0
    with:
      environment: production${usesKey ? '\n      ssh-private-key: ${{ secrets.SSH_PRIVATE_KEY }}' : ''}
\`\`\`

\`OWNER\` is the account in the address of this repository, and \`COMMIT\` the full SHA of the release's commit: on its page
"Releases", or by \`git ls-remote https://github.com/OWNER/switchyard v0.1.0\`.

## Inputs

${marker('inputs', name)}
${endMarker('inputs', name)}

## Outputs

${marker('outputs', name)}
${endMarker('outputs', name)}
`;
}

type Table = 'inputs' | 'outputs';

const marker = (table: Table, name: ActionName): string => `<!-- ${table}:${name} -->`;
const endMarker = (table: Table, name: ActionName): string => `<!-- /${table}:${name} -->`;

/**
 * withTables returns a document with the tables between its markers as they must be. It throws when an action of
 * the document's own folder has no place for its tables.
 */
function withTables(path: string, text: string): string {
  let filled = text;
  for (const name of names) {
    for (const table of ['inputs', 'outputs'] as const) {
      const [begin, end] = [marker(table, name), endMarker(table, name)];
      const [from, to] = [filled.indexOf(begin), filled.indexOf(end)];
      if (from < 0 || to < from) {
        if (pathIn(ACTIONS[name].folder, 'README.md') !== path) continue;
        throw new Error(
          `${path} has no place for the ${table} of ${name}: it needs the lines ${begin} and ${end}`,
        );
      }
      const rows = table === 'inputs' ? inputsTable(name) : outputsTable(name);
      filled = `${filled.slice(0, from + begin.length)}\n${rows}\n${filled.slice(to)}`;
    }
  }
  return filled;
}

function inputsTable(name: ActionName): string {
  const rows = inputsOf(name).map(({ name: input, description, required, fallback }) => {
    const given = required ? '**required**' : fallback === undefined ? '' : `\`${fallback}\``;
    return `| \`${input}\` | ${given} | ${cell(description)} |`;
  });
  return ['| input | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

function outputsTable(name: ActionName): string {
  const rows = outputsOf(name).map(
    ({ name: output, description }) => `| \`${output}\` | ${cell(description)} |`,
  );
  return ['| output | meaning |', '| --- | --- |', ...rows].join('\n');
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
