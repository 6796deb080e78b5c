import type { Composition } from './compose.ts';
import { CONFIG_FOLDER } from './render.ts';
import type { Slot, Tree } from './tree.ts';

/** Files of a slot that nginx does not read. */
const NOT_READ = ['manifest.json', 'main.hash'];
/** A server of an upstream, as `renderBackend` writes it. */
const BACKEND = /^ {4}server \S+:\d+ .*;$/;
/** The line that differs in every configuration. */
const IDENTITY = /^ *location = \/identity /;

/**
 * isAccepted tells whether nginx has read this very configuration before, but for what every toggle changes: which
 * of the same addresses are backups, the generation and the slot. `nginx -t` has nothing to find in such a one.
 * `served` is the generation of the changing environment that the running nginx has told. Pure.
 */
export function isAccepted(tree: Tree, slot: Slot, served: string | undefined, next: Composition): boolean {
  const { manifest, files } = tree.slots[slot];
  if (served === undefined || manifest?.scopes[next.scope]?.generation !== served) return false;
  return [...next.files].every(([path, content]) => {
    const name = path.slice(next.slot.length + 1);
    if (NOT_READ.includes(name)) return true;
    const known = files.get(name);
    if (known === undefined) return false;
    return shapeOf(known, slot, served) === shapeOf(content, next.slot, next.generation);
  });
}

/** What stays of a file when sides are switched. */
function shapeOf(content: string, slot: Slot, generation: string): string {
  const lines = content.replaceAll(`${CONFIG_FOLDER}/${slot}/`, '').replaceAll(generation, '').split('\n');
  const backends = lines.filter((line) => BACKEND.test(line)).map((line) => line.replace(/ backup;$/, ';'));
  const others = lines.filter((line) => !BACKEND.test(line) && !IDENTITY.test(line));
  return JSON.stringify([others, backends.sort()]);
}
