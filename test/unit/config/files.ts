import { loadConfig } from '../../../src/config/load.ts';
import { type ResolveOptions, resolveEnvironment } from '../../../src/config/resolve.ts';
import { UserError, UserErrors } from '../../../src/model/errors.ts';
import type { EnvironmentSpec, ServiceSpec } from '../../../src/model/spec.ts';
import { HOST_KEYS } from './host-keys.ts';

/** The configuration that issue 3 asks to be valid, with real host keys filled in. */
export const SHOP = `
project: shop
sidecar: { image: "nginx:1.30-alpine" }
environments:
  production:
    provider: static
    user: deploy
    servers:
      - { host: 172.30.0.11, private_ip: 172.31.0.11, port: 22, zone: lon1, host_key: "${HOST_KEYS.ed25519}" }
      - { host: 172.30.0.12, private_ip: 172.31.0.12, port: 22, zone: lon1, host_key: "${HOST_KEYS.otherEd25519}" }
    services:
      api: { environment: { LOG_LEVEL: warn } }
  local:
    provider: local
    services:
      api: { servers: 1 }
services:
  cache:
    image: redis:7
    port: 6379
    protocol: tcp
    healthcheck: { test: ["CMD", "redis-cli", "ping"], interval: 1s }
    volumes: ["cache-data:/data"]
    strategy: recreate
  api:
    image: ghcr.io/acme/api:1.2.3
    port: 3000
    domain: [api.example.com, www.example.com]
    depends_on: [cache]
    servers: 2
    environment: { LOG_LEVEL: info }
    secrets: [API_TOKEN]
    healthcheck: { path: /health, interval: 500ms, timeout: 2s, start_period: 30s }
    drain: { timeout: 60s }
    stop_grace_period: 20s
    deploy: { resources: { limits: { cpus: "0.5", memory: 256M } } }
`;

type Variables = Record<string, string | undefined>;

/** indented shifts every line to the right by so many spaces. */
export function indented(yaml: string, spaces: number): string {
  return yaml.trim().replaceAll(/^/gm, ' '.repeat(spaces));
}

/** localFile is a file with the environment `local` and these services. */
export function localFile(services: string): string {
  return `project: shop\nenvironments:\n  local: { provider: local }\nservices:\n${indented(services, 2)}\n`;
}

/** resolveText loads a file and resolves one environment of it. */
export function resolveText(
  text: string,
  environment = 'local',
  variables: Variables = {},
  options: ResolveOptions = {},
): EnvironmentSpec {
  return resolveEnvironment(loadConfig(text, 'switchyard.yml', variables), environment, options);
}

/** resolveOne resolves the service `api` with these keys, and an image and a port unless they name them. */
export function resolveOne(keys: string, variables: Variables = {}): ServiceSpec {
  const basics = [/^image:/m.test(keys) ? '' : 'image: acme/api', /^port:/m.test(keys) ? '' : 'port: 3000'];
  const service = [...basics, keys.trim()].filter((line) => line !== '').join('\n');
  const spec = resolveText(localFile(`api:\n${indented(service, 2)}`), 'local', variables);
  return spec.services[0] as ServiceSpec;
}

/** errorsOf runs `work` and returns the mistakes it throws; anything but a UserError goes on as it is. */
export function errorsOf(work: () => unknown): readonly UserError[] {
  try {
    work();
  } catch (error) {
    if (error instanceof UserErrors) return error.errors;
    if (error instanceof UserError) return [error];
    throw error;
  }
  return [];
}

/** messagesOf returns the messages of errorsOf. */
export function messagesOf(work: () => unknown): string[] {
  return errorsOf(work).map(({ message }) => message);
}
