import type { LabServer } from '../lab/lab.ts';
import type { Fleet } from './fleet.ts';
import { Project, serversOf } from './project.ts';

/**
 * newWebShop returns a project with one web service named `web`, on all of these servers, at
 * `{project}.example.com`; nothing is deployed yet.
 */
export function newWebShop(lab: Fleet, project: string, servers: readonly LabServer[]): Promise<Project> {
  return Project.create(lab, {
    project,
    sidecar: lab.sidecar,
    environments: { production: { provider: 'static', user: 'deploy', servers: serversOf(servers) } },
    services: { web: webService(lab, project, servers.length) },
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
