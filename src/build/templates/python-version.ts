import { UserError } from '../../model/errors.ts';
import type { PythonProject } from './python-project.ts';
import type { SourceTree } from './template.ts';

/**
 * Versions of Python that are looked after, the best first: the newest for which packages have been built for a year. One
 * that is newer comes last, for those that ask for it.
 */
const VERSIONS = ['3.14', '3.13', '3.12', '3.11', '3.10', '3.15'] as const;

/** pythonVersion returns the version of Python that a project asks for, and by which file. It throws for what names none. */
export function pythonVersion(
  tree: SourceTree,
  { pyproject, pipfile }: PythonProject,
  asked: string | undefined,
): { version: string; by: string } {
  if (asked !== undefined) return { version: asked, by: 'version' };
  const pinned = tree
    .read('.python-version')
    ?.split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '' && !line.startsWith('#'));
  if (pinned !== undefined) return { version: named(pinned, '.python-version'), by: '.python-version' };
  const { python_full_version: full, python_version: short } = pipfile?.requires ?? {};
  const required = full ?? short;
  if (required !== undefined) return { version: named(String(required), 'Pipfile'), by: 'Pipfile' };
  const range = pyproject?.project?.['requires-python'] ?? pyproject?.tool?.poetry?.dependencies?.python;
  if (typeof range === 'string') {
    return { version: newest(range), by: 'requires-python in pyproject.toml' };
  }
  return { version: VERSIONS[0], by: 'since the folder names none' };
}

function named(said: string, path: string): string {
  const version = /^(?:cpython-|python-)?(\d+\.\d+(?:\.\d+)?)$/.exec(said)?.[1];
  if (version !== undefined) return version;
  throw new UserError(`${path} says ${JSON.stringify(said)}, which is no version of Python`, {
    hint: 'Write a number, for example 3.14, there or as version of the template.',
  });
}

function newest(range: string): string {
  const found = VERSIONS.find((version) => satisfies(version, range));
  // One that is meant to the last number has an image of its own.
  const exact = /^={2,3}\s*(\d+\.\d+\.\d+)$/.exec(range.trim())?.[1];
  if (found !== undefined || exact !== undefined) return found ?? exact!;
  throw new UserError(`no version of Python that is looked after is in ${JSON.stringify(range)}`, {
    hint: `Write one as version of the template, or ask for another one as requires-python: >=${VERSIONS.at(1)}.`,
  });
}

type Numbers = readonly [major: number, minor: number, patch: number];

/** The patch of a version that is as good as its last one. */
const LAST = 999;

/** satisfies tells whether the last release of a version like `3.14` is in a range, in the words of PEP 440 or Poetry. */
export function satisfies(version: string, range: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return range.split('||').some((one) =>
    one
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '' && part !== '*')
      .every((part) => isIn([major, minor, LAST], part)),
  );
}

function isIn(version: Numbers, part: string): boolean {
  const [, sign = '', said = ''] =
    /^(~=|===?|!=|<=|>=|<|>|\^|~)?\s*v?(\d+(?:\.(?:\d+|\*))*)/.exec(part) ?? [];
  const parts = said.split('.').filter((one) => one !== '*');
  const isOpen = said.endsWith('*') || (sign === '' && parts.length < 3);
  const [major = 0, minor = 0, patch = 0] = parts.map(Number);
  const order = compare(version, [major, minor, patch]);
  const same = (count: number) =>
    [major, minor, patch].slice(0, count).every((one, at) => one === version[at]);
  switch (sign) {
    case '>=':
      return order >= 0;
    case '>':
      return order > 0 && !(parts.length < 3 && same(parts.length));
    case '<=':
      return order <= 0;
    case '<':
      return order < 0;
    case '!=':
      return isOpen ? !same(parts.length) : order !== 0;
    case '^':
      return order >= 0 && same(1);
    case '~':
    case '~=':
      // Of Poetry's `~3.12` and of `~=3.12.1` the last number may rise; of `~=3.12` the minor one.
      return order >= 0 && same(sign === '~=' ? parts.length - 1 : Math.min(parts.length, 2));
    case '==':
    case '===':
    case '':
      return isOpen ? same(parts.length) : order === 0;
    default:
      return false;
  }
}

function compare(a: Numbers, b: Numbers): number {
  const at = a.findIndex((one, index) => one !== b[index]);
  return at === -1 ? 0 : a[at]! - b[at]!;
}
