/**
 * Who may import whom in src/: the house, floor by floor. A file imports from its own folder and from lower floors;
 * what else a folder may reach is in ALSO, with the reason.
 */
export const FLOORS = [
  ['config', 'model'],
  ['ssh', 'docker', 'git', 'github', 'acme', 'registry'],
  ['fleet', 'nginx', 'state'],
  ['deploy', 'build', 'backup', 'bootstrap'],
  ['commands'],
  // How the results of commands look; commands do not know it.
  ['report'],
  // The doors.
  ['actions'],
];

const ALSO = {
  // A restore changes an environment: it opens it, and holds its lease, as a deploy does.
  backup: ['deploy'],
  // The file is described in the words of the model.
  config: ['model'],
  // Edge and sidecar are containers on a server of the fleet.
  nginx: ['fleet'],
};

/** The rooms of src/deploy, and which others each may import from. Files beside the rooms may import from all of them. */
export const ROOMS = {
  planning: [],
  observation: ['planning'],
  steps: ['planning', 'observation'],
  record: ['planning'],
  preflight: ['planning', 'observation'],
};

/** What a room may know of another by its types only. */
const TYPES = {
  // A plan is made of steps, whose data each kind defines beside what it does.
  planning: ['steps'],
  record: ['steps'],
  preflight: ['steps'],
};

/** Folders that planning does not touch: what they hold acts, or speaks of how acting is done. */
const ACTING = ['ssh', 'docker', 'git', 'github', 'acme', 'registry', 'fleet', 'state'];

/** Packages that few folders know, so that they can be replaced. */
export const KNOWN_TO = {
  '@actions/core': ['actions'],
  '@actions/exec': ['git'],
  '@actions/io': ['git'],
  '@actions/github': ['github'],
  // Its types: what the engine says, as far as it reaches those who look and act.
  '@docker/node-sdk': ['docker', 'nginx', 'deploy/observation', 'deploy/steps', 'backup'],
  // Its types: how records and zones look.
  cloudflare: ['acme'],
  // Opens secrets: loaded by who has some.
  'age-encryption': ['config'],
  'dockerfile-ast': ['build'],
  'node-ssh': ['ssh'],
  ssh2: ['ssh'],
  'tar-stream': ['docker'],
  // The packages of a workspace of pnpm stand in YAML.
  yaml: ['config', 'build'],
};

/** Who may wait in real time; all others are handed a clock, so that a simulation can hand in its own. */
const TIMERS = ['model/clock\\.ts$', 'ssh/', 'git/', 'actions/'];

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
    ...Object.entries(ROOMS).map(([room, others]) => ({
      name: `deploy/${room} imports from its own room and those it builds on`,
      severity: 'error',
      from: { path: `^src/deploy/${room}/` },
      to: {
        path: '^src/deploy/',
        pathNot: `^src/deploy/${among([room, ...others, ...(TYPES[room] ?? [])])}/`,
      },
    })),
    ...Object.entries(TYPES).map(([room, others]) => ({
      name: `deploy/${room} knows others by their types`,
      severity: 'error',
      from: { path: `^src/deploy/${room}/` },
      to: { path: `^src/deploy/${among(others)}/`, dependencyTypesNot: ['type-only'] },
    })),
    {
      name: 'every room of deploy is in the table',
      severity: 'error',
      from: {},
      to: { path: '^src/deploy/[^/]+/', pathNot: `^src/deploy/${among(Object.keys(ROOMS))}/` },
    },
    {
      name: 'planning is pure: it acts on nothing',
      severity: 'error',
      from: { path: '^src/deploy/planning/' },
      to: { path: `^src/${among(ACTING)}/` },
    },
    ...Object.entries(KNOWN_TO).map(([name, knowing]) => ({
      name: `only ${knowing.join(', ')} knows ${name}`,
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/${among(knowing)}/` },
      to: { path: `node_modules/${name}/` },
    })),
    {
      name: 'time comes from a clock',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/${among(TIMERS)}` },
      to: { path: '^(node:)?timers(/|$)' },
    },
    {
      name: 'model needs nothing but Node',
      severity: 'error',
      from: { path: '^src/model/' },
      to: { pathNot: '^src/model/', dependencyTypesNot: ['core'] },
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
    {
      name: 'no cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      // What planning knows of steps leads back to it: steps carry parts of a plan.
      name: 'no cycles of types, but through steps',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { pathNot: '^src/deploy/steps/' } },
    },
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
