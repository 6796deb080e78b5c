import type { Dependencies } from './python-project.ts';

/** Packages of Debian that packages of Python are built with, and that they run with. */
export interface SystemPackages {
  build: readonly string[];
  run: readonly string[];
}

const COMPILER = ['gcc', 'libc6-dev'];

/** What has no wheel for each machine, or none with its library in it. */
const NEEDS: Readonly<Record<string, SystemPackages>> = {
  psycopg2: { build: [...COMPILER, 'libpq-dev'], run: ['libpq5'] },
  psycopg: { build: [], run: ['libpq5'] },
  mysqlclient: { build: [...COMPILER, 'pkg-config', 'libmariadb-dev'], run: ['libmariadb3'] },
  uwsgi: { build: COMPILER, run: [] },
};

/** systemPackages returns what the slim image lacks for these dependencies, and for lines that come from a git repository. */
export function systemPackages(dependencies: Dependencies, lines: readonly string[]): SystemPackages {
  const needed = Object.entries(NEEDS).flatMap(([name, packages]) => {
    const extras = dependencies.get(name);
    return extras === undefined || extras.includes('binary') ? [] : [packages];
  });
  const git = lines.some((line) => line.includes('git+')) ? ['git'] : [];
  const sorted = (all: readonly string[]) => [...new Set(all)].sort();
  return {
    build: sorted([...git, ...needed.flatMap(({ build }) => build)]),
    run: sorted(needed.flatMap(({ run }) => run)),
  };
}
