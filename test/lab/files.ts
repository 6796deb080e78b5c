import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';

/** A file to be put into a container: an absolute path, its text, its mode. It belongs to root. */
export interface ContainerFile {
  path: string;
  content: string;
  mode: number;
}

/** archive returns the files as a tar archive that `docker cp - container:/` unpacks. */
export function archive(files: ContainerFile[]): Promise<Buffer> {
  const tar = pack();
  for (const { path, content, mode } of files)
    tar.entry({ name: path.slice(1), mode, uid: 0, gid: 0 }, content);
  tar.finalize();
  return buffer(tar);
}
