import { cleanPath } from '../model/container-path.ts';
import type { FileSpec } from '../model/spec.ts';
import type { Report } from './check-service.ts';
import type { ServiceInput } from './schema/service.ts';

/** Something that a service has at a place of its container, and where the file says so. */
interface Placed {
  target: string;
  at: readonly (string | number)[];
}

/**
 * checkPlaces reports what cannot be where it is said to be in the container: two things at one place, something in a
 * folder of the repository, which is read-only, and something inside of a file. `binds` are the files that come from the
 * repository's own binds. Volumes among themselves were compared already.
 */
export function checkPlaces(
  input: ServiceInput,
  binds: readonly Pick<FileSpec, 'target' | 'path'>[],
  report: Report,
): void {
  const volumes = (input.volumes ?? []).map(
    ({ target }, index): Placed => ({ target, at: ['volumes', index] }),
  );
  const configs = (input.configs ?? []).map(
    ({ target }, index): Placed => ({ target, at: ['configs', index] }),
  );
  const secrets = (input.secrets ?? []).map(
    ({ target }, index): Placed => ({ target, at: ['secrets', index] }),
  );
  checkTwice([...configs, ...secrets], [...volumes.map(({ target }) => target), ...tmpfsOf(input)], report);
  const files = [...configs, ...secrets, ...binds.filter(({ path }) => path === undefined)];
  for (const { target, at } of [...volumes, ...configs, ...secrets]) {
    const file = files.find((one) => target.startsWith(`${one.target}/`));
    if (file !== undefined) {
      report(
        at,
        `nothing can be put at ${target}: ${file.target} is a file`,
        'Give one of them another target.',
      );
    }
    const folder = foldersOf(binds).find((one) => target.startsWith(`${one.target}/`));
    if (folder === undefined || folder.places.some((place) => `${place}/`.startsWith(`${target}/`))) continue;
    report(
      at,
      `nothing can be put at ${target}: the folder at ${folder.target} is of the repository, and read-only`,
      'Put an empty file, or a folder with one, there in the repository, or choose another target.',
    );
  }
}

function tmpfsOf({ tmpfs = {} }: ServiceInput): string[] {
  return Object.keys(tmpfs).map(cleanPath);
}

function checkTwice(placed: readonly Placed[], others: readonly string[], report: Report): void {
  const taken = new Set(others);
  for (const { target, at } of placed) {
    if (taken.has(target)) report(at, `two things would be at ${target}`, 'Give one another target.');
    taken.add(target);
  }
}

/** Folders of the repository, with the places of all that is in them. */
function foldersOf(
  binds: readonly Pick<FileSpec, 'target' | 'path'>[],
): { target: string; places: string[] }[] {
  const folders = new Map<string, string[]>();
  for (const { target, path } of binds) {
    if (path !== undefined) folders.set(target, [...(folders.get(target) ?? []), `${target}/${path}`]);
  }
  return [...folders].map(([target, places]) => ({ target, places }));
}
