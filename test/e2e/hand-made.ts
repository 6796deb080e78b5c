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
