/*
 * What is run for a backup of what a command prints. The texts are fixed: what differs comes by variables and arguments.
 */

/**
 * Has restic run the command. `"$@"` is the command, of so many words as `COMMAND_WORDS` says, and then restic with the options of
 * the target.
 */
export const DUMP = `set -eu
umask 077
job=$PWD
mkdir about
cp about.json about
# stream COMMAND... RESTIC...: the words of the command go to the end.
stream() {
  set -- "$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$DATA_TAGS" \\
    --stdin-filename "$DATA_PATH" --stdin-from-command -- /bin/sh "$job/stream.sh"
  left=$COMMAND_WORDS
  while [ "$left" -gt 0 ]; do
    word=$1
    shift
    set -- "$@" "$word"
    left=$((left - 1))
  done
  "$@"
}
stream "$@" >out/data.json
shift "$COMMAND_WORDS"
cp sha256 out
cp sha256 about
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$ABOUT_TAGS" "$job/about" >out/about.json
"$@" version --json >out/restic.json
`;

/** Runs the command, and takes the SHA-256 of what it prints on the way. How each of the programs ends is looked at. */
export const STREAM = `set -eu
umask 077
mkfifo printed copy
sha256sum <copy >sha256 &
hashing=$!
(cd "$COMMAND_FOLDER" && exec "$@") >printed &
running=$!
tee copy <printed
code=0
wait "$running" || code=$?
wait "$hashing"
if [ "$code" != 0 ]; then
  echo "the command has ended with exit code $code" >&2
  exit 1
fi
read -r digest name <sha256
if [ "$digest" = e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 ]; then
  echo 'the command has printed nothing' >&2
  exit 1
fi
`;

/** Reads all of it back. */
export const VERIFY = `set -eu
umask 077
mkfifo back
sha256sum <back >out/sha256 &
hashing=$!
"$@" dump "$SNAPSHOT" "$DATA_PATH" >back
wait "$hashing"
`;
