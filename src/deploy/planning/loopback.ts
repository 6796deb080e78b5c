import { LOOPBACK_CONFIGURATION, SIDECAR_ALIAS } from '../../model/names.ts';
import type { FileSpec } from '../../model/spec.ts';
import type { WantedSettings } from './container-settings.ts';

/** The only address of a server that they are served at. */
const ADDRESS = '127.0.0.1';

/** loopbackPorts returns how internal ports are published on a server for the server itself, by their own numbers. Pure. */
export function loopbackPorts(dependencies: Readonly<Record<string, number>>): WantedSettings['ports'] {
  return [...new Set(Object.values(dependencies))]
    .sort((a, b) => a - b)
    .map((port) => ({ address: ADDRESS, hostPort: port, containerPort: port }));
}

/**
 * loopbackFile returns the configuration of an nginx that passes connections on to the sidecar, each to the port that it
 * came to. It asks for the sidecar with every connection, since that may be another one by then. Pure.
 */
export function loopbackFile(ports: WantedSettings['ports']): FileSpec {
  const listens = ports.map(({ containerPort }) => `        listen ${containerPort};\n`).join('');
  const text = `# Written by Switchyard.
include /etc/nginx/modules-enabled/*.conf;
worker_processes 1;
error_log stderr;
events { worker_connections 4096; }
stream {
    resolver 127.0.0.11 valid=1s;
    server {
${listens}        proxy_connect_timeout 5s;
        # A pool of a database may be silent for long.
        proxy_timeout 24h;
        proxy_pass ${SIDECAR_ALIAS}:$server_port;
    }
}
`;
  return { target: LOOPBACK_CONFIGURATION, mode: 0o444, uid: 0, gid: 0, content: { text } };
}
