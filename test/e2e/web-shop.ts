import type { LabServer } from '../lab/lab.ts';
import type { Fleet } from './fleet.ts';
import { type ConfigFile, Project, serversOf } from './project.ts';

/**
 * newWebShop returns a project with one web service named `web`, on all of these servers, at
 * `{project}.example.com`; nothing is deployed yet.
 */
export function newWebShop(lab: Fleet, project: string, servers: readonly LabServer[]): Promise<Project> {
  return newProject(lab, project, servers, { web: webService(lab, project, servers.length) });
}

/** newProject returns a project with these services on these servers; nothing is deployed yet. */
export function newProject(
  lab: Fleet,
  project: string,
  servers: readonly LabServer[],
  services: ConfigFile['services'],
): Promise<Project> {
  return Project.create(lab, {
    project,
    sidecar: lab.sidecar,
    environments: { production: { provider: 'static', user: 'deploy', servers: serversOf(servers) } },
    services,
  });
}

/** webService returns the lab's app in version 1 as a service of the file. */
export function webService(lab: Fleet, project: string, servers: number): Record<string, unknown> {
  return {
    image: lab.images.web('v1'),
    port: 3000,
    domain: `${project}.example.com`,
    servers,
    healthcheck: { path: '/health' },
  };
}

/** release writes another version of a service into the file; a deploy brings it to the servers. */
export function release(project: Project, service: string, version: string): Project {
  return project.edit((config) => {
    config.services[service]!.image = project.lab.images.web(version);
  });
}

/** redisService returns a redis as a service of the file; it keeps nothing. */
export function redisService(lab: Fleet): Record<string, unknown> {
  return {
    image: lab.images.redis,
    port: 6379,
    healthcheck: { test: ['CMD', 'redis-cli', 'ping'], interval: '1s' },
  };
}
