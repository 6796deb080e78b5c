import { parse, TomlError } from 'smol-toml';
import * as z from 'zod';
import { UserError } from '../../model/errors.ts';
import type { SourceTree } from './template.ts';

const names = z.record(z.string(), z.unknown()).optional().catch(undefined);
const texts = z.array(z.string()).optional().catch(undefined);
const text = z.string().optional().catch(undefined);
const flag = z.boolean().optional().catch(undefined);

/** What is read of a pyproject.toml. What has another form is for the tools to refuse. */
const pyproject = z.looseObject({
  project: z
    .looseObject({
      name: text,
      dependencies: texts,
      'requires-python': text,
      scripts: names,
      dynamic: texts,
    })
    .optional()
    .catch(undefined),
  'build-system': z.looseObject({ requires: texts }).optional().catch(undefined),
  tool: z
    .looseObject({
      poetry: z
        .looseObject({
          name: text,
          dependencies: names,
          scripts: names,
          'package-mode': flag,
          packages: z.unknown().optional(),
        })
        .optional()
        .catch(undefined),
      uv: z
        .looseObject({ package: flag, 'required-version': text, sources: names, workspace: names })
        .optional()
        .catch(undefined),
    })
    .optional()
    .catch(undefined),
});

/** A pyproject.toml as far as a Dockerfile follows from it. */
export type Pyproject = z.infer<typeof pyproject>;

const pipfile = z.looseObject({ packages: names, requires: names });

/** Packages that an app asks for itself: extras by names as PyPI compares them. */
export type Dependencies = ReadonlyMap<string, readonly string[]>;

/** What the files of a Python project say of it. */
export interface PythonProject {
  pyproject: Pyproject | undefined;
  pipfile: z.infer<typeof pipfile> | undefined;
}

/** readPythonProject reads what a project says of itself. It throws a UserError for what is no TOML. */
export function readPythonProject(tree: SourceTree): PythonProject {
  return {
    pyproject: readToml(tree, 'pyproject.toml', pyproject),
    pipfile: readToml(tree, 'Pipfile', pipfile),
  };
}

function readToml<T>(tree: SourceTree, path: string, shape: z.ZodType<T>): T | undefined {
  const said = tree.read(path);
  if (said === undefined) return undefined;
  try {
    return shape.parse(parse(said));
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    throw new UserError(`${path}:${cause.line}:${cause.column}: this is no TOML`, {
      hint: `Mend ${path}: pip and uv could not read it either.`,
      cause,
    });
  }
}

/** dependenciesOf returns what a project asks for, with these lines of requirements files. */
export function dependenciesOf(
  { pyproject, pipfile }: PythonProject,
  requirements: readonly string[],
): Dependencies {
  const written = [...requirements, ...(pyproject?.project?.dependencies ?? [])].map(parseRequirement);
  const tables = [pyproject?.tool?.poetry?.dependencies, pipfile?.packages].flatMap((table) =>
    Object.entries(table ?? {}).map(([name, said]) => ({ name: canonical(name), extras: extrasIn(said) })),
  );
  const all = new Map<string, string[]>();
  for (const { name, extras } of [...written, ...tables]) {
    if (name !== '') all.set(name, [...(all.get(name) ?? []), ...extras]);
  }
  return all;
}

/** What a line asks for, as PEP 508 has it: `uvicorn[standard] >= 0.30`. */
function parseRequirement(line: string): { name: string; extras: string[] } {
  const [, name = '', extras = ''] = /^([A-Za-z\d][\w.-]*)\s*(?:\[([^\]]*)\])?/.exec(line.trim()) ?? [];
  return { name: canonical(name), extras: extras.split(',').map((one) => one.trim().toLowerCase()) };
}

function extrasIn(said: unknown): string[] {
  const { extras } = (said ?? {}) as { extras?: unknown };
  return Array.isArray(extras) ? extras.map((one) => String(one).toLowerCase()) : [];
}

/** PyPI takes `Flask_Login` and `flask-login` for one. */
function canonical(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}

/** scriptsOf returns the commands that a project has when it is installed. */
export function scriptsOf({ pyproject }: PythonProject): string[] {
  return Object.keys(pyproject?.project?.scripts ?? pyproject?.tool?.poetry?.scripts ?? {});
}

/** nameOf returns what a project calls itself. */
export function nameOf({ pyproject }: PythonProject): string | undefined {
  return pyproject?.project?.name ?? pyproject?.tool?.poetry?.name;
}

/** isPackage tells whether a project can be installed: it says how it is built, and has what its name says. */
export function isPackage(tree: SourceTree, project: PythonProject): boolean {
  const { pyproject } = project;
  if (pyproject?.['build-system'] === undefined) return false;
  const { poetry, uv } = pyproject.tool ?? {};
  if (poetry?.['package-mode'] === false || uv?.package === false) return false;
  if (poetry?.packages !== undefined) return true;
  const name = canonical(nameOf(project) ?? '').replaceAll('-', '_');
  return tree.paths.some((path) =>
    ['', 'src/'].some((root) => path === `${root}${name}.py` || path === `${root}${name}/__init__.py`),
  );
}
