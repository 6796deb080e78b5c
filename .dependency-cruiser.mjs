/**
 * Who may import whom in src/: the house of docs and design, floor by floor. A file imports from its own folder
 * and from lower floors; what else a folder may reach is in ALSO, with the reason.
 */
export const FLOORS = [
  ['config', 'model'],
  ['ssh', 'docker', 'git', 'github'],
  ['fleet', 'nginx', 'state'],
  ['deploy'],
  ['actions'],
];

const ALSO = {
  // The file is described in the words of the model.
  config: ['model'],
  // Edge and sidecar are containers on a server of the fleet.
  nginx: ['fleet'],
};

/** Packages that one folder alone knows, so that it can be replaced. */
export const KNOWN_TO = {
  '@actions/core': 'actions',
  '@actions/exec': 'git',
  '@actions/github': 'github',
  'node-ssh': 'ssh',
  ssh2: 'ssh',
  'tar-stream': 'docker',
  yaml: 'config',
};

const folders = FLOORS.flat();
const among = (names) => `(${names.join('|')})`;

/** What a folder may import from. */
function reach(folder) {
  const floor = FLOORS.findIndex((names) => names.includes(folder));
  return [folder, ...FLOORS.slice(0, floor).flat(), ...(ALSO[folder] ?? [])];
}

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...folders.map((folder) => ({
      name: `${folder} imports from its own folder and lower floors`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: '^src/', pathNot: `^src/${among(reach(folder))}/` },
    })),
    {
      name: 'every folder of src has its floor',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: `^src/${among(folders)}/` },
    },
    {
      name: 'every folder of src has its floor (importing)',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/${among(folders)}/` },
      to: {},
    },
    ...Object.entries(KNOWN_TO).map(([name, folder]) => ({
      name: `only ${folder} knows ${name}`,
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/${folder}/` },
      to: { path: `node_modules/${name}/` },
    })),
    {
      name: 'model needs nothing but Node',
      severity: 'error',
      from: { path: '^src/model/' },
      to: { pathNot: '^src/model/', dependencyTypesNot: ['core'] },
    },
    {
      name: 'planning is pure: it acts on nothing',
      severity: 'error',
      from: { path: '^src/deploy/planning/' },
      to: { path: '^src/(ssh|docker|git|github|fleet|state)/|^src/deploy/(?!planning/)' },
    },
    {
      name: 'src knows neither tests nor scripts',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts|examples|dist|build)/' },
    },
    {
      name: 'what runs is a dependency, types may be a devDependency',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'every import is found', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Types count: a type that is imported is knowledge, too.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
  },
};
