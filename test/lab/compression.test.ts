import { get } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { localProvider } from '../../src/fleet/local.ts';
import { NginxInstance } from '../../src/nginx/instance.ts';
import { docker } from './command.ts';
import { type Front, startFront } from './front.ts';
import { buildImages } from './images.ts';

const COMPRESSION = { types: ['application/json', 'text/event-stream'], level: 4, minBytes: 100 };
const TEXT = JSON.stringify('long '.repeat(100));
const PATH = `/say?${new URLSearchParams({ 'Content-Type': 'application/json', body: TEXT })}`;

describe('an edge whose nginx has a module for brotli', () => {
  let front: Front;
  const ask = async (app: string, accepted: string) => {
    const options = front.optionsFor(app);
    const headers = { ...(options.headers as Record<string, string>), 'accept-encoding': accepted };
    return await fetchRaw(`http://${options.host}:${options.port}${PATH}`, headers);
  };

  beforeAll(async () => {
    const apps = [
      { name: 'both', route: { edge: { brotli: COMPRESSION, gzip: COMPRESSION } } },
      { name: 'alone', route: { edge: { brotli: COMPRESSION } } },
    ];
    front = await startFront('edge', apps, {}, undefined, 'nginx-brotli');
  }, 300_000);

  afterAll(async () => {
    await front?.down();
  });

  test('compresses for who takes it, and else as before', async () => {
    const best = await ask('both', 'gzip, deflate, br');
    expect(best.headers).toMatchObject({ 'content-encoding': 'br', vary: 'Accept-Encoding' });
    expect(brotliDecompressSync(best.body).toString()).toBe(TEXT);
    const older = await ask('both', 'gzip');
    expect(older.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
    expect(gunzipSync(older.body).toString()).toBe(TEXT);
    expect((await ask('both', 'identity')).body.toString()).toBe(TEXT);
  });

  test('does so without gzip too', async () => {
    expect((await ask('alone', 'gzip, br')).headers).toMatchObject({
      'content-encoding': 'br',
      vary: 'Accept-Encoding',
    });
    expect((await ask('alone', 'gzip')).headers).not.toHaveProperty('content-encoding');
  });

  test('is told from one that has none, without a change of either', async () => {
    const images = await buildImages(['nginx'], () => undefined);
    const id = await docker(['run', '--detach', '--rm', images.nginx!]);
    const spec = { name: 'here', host: 'localhost', port: 22, user: '', zone: 'default', hostKeys: [] };
    const server = await localProvider([spec]).connect(spec);
    try {
      const of = (container: string) =>
        new NginxInstance('edge', server, { id: container, name: 'edge', address: '' });
      expect(await of(front.id).lackedModules(['brotli', 'zstd'])).toEqual(['zstd']);
      expect(await of(id).lackedModules(['brotli', 'zstd', 'gzip'])).toEqual(['brotli', 'zstd']);
    } finally {
      await server.close();
      await docker(['rm', '--force', id]);
    }
  });
});

/** An answer as it comes, not decompressed. */
async function fetchRaw(url: string, headers: Record<string, string>) {
  const { promise, resolve, reject } = Promise.withResolvers<{ headers: object; body: Buffer }>();
  get(url, { headers, agent: false }, async (response) => {
    resolve({ headers: response.headers, body: Buffer.concat(await response.toArray()) });
  }).on('error', reject);
  return await promise;
}
