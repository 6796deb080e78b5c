import { describe, expect, test } from '@jest/globals';
import { extract } from 'tar-stream';
import { factsOfFiles, PRIVATE, packFiles, unpackFiles } from '../../../src/docker/archive.ts';
import { demultiplex } from '../../../src/docker/multiplex.ts';

describe('archives', () => {
  test('what is packed is unpacked, byte for byte', async () => {
    const files = new Map([
      ['nginx.conf', 'include a;\n'],
      ['a/http/shop/api.conf', 'ünïcode "quoted" $(nothing)\r\n'],
      ['a/empty', ''],
      [`a/${'long-name-'.repeat(15)}.conf`, 'x'.repeat(5000)],
    ]);
    expect(await unpackFiles(await packFiles(files))).toEqual(files);
  });

  test('folders come before what is in them, each once', async () => {
    const archive = await packFiles(
      new Map([
        ['a/b/one', '1'],
        ['a/b/two', '2'],
      ]),
    );
    const names: string[] = [];
    const entries = extract();
    entries.end(archive);
    for await (const entry of entries) {
      names.push(`${entry.header.type} ${entry.header.name}`);
      entry.resume();
    }
    expect(names).toEqual(['directory a', 'directory a/b', 'file a/b/one', 'file a/b/two']);
  });

  test('files for root alone: no folder and no file can be read by anybody else', async () => {
    const modes: Record<string, string> = {};
    const entries = extract();
    entries.end(await packFiles(new Map([['api/1.json', '{}']]), PRIVATE));
    for await (const entry of entries) {
      const { name, mode, uid, gid } = entry.header;
      modes[name] = `${mode?.toString(8)} ${uid}:${gid}`;
      entry.resume();
    }
    expect(modes).toEqual({ api: '700 0:0', 'api/1.json': '600 0:0' });
  });

  test('an archive that was cut off is none, wherever that was', async () => {
    const whole = await packFiles(
      new Map([
        ['a/one', 'x'.repeat(700)],
        ['a/zeros', '\0'.repeat(2048)],
      ]),
    );
    expect((await factsOfFiles(whole)).map(({ path }) => path)).toEqual(['a/one', 'a/zeros']);
    for (let bytes = 0; bytes < whole.length; bytes += 256) {
      const cut = whole.subarray(0, bytes);
      await expect(unpackFiles(cut)).rejects.toThrow();
      await expect(factsOfFiles(cut)).rejects.toThrow();
    }
  });

  test('an empty archive has no files', async () => {
    expect(await unpackFiles(await packFiles(new Map()))).toEqual(new Map());
  });
});

describe('the stream of a container', () => {
  const frame = (kind: number, text: string) => {
    const payload = Buffer.from(text);
    const head = Buffer.alloc(8);
    head[0] = kind;
    head.writeUInt32BE(payload.length, 4);
    return Buffer.concat([head, payload]);
  };

  test('stdout and stderr are told apart, each in its order', () => {
    const stream = Buffer.concat([frame(1, 'one\n'), frame(2, 'oh\n'), frame(1, 'two\n'), frame(2, 'no\n')]);
    expect(demultiplex(stream)).toEqual({ stdout: 'one\ntwo\n', stderr: 'oh\nno\n' });
  });

  test('a character that two frames share stays whole', () => {
    const [first, second] = [Buffer.from('ü').subarray(0, 1), Buffer.from('ü').subarray(1)];
    const parts = [first, second].map((half) =>
      Buffer.concat([frame(1, ' ').subarray(0, 7), Buffer.from([1]), half]),
    );
    expect(demultiplex(Buffer.concat(parts)).stdout).toBe('ü');
  });

  test('a frame that was cut off gives what came of it; nothing gives nothing', () => {
    expect(demultiplex(frame(1, 'whole').subarray(0, 10))).toEqual({ stdout: 'wh', stderr: '' });
    expect(demultiplex(Buffer.alloc(5))).toEqual({ stdout: '', stderr: '' });
    expect(demultiplex(Buffer.alloc(0))).toEqual({ stdout: '', stderr: '' });
  });
});
