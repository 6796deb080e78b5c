import { expect, test } from '@jest/globals';
import { extract } from 'tar-stream';
import { packEntries } from '../../../src/docker/archive.ts';
import { entriesOf, ownerOf } from '../../../src/fleet/delivered-files.ts';
import type { FileSpec } from '../../../src/model/spec.ts';

const IMAGE = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1001::/home/node:/bin/sh\n',
  group: 'root:x:0:\nnode:x:1001:\ndocker:x:998:\n',
};

test.each([
  ['node', { uid: 1000, gid: 1001 }],
  ['1000', { uid: 1000, gid: 1001 }],
  ['472', { uid: 472, gid: 0 }],
  ['node:docker', { uid: 1000, gid: 998 }],
  ['65532:65533', { uid: 65532, gid: 65533 }],
  ['nobody-knows', { uid: 0, gid: 0 }],
])('the user %s has its numbers from the image', (user, owner) => {
  expect(ownerOf(user, IMAGE)).toEqual(owner);
});

test('what is delivered is an archive with each place under its number, below a folder that only root passes', async () => {
  const files: FileSpec[] = [
    { target: '/run/secrets/key', mode: 0o400, content: { secret: 'KEY' } },
    { target: '/etc/conf', path: 'a.yml', mode: 0o644, uid: 0, gid: 0, content: { text: 'a' } },
    { target: '/etc/conf', path: 'sub/b.sh', mode: 0o755, uid: 5, gid: 6, content: { base64: 'AP8=' } },
    { target: '/der', mode: 0o444, content: { secret: 'DER', encoding: 'base64' } },
  ];
  const secrets = { KEY: 'sesame', DER: 'AP8=' };
  const archive = extract();
  archive.end(await packEntries(entriesOf({ files, secrets }, { uid: 1000, gid: 1001 })));
  const found: string[] = [];
  for await (const entry of archive) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    const { name, mode = 0, uid, gid } = entry.header;
    found.push(
      `${name} ${mode.toString(8)} ${uid}:${gid} ${Buffer.concat(chunks).toString('latin1')}`.trim(),
    );
  }
  expect(found).toEqual([
    'files 700 0:0',
    'files/0 400 1000:1001 sesame',
    'files/1 755 0:0',
    'files/1/sub 755 0:0',
    'files/1/a.yml 644 0:0 a',
    'files/1/sub/b.sh 755 5:6 \0\xff',
    'files/2 444 1000:1001 \0\xff',
  ]);
});

test('a secret that nobody has is no empty file', () => {
  const file = { target: '/x', mode: 0o400, content: { secret: 'KEY' } };
  expect(() => entriesOf({ files: [file], secrets: {} }, { uid: 0, gid: 0 })).toThrow(
    'nobody has the value of KEY',
  );
});
