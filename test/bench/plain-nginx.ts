import { makeCertificate } from '../lab/certificates.ts';
import type { LabServer } from '../lab/lab.ts';

/** An nginx as people write it by hand. */
export interface PlainNginx {
  stop(): Promise<void>;
}

/** What a plain nginx does. */
export interface PlainNginxOptions {
  image: string;
  network: string;
  domain: string;
  /** Where it sends requests, `name:port`. */
  app: string;
  ports: { http: number; https: number };
}

const NAME = 'bench_plain_nginx';
const FOLDER = '/run/bench-plain-nginx';

/** startPlainNginx starts an nginx on a server that passes requests on to one app, over HTTP, HTTPS and HTTP/2. */
export async function startPlainNginx(
  server: LabServer,
  { image, network, domain, app, ports }: PlainNginxOptions,
): Promise<PlainNginx> {
  const { chain, privateKey } = await makeCertificate([domain]);
  const files = {
    'site.pem': `${chain}${privateKey}`,
    // No limit of requests, as in the edge: h2load repeats none.
    'nginx.conf': `worker_processes 2;
events { worker_connections 8192; }
http {
    access_log /dev/stdout;
    keepalive_requests 1000000;
    upstream app { server ${app}; keepalive 32; }
    server {
        listen 80;
        listen 443 ssl;
        http2 on;
        server_name ${domain};
        ssl_certificate ${FOLDER}/site.pem;
        ssl_certificate_key ${FOLDER}/site.pem;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }
    }
}
`,
  };
  await server.exec(['mkdir', '-p', FOLDER]);
  for (const [name, input] of Object.entries(files)) {
    await server.exec(['tee', `${FOLDER}/${name}`], { input });
  }
  await server.docker(
    ...['run', '--detach', '--name', NAME, '--network', network, '--volume', `${FOLDER}:${FOLDER}:ro`],
    ...['--publish', `${ports.http}:80`, '--publish', `${ports.https}:443`],
    ...[image, 'nginx', '-c', `${FOLDER}/nginx.conf`, '-g', 'daemon off;'],
  );
  return {
    stop: async () => {
      await server.docker('rm', '--force', NAME);
    },
  };
}
