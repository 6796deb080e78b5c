/**
 * Writes what is generated: from the schema of switchyard.yml the JSON Schema for editors and the reference page,
 * from the catalogue of actions every action.yml and the tables of the READMEs, and from the benchmarks the README's
 * figures and its picture. With `--check` it writes nothing, and fails when a file is not what it would write.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { actionFiles } from './action-files.ts';
import { withFigures } from './figures.ts';
import { editorSchema } from './json-schema.ts';
import { deployPicture } from './picture.ts';
import { presetsPage } from './presets-page.ts';
import { referencePage } from './reference.ts';

const root = join(import.meta.dirname, '..');
const files: Record<string, string> = {
  'schema/switchyard.schema.json': `${JSON.stringify(editorSchema(), null, 2)}\n`,
  'docs/reference/configuration.md': referencePage(),
  'docs/reference/presets.md': presetsPage(),
  ...actionFiles(current),
};
const benchmarks = current('docs/benchmarks.md') ?? '';
files['README.md'] = withFigures(files['README.md']!, benchmarks);
files['docs/deploy.svg'] = deployPicture(benchmarks);

const isCheck = process.argv.includes('--check');
const stale = Object.entries(files).filter(([path, content]) => current(path) !== content);
for (const [path, content] of stale) {
  if (isCheck) {
    console.error(`${path} is stale: run npm run generate`);
  } else {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    console.log(`wrote ${path}`);
  }
}
if (isCheck && stale.length > 0) process.exitCode = 1;

function current(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}
