import { describe, expect, test } from '@jest/globals';
import type { ExecResult } from '../../../src/docker/engine.ts';
import type { Server } from '../../../src/fleet/server.ts';
import { readFrontCertificate, readFrontPair } from '../../../src/nginx/front-certificates.ts';
import { signedCertificate } from '../../simulation/world/signed.ts';

const FILES = { certificate: '/tls/a.crt', key: '/tls/a.key' };
const NOW = Date.now();

/** A front in which programs say something, by their names; those that it lacks end with 126. */
function frontWhere(programs: Record<string, string | ExecResult>) {
  const asked: string[][] = [];
  const exec = async (_id: string, command: readonly string[]): Promise<ExecResult> => {
    asked.push([...command]);
    const said = programs[command[0] ?? ''];
    if (said === undefined) return { exitCode: 126, stdout: 'OCI runtime exec failed\r\n', stderr: '' };
    return typeof said === 'string' ? { exitCode: 0, stdout: said, stderr: '' } : said;
  };
  return {
    front: { id: 'id of front', server: { name: 'a', engine: { exec } } as unknown as Server },
    asked,
  };
}

describe('a certificate of a front', () => {
  test('is looked at without its key: nothing but certificates is read', async () => {
    const { front, asked } = frontWhere({ sed: 'CHAIN', grep: { exitCode: 1, stdout: '0\n', stderr: '' } });
    expect(await readFrontCertificate(front, FILES)).toEqual({ ...FILES, chain: 'CHAIN' });
    expect(asked).toEqual([
      ['sed', '-n', '/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/p', '/tls/a.crt'],
      ['grep', '-c', 'ENCRYPTED', '/tls/a.key'],
    ]);
  });

  test.each<[string, string | ExecResult, string]>([
    ['that says it is encrypted', '1\n', 'encrypted'],
    ['that is not there', { exitCode: 2, stdout: '', stderr: 'No such file' }, 'unreadable'],
    [
      'which no program reads',
      { exitCode: 126, stdout: 'OCI runtime exec failed', stderr: '' },
      'unreadable',
    ],
  ])('with a key %s', async (_what, grep, keyFault) => {
    const { front } = frontWhere({ sed: 'CHAIN', grep });
    expect(await readFrontCertificate(front, FILES)).toMatchObject({ keyFault });
  });

  test('under what is no path is not looked for', async () => {
    const { front, asked } = frontWhere({ sed: 'CHAIN', grep: '0\n' });
    const files = { certificate: 'data:$certificate', key: 'engine:pkcs11:1' };
    expect(await readFrontCertificate(front, files)).toEqual({ ...files, chain: '', keyFault: 'unreadable' });
    expect(asked).toEqual([]);
  });

  test('comes with its key, also of a file that holds both', async () => {
    const { chain, privateKey } = await signedCertificate(['a.example.com'], { now: NOW });
    const { front } = frontWhere({ sed: chain, cat: `${chain}${privateKey}` });
    expect(await readFrontPair(front, FILES)).toEqual({ chain, privateKey });
  });

  test('does not come with the key of another one, and the error holds no key', async () => {
    const { chain } = await signedCertificate(['a.example.com'], { now: NOW });
    const { privateKey } = await signedCertificate(['b.example.com'], { now: NOW });
    const { front } = frontWhere({ sed: chain, cat: privateKey });
    await expect(readFrontPair(front, FILES)).rejects.toThrow(
      /^a: \/tls\/a.key does not hold the key of \/tls\/a.crt$/,
    );
  });
});
