import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { localProvider } from '../../src/fleet/local.ts';
import type { Server } from '../../src/fleet/server.ts';
import { systemClock } from '../../src/model/clock.ts';
import { networkName, SIDECAR_ALIAS, sidecarName } from '../../src/model/names.ts';
import { ensureSidecar } from '../../src/nginx/install.ts';
import { docker, dockerList } from './command.ts';
import { buildImages } from './images.ts';

/** Debian's nginx without its package libnginx-mod-stream, as somebody may install it. */

const SCOPE = { project: `modules${process.pid}`, environment: 'lab' };
const HERE = { name: 'here', host: 'localhost', port: 0, user: '', zone: 'default', hostKeys: [] };
const IMAGE = `${SCOPE.project}:without-stream`;

let server: Server;

beforeAll(async () => {
  const { nginx } = await buildImages(['nginx'], () => undefined);
  const id = await docker([
    ...['create', '--entrypoint', 'rm', nginx!],
    ...['-rf', '/etc/nginx/modules-enabled', '/usr/lib/nginx/modules/ngx_stream_module.so'],
  ]);
  await docker(['start', '--attach', id]);
  await docker(['commit', id, IMAGE]);
  await docker(['rm', id]);
  server = await localProvider([HERE]).connect(HERE);
}, 300_000);

afterAll(async () => {
  await server?.close();
  await docker(['network', 'rm', networkName(SCOPE)]).catch(() => undefined);
  await docker(['volume', 'rm', sidecarName(SCOPE)]).catch(() => undefined);
  await docker(['image', 'rm', IMAGE]).catch(() => undefined);
});

test('an nginx without a module that is needed is refused, by its name, and leaves no container', async () => {
  const settings = { image: IMAGE, keepaliveMinTimeoutMs: 2_000 };
  const own = { repository: 'example.com/shop', aliases: [SIDECAR_ALIAS] };
  await expect(ensureSidecar(server, SCOPE, settings, own, systemClock)).rejects.toMatchObject({
    message: `here: nginx in ${IMAGE} has no ngx_stream_module, which sidecar and all on it need`,
    hint: expect.stringContaining('sidecar.image'),
  });
  const left = ['ps', '--all', '--quiet', '--filter', `name=${sidecarName(SCOPE)}`];
  expect(await dockerList(left)).toEqual([]);
}, 60_000);
