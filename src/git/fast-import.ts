/** Who wrote a commit, and when. */
export interface Signature {
  name: string;
  email: string;
  at: Date;
}

/** A commit to be written. */
export interface CommitDraft {
  /** The commit it follows and whose files it keeps; undefined for one without history. */
  parent: string | undefined;
  message: string;
  /** Path → content of the files that change. */
  files: ReadonlyMap<string, string>;
  /** Paths of files that go; one that is not there is fine. */
  removed?: readonly string[];
}

/** What became of a draft. */
export interface WrittenCommit {
  id: string;
  /** Ids of the files as they were in the parent; undefined for a file that was not there. */
  before: Map<string, string | undefined>;
}

/** Where drafts stand in the scratch repository; fast-import cannot write a commit without a ref. */
const DRAFTS = 'refs/switchyard-draft';

/**
 * importStream returns the input of `git fast-import` that writes all `drafts` and makes it print, for each
 * draft, what stood at each of its paths before, and the new commit's id. Paths must need no quoting:
 * letters, digits, `-`, `_`, `.` and `/`.
 */
export function importStream(drafts: readonly CommitDraft[], signature: Signature): Buffer {
  const parts: string[] = [];
  const who = `${plain(signature.name)} <${plain(signature.email)}> ${Math.floor(signature.at.getTime() / 1000)} +0000`;
  for (const [index, draft] of drafts.entries()) {
    const mark = index + 1;
    if (draft.parent !== undefined) {
      for (const path of draft.files.keys()) parts.push(`ls ${draft.parent} ${path}\n`);
    }
    parts.push(`commit ${DRAFTS}/${mark}\nmark :${mark}\ncommitter ${who}\n`, data(draft.message));
    if (draft.parent !== undefined) parts.push(`from ${draft.parent}\n`);
    for (const [path, content] of draft.files) parts.push(`M 100644 inline ${path}\n`, data(content));
    for (const path of draft.removed ?? []) parts.push(`D ${path}\n`);
    parts.push(`\nget-mark :${mark}\n`);
    // Forgotten again, so that the next draft of this number starts from its own parent.
    parts.push(`reset ${DRAFTS}/${mark}\n\n`);
  }
  parts.push('done\n');
  return Buffer.from(parts.join(''), 'utf8');
}

/** parseImport reads what fast-import printed for `drafts`. It throws when lines are missing. */
export function parseImport(output: string, drafts: readonly CommitDraft[]): WrittenCommit[] {
  const lines = output.split('\n');
  let at = 0;
  return drafts.map((draft) => {
    const before = new Map<string, string | undefined>();
    for (const path of draft.files.keys()) {
      const line = draft.parent === undefined ? '' : (lines[at++] ?? '');
      before.set(path, /^\d{6} blob ([0-9a-f]{40,64})\t/.exec(line)?.[1]);
    }
    const id = lines[at++] ?? '';
    if (!/^[0-9a-f]{40,64}$/.test(id)) throw new Error(`git fast-import printed ${JSON.stringify(output)}`);
    return { id, before };
  });
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text, 'utf8')}\n${text}\n`;
}

/** Names in a signature may hold none of `<`, `>` and line ends. */
function plain(text: string): string {
  return text.replace(/[<>\r\n\0]/g, ' ').trim();
}
