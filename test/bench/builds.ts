import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ActionRun } from '../e2e/action.ts';
import { Project, serversOf } from '../e2e/project.ts';
import type { Lab, LabServer } from '../lab/lab.ts';

/** Never the same twice: the registry keeps what earlier benchmarks have pushed. */
const RUN = `${Date.now()}`;

const APP = (line: string) => `import { createServer } from 'node:http';
const server = createServer((_request, response) => response.end('${line}'));
server.listen(3000);
process.on('SIGTERM', () => server.close(() => process.exit()));
`;

/** builtProject is a project of services in Node, named `a`, `b`, …, each with a folder and a Dockerfile of its own. */
export async function builtProject(
  lab: Lab,
  { name, servers, services }: { name: string; servers: readonly LabServer[]; services: readonly string[] },
): Promise<Project> {
  const service = (service: string) => ({
    build: `./${service}`,
    port: 3000,
    domain: `${service}.${name}.example.com`,
    servers: servers.length,
    healthcheck: { path: '/' },
  });
  const project = await Project.create(lab, {
    project: name,
    registry: `${lab.registry.address}/bench-${RUN}`,
    sidecar: { image: lab.images.nginx, keepalive_min_timeout: '2s' },
    environments: { production: { provider: 'static', user: 'deploy', servers: serversOf(servers) } },
    services: Object.fromEntries(services.map((one) => [one, service(one)])),
  });
  const dockerfile = `FROM ${lab.images.node}\nCOPY app.mjs /\nUSER 1000\nCMD ["node", "/app.mjs"]\n`;
  const files = services.flatMap((one): [string, string][] => [
    [`${one}/Dockerfile`, dockerfile],
    [`${one}/app.mjs`, APP('first')],
  ]);
  await commit(project, Object.fromEntries(files));
  return project;
}

/** changeLine commits another line that a service answers with. */
export async function changeLine(project: Project, service: string, line: string): Promise<void> {
  await commit(project, { [`${service}/app.mjs`]: APP(line) });
}

/** buildMs returns how long a run took to build and push, in milliseconds; 0 where it built nothing. */
export function buildMs({ outputs }: ActionRun): number {
  const built = JSON.parse(outputs.built ?? '{}') as Record<string, { ms?: number }>;
  return Math.max(0, ...Object.values(built).map(({ ms = 0 }) => ms));
}

async function commit(project: Project, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project.folder, path)), { recursive: true });
    writeFileSync(join(project.folder, path), text);
  }
  await project.git('add', '--all');
  await project.git('commit', '--quiet', '--message', 'Another version');
}
