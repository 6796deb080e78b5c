import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isAbsolutePath } from '../../model/container-path.ts';
import { UserError } from '../../model/errors.ts';
import { createRun } from './container.ts';
import type { Restic } from './restic.ts';

/** What of a repository is pulled: a file of a snapshot, or `/` for all of it as a tar archive. */
export interface Pulled {
  snapshot: string;
  path: string;
}

/** A file that was pulled. */
export interface PulledFile {
  bytes: number;
  /** Of its content, in hex. */
  sha256: string;
}

/** For as long as a pull may take: one that a dead run has left ends by itself. */
const LONGEST_S = 6 * 60 * 60;

/**
 * pullToRunner writes what is in a snapshot to a file of this machine, as it comes: nothing of it is held in memory or lies
 * on the server meanwhile. restic checks each piece of it by its hash; the file has its name only when it is whole and was
 * read back. It throws a UserError where something is missing or changed.
 */
export async function pullToRunner(
  restic: Restic,
  { snapshot, path }: Pulled,
  file: string,
): Promise<PulledFile> {
  const { server, signal } = restic.surroundings;
  const { command, ...request } = restic.requestFor(['dump', '--no-lock', snapshot, path]);
  const id = await createRun(restic.surroundings, { ...request, command: ['sleep', String(LONGEST_S)] });
  const partial = `${file}.partial`;
  try {
    await server.engine.startContainer(id);
    const dump = await server.engine.execStream(id, command, { signal });
    const sent = new Digest();
    await pipeline(dump.stdout, sent, createWriteStream(partial, { mode: 0o600 }), { signal });
    const { exitCode, stderr } = await dump.ended;
    if (exitCode !== 0) throw restic.explain(exitCode, stderr);
    const written = new Digest();
    await pipeline(createReadStream(partial), written, async (chunks) => {
      for await (const _chunk of chunks);
    });
    const { sha256, bytes } = sent.result();
    if (written.result().sha256 !== sha256) {
      throw new UserError(`${file} is not what was pulled: its digest is another one`, {
        hint: 'Is the disk of this machine in order? Pull it again, to another place.',
      });
    }
    await rename(partial, file);
    return { bytes, sha256 };
  } finally {
    await rm(partial, { force: true });
    await server.engine.removeContainer(id);
  }
}

/** Where a folder of the server is in the container that fills it. */
const SERVER_FOLDER = '/srv/switchyard-pulled';

/**
 * pullToServer writes what is in a snapshot below a folder of the server, under its own name there, and returns its path.
 * Everything but a file that is there already may be there. It throws a UserError where it cannot.
 */
export async function pullToServer(
  restic: Restic,
  { snapshot, path }: Pulled,
  folder: string,
): Promise<string> {
  if (!isAbsolutePath(folder)) {
    throw new UserError(`${JSON.stringify(folder)} is no folder of a server`, {
      hint: 'Write its whole path: /srv/pulled.',
    });
  }
  const words = ['restore', '--no-lock', `${snapshot}:${parentOf(path)}`, '--target', SERVER_FOLDER];
  await restic.run(
    [...words, '--include', path.slice(path.lastIndexOf('/')), '--verify', '--overwrite', 'never'],
    {
      folder: { onServer: folder, inside: SERVER_FOLDER },
    },
  );
  return `${folder}${path.slice(path.lastIndexOf('/'))}`;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** Digest lets everything pass, and counts and hashes it. */
class Digest extends Transform {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  override _transform(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    this.push(chunk);
    done();
  }

  result(): PulledFile {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }
}
