/**
 * refspecFor returns a refspec that fetches `ref` to the same name, and that fetches nothing, instead of
 * failing, when the remote has no such ref.
 *
 * git fails on a missing ref that is named exactly, and does not on a pattern without a match. So a star
 * that is meant to stand for nothing is put into the middle of the last component: late enough for the
 * server to announce almost no other ref, and not at the end, where `production*` would take
 * `production2` along. A foreign ref that should match all the same is fetched and never looked at.
 */
export function refspecFor(ref: string): string {
  const last = ref.lastIndexOf('/') + 1;
  const middle = last + Math.ceil((ref.length - last) / 2);
  const pattern = `${ref.slice(0, middle)}*${ref.slice(middle)}`;
  return `+${pattern}:${pattern}`;
}

/** isRefName tells whether git takes `ref` (a subset of git-check-ref-format: printable, nothing to quote). */
export function isRefName(ref: string): boolean {
  return (
    /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(ref) &&
    !/\.\.|\/\/|\/\.|\/-|\.lock(?:\/|$)/.test(ref) &&
    !/[./]$/.test(ref)
  );
}
