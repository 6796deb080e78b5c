// Builds dist/ in place, file by file, so that an action that starts meanwhile finds a whole bundle, old or new.
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.ts';

const dist = join(import.meta.dirname, '..', 'dist');
const files = await bundle();
mkdirSync(dist, { recursive: true });
for (const [name, content] of files) {
  const beside = join(dist, `.${name}.${process.pid}`);
  writeFileSync(beside, content);
  renameSync(beside, join(dist, name));
}
for (const name of readdirSync(dist)) {
  if (!files.has(name)) rmSync(join(dist, name), { recursive: true, force: true });
}
