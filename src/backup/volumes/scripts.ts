/*
 * What is run in the image of restic for files of volumes. The texts are fixed: what differs comes by variables. `"$@"` is
 * restic with the options of the target.
 */

/**
 * Has restic read all files. What it could not read, since the service has just removed it, would be missing: such a snapshot
 * goes at once, and another one is tried.
 */
export const DUMP = `set -eu
umask 077
mkdir about
cp about.json about
tries=0
while :; do
  code=0
  "$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$DATA_TAGS" "$DATA_PATH" >out/data.json 2>errors || code=$?
  [ "$code" != 0 ] || break
  cat errors >&2
  # Any other code leaves no snapshot.
  [ "$code" = 3 ] || exit 1
  half=$(sed -n 's/.*"snapshot_id":"\\([0-9a-f]*\\)".*/\\1/p' out/data.json)
  [ -z "$half" ] || "$@" forget "$half" >forgotten
  tries=$((tries + 1))
  if [ "$tries" = 3 ]; then
    echo 'files were changed while they were read, three times: have the service stop meanwhile, stop: true' >&2
    exit 1
  fi
done
cp out/data.json about/data.json
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$ABOUT_TAGS" "$PWD/about" >out/about.json
"$@" version --json >out/restic.json
`;

/**
 * Brings all files back below a folder, and counts them. restic reads what it has written once more, and compares it with the
 * SHA-256 that it had when the files were read in the first place.
 */
export const RESTORE = `set -eu
umask 077
job=$PWD
"$@" restore "$SNAPSHOT:$DATA_PATH" --target "$RESTORED" --verify --quiet >restore.log
cd "$RESTORED"
find . -type f -exec stat -c %s {} + >"$job/sizes"
files=0
bytes=0
while read -r size; do
  files=$((files + 1))
  bytes=$((bytes + size))
done <"$job/sizes"
echo "$files $bytes" >"$job/out/counted"
`;
