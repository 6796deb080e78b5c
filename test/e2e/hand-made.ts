import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab, LabServer } from '../lab/lab.ts';

/** An nginx as somebody configured it: by hand, and without what makes a switch lossless. */
export function frontConfig(
  domain: string,
  app: string,
  more: { server?: string; stream?: string } = {},
): string {
  return `worker_processes 2;
include /etc/nginx/modules-enabled/*.conf;
error_log /dev/stderr warn;
events { worker_connections 4096; }
http {
    access_log off;
    # The default is 1000: the test's clients shall not take minutes to come to it.
    keepalive_requests 30;
    server {
        listen 80;
        server_name ${domain};
        location / {
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Connection "";
            proxy_pass http://${app}:3000;
        }
    }
${more.server ?? ''}}
${more.stream ?? ''}`;
}

/** What somebody's nginx serves over HTTPS, with paths of files in its container. */
export interface SecureServer {
  domains: readonly string[];
  certificate: string;
  key: string;
}

/** An nginx as somebody configured it for HTTPS: over HTTP it sends everybody there. */
export function secureFrontConfig(app: string, servers: readonly SecureServer[]): string {
  const blocks = servers.map(
    ({ domains, certificate, key }) => `    server {
        listen 80;
        server_name ${domains.join(' ')};
        return 301 https://$host$request_uri;
    }
    server {
        listen 443 ssl;
        http2 on;
        server_name ${domains.join(' ')};
        ssl_certificate ${certificate};
        ssl_certificate_key ${key};
        location / {
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Connection "";
            proxy_pass http://${app}:3000;
        }
    }
`,
  );
  return `worker_processes 2;
error_log /dev/stderr warn;
events { worker_connections 4096; }
http {
    access_log off;
    # The default is 1000: the test's clients shall not take minutes to come to it.
    keepalive_requests 30;
${blocks.join('')}}
`;
}

/** HandMade is a server on which somebody has started containers with `docker run`. */
export class HandMade {
  readonly lab: Pick<Lab, 'images'>;
  readonly server: LabServer;

  constructor(lab: Pick<Lab, 'images'>, server: LabServer) {
    this.lab = lab;
    this.server = server;
  }

  /** network makes a network. */
  async network(name: string): Promise<void> {
    await this.server.docker('network', 'create', name);
  }

  /** app starts the lab's app in a version. */
  async app(name: string, network: string, version: string): Promise<void> {
    await this.run(name, network, this.lab.images.web(version), '--init');
  }

  /** redis starts a redis that keeps its data in a volume. */
  async redis(name: string, network: string, volume: string): Promise<void> {
    await this.run(name, network, this.lab.images.redis, '--volume', `${volume}:/data`);
  }

  /** nginx starts an nginx with this configuration that publishes port 80. */
  async nginx(name: string, network: string, config: string, ...more: string[]): Promise<void> {
    const { docker } = this.server;
    const options = ['--network', network, '--restart', 'always', '--publish', '80:80', ...more];
    await docker('create', '--name', name, ...options, this.lab.images.nginx);
    const file = `/tmp/${name}.conf`;
    const copy = ['-c', `cat >${file} && docker cp ${file} ${name}:/etc/nginx/nginx.conf`];
    await this.server.exec(['sh', ...copy], { input: config });
    await docker('start', name);
  }

  /** secureNginx starts an nginx with this configuration, and files beside it, that publishes port 80 and what `options` say. */
  async secureNginx(
    name: string,
    network: string,
    { config, files, options }: { config: string; files: Record<string, string>; options: readonly string[] },
  ): Promise<void> {
    const { docker } = this.server;
    const all = ['--network', network, '--restart', 'always', '--publish', '80:80', ...options];
    await docker('create', '--name', name, ...all, this.lab.images.nginx);
    const folder = `/tmp/${name}`;
    await this.write(`${folder}/nginx.conf`, config);
    for (const [path, content] of Object.entries(files)) await this.write(`${folder}/${path}`, content);
    await this.server.exec(['docker', 'cp', `${folder}/.`, `${name}:/etc/nginx`]);
    await docker('start', name);
  }

  /** write writes a file on the server, with its folders. */
  async write(path: string, content: string): Promise<void> {
    const script = 'mkdir -p "$(dirname "$1")" && cat >"$1"';
    await this.server.exec(['sh', '-c', script, 'write', path], { input: content });
  }

  /** run starts a container. */
  async run(name: string, network: string, image: string, ...options: string[]): Promise<void> {
    const restart = ['--restart', 'unless-stopped'];
    await this.server.docker(
      'run',
      '--detach',
      '--name',
      name,
      '--network',
      network,
      ...restart,
      ...options,
      image,
    );
  }

  /** settled is containers, when the bridge has ended with the last connection of those who kept theirs. */
  async settled(withinMs = 20_000): Promise<string[]> {
    const end = Date.now() + withinMs;
    let names = await this.containers();
    while (names.some((name) => name.startsWith('switchyard_edge_bridge')) && Date.now() < end) {
      await sleep(200);
      names = await this.containers();
    }
    return names;
  }

  /** containers returns the names of all containers, as `docker ps --all` has them. */
  async containers(): Promise<string[]> {
    return (await this.server.docker('ps', '--all', '--format', '{{.Names}}')).trim().split('\n').sort();
  }
}
