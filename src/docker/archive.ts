import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header, pack } from 'tar-stream';

/** Files by path, relative to the archive's root. */
export type Files = ReadonlyMap<string, string>;

/** The permissions that files and folders get. */
export interface Modes {
  file: number;
  folder: number;
}

const READABLE: Modes = { file: 0o644, folder: 0o755 };
/** For root alone. */
export const PRIVATE: Modes = { file: 0o600, folder: 0o700 };

/** packFiles returns a tar archive of text files, with their folders, in the order given; all belong to root. */
export async function packFiles(files: Files, modes = READABLE): Promise<Buffer> {
  const archive = pack();
  const folders = new Set<string>();
  for (const [path, content] of files) {
    for (const folder of foldersOf(path)) {
      if (folders.has(folder)) continue;
      folders.add(folder);
      archive.entry({ name: folder, type: 'directory', mode: modes.folder });
    }
    archive.entry({ name: path, mode: modes.file }, content);
  }
  archive.finalize();
  return await bytesOf(archive);
}

/** A file of an archive with its bytes, or a folder without. */
export interface ArchiveEntry {
  /** From the archive's root. */
  path: string;
  content?: Buffer;
  mode: number;
  uid: number;
  gid: number;
}

/** packEntries returns a tar archive of files and folders with their modes and owners, in the order given. */
export async function packEntries(entries: readonly ArchiveEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const { path, content, ...owned } of entries) {
    if (content === undefined) archive.entry({ name: path, type: 'directory', ...owned });
    else archive.entry({ name: path, ...owned }, content);
  }
  archive.finalize();
  return await bytesOf(archive);
}

/** unpackFiles returns the regular files of a whole tar archive; it throws where the archive ends before its end. */
export async function unpackFiles(archive: Buffer): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const entry of entriesOf(archive)) {
    const content = await bytesOf(entry);
    if (entry.header.type === 'file') files.set(entry.header.name, content.toString());
  }
  return files;
}

/** What an archive says of a file, beside what is in it. */
export interface FileFacts {
  path: string;
  /** In bytes. */
  size: number;
  modifiedAt: Date;
}

/** factsOfFiles returns what a whole tar archive says of its regular files; it throws where it ends before its end. */
export async function factsOfFiles(archive: Buffer): Promise<FileFacts[]> {
  const found: FileFacts[] = [];
  for await (const entry of entriesOf(archive)) {
    const { name: path, type, size = 0, mtime: modifiedAt = new Date(0) } = entry.header;
    if (type === 'file') found.push({ path, size, modifiedAt });
    entry.resume();
  }
  return found;
}

/** An archive is made of blocks of so many bytes, and the last two are empty. */
const BLOCK_BYTES = 512;
const END_BYTES = 2 * BLOCK_BYTES;

/**
 * entriesOf reads a tar archive from memory, and throws after its entries where it has no end. An engine that fails in the middle
 * ends its answer like any other; where that is between two files, nothing else tells that some are missing.
 */
async function* entriesOf(archive: Buffer) {
  const entries = extract();
  entries.end(archive);
  let readBytes = 0;
  for await (const entry of entries) {
    const { type, size, byteOffset } = entry.header as PlacedHeader;
    readBytes = byteOffset + (type === 'directory' ? 0 : Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES);
    yield entry;
  }
  const end = archive.subarray(readBytes);
  if (end.length < END_BYTES || end.some((byte) => byte !== 0))
    throw new Error(`an archive ended after ${archive.length} bytes, before its end`);
}

/** Its type does not tell that tar-stream says where the content of an entry begins. */
type PlacedHeader = Header & { byteOffset: number };

/** A file in an archive that is read, or a name for another one there. */
export type ReadEntry = { path: string } & ({ content: Readable } | { linkTo: string });

/**
 * eachEntry reads a tar archive as it comes, and hands over its files and links one by one; a file has to be read to its end
 * before the next one comes. Links are by the path that they lead to, from the archive's root.
 */
export async function eachEntry(archive: Readable, take: (entry: ReadEntry) => Promise<void>): Promise<void> {
  const entries = extract();
  const feeding = pipeline(archive, entries);
  // What it fails with is what reading the entries fails with, too.
  feeding.catch(() => undefined);
  for await (const entry of entries) {
    const { name, type, linkname } = entry.header;
    const path = posix.normalize(name);
    if (type === 'file') await take({ path, content: Readable.from(entry) });
    else if (type === 'symlink' && linkname)
      await take({ path, linkTo: posix.join(posix.dirname(path), linkname) });
    else if (type === 'link' && linkname) await take({ path, linkTo: posix.normalize(linkname) });
    entry.resume();
  }
  await feeding;
}

/** A file of an archive that is written as it is read. */
export interface SentEntry {
  path: string;
  size: number;
  content(): Readable;
}

/** packEach returns a tar archive of files, read one after the other as the archive is. */
export function packEach(files: readonly SentEntry[]): Readable {
  const archive = pack();
  const fill = async () => {
    for (const { path, size, content } of files) {
      await pipeline(content(), archive.entry({ name: path, size, mode: READABLE.file }));
    }
    archive.finalize();
  };
  fill().catch((error: Error) => archive.destroy(error));
  return Readable.from(archive, { objectMode: false });
}

/** `buffer` of node:stream/consumers would make a Blob first, of every file in an archive. */
async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_part, index) => parts.slice(0, index + 1).join('/'));
}
