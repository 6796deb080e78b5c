import { messageOf, UserError } from '../../model/errors.ts';
import type { Mount } from '../vault.ts';
import { type ResticSurroundings, runContainer } from './container.ts';

/** Where a container has the programs that were brought from the image of restic. */
const FOLDER = '/opt/switchyard-restic';

/** Where the programs are for restic in a container, and by what it knows whom to trust. */
export interface Programs {
  restic: string;
  ssh: string;
  environment: Readonly<Record<string, string>>;
  mounts: readonly Mount[];
}

/** In a container of its own image, restic has all that it needs. */
export const OWN_PROGRAMS: Programs = { restic: 'restic', ssh: 'ssh', environment: {}, mounts: [] };

/**
 * What restic needs of its image, so that it runs in any other one: itself, ssh, and whom to trust. A program that is not
 * static comes with its libraries and their loader, and is started by it. Every file is whole under another name before it
 * has its own, so two runs at once, and one that is cut off, do no harm.
 */
const SCRIPT = `set -eu
folder=$1
cd "$folder"
[ ! -e ready ] || exit 0
mkdir -p bin lib
place() {
  chmod 755 "$1"
  mv -f "$1" "$2"
}
bring() {
  from=$(command -v "$1") || return 0
  libraries=$(ldd "$from" 2>/dev/null | sed -n 's/.*=> \\(\\/[^ ]*\\) .*/\\1/p; s/^[[:space:]]*\\(\\/[^ ]*\\) (.*/\\1/p') || true
  if [ -z "$libraries" ]; then
    cp -L "$from" "bin/$1.$$"
    place "bin/$1.$$" "bin/$1"
    return 0
  fi
  for library in $libraries "$from"; do
    name=\${library##*/}
    cp -L "$library" "lib/$name.$$"
    place "lib/$name.$$" "lib/$name"
    case $name in ld-*) loader=$name ;; esac
  done
  printf '#!/bin/sh\\nexec %s/%s --library-path %s %s/%s "$@"\\n' "$folder/lib" "$loader" "$folder/lib" "$folder/lib" "$1" >"bin/$1.$$"
  place "bin/$1.$$" "bin/$1"
}
bring restic
bring ssh
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt roots.pem
[ -x bin/restic ]
: >ready
`;

/**
 * bringPrograms puts what restic needs into a volume of the server, once for each image, and returns where a container of
 * any image finds it. It throws a UserError where the image has no restic.
 */
export async function bringPrograms(surroundings: ResticSurroundings, image: string): Promise<Programs> {
  const { server } = surroundings;
  const found = await server.engine.findImage(image);
  const id = found?.Id?.replace('sha256:', '').slice(0, 12);
  if (id === undefined) throw new Error(`the image ${image} is not on ${server.name}`);
  const volume: Mount = {
    Type: 'volume',
    Source: `switchyard_restic_${id}`,
    Target: FOLDER,
    VolumeOptions: { NoCopy: true },
  };
  const { exitCode, stderr } = await runContainer(surroundings, {
    image,
    command: ['sh', '-c', SCRIPT, 'sh', FOLDER],
    environment: {},
    files: {},
    mounts: [volume],
    isOutside: false,
  }).catch((error: unknown) => ({ exitCode: 1, stderr: messageOf(error) }));
  if (exitCode !== 0) {
    throw new UserError(`${server.name}: restic cannot be taken from the image ${image}: ${stderr.trim()}`, {
      hint: 'It has to have restic 0.17 or newer and a shell, as the official one has: "backup.image" in the file names it.',
    });
  }
  return {
    restic: `${FOLDER}/bin/restic`,
    ssh: `${FOLDER}/bin/ssh`,
    // Images of databases know nobody to trust.
    environment: { SSL_CERT_FILE: `${FOLDER}/roots.pem` },
    mounts: [{ ...volume, ReadOnly: true }],
  };
}
