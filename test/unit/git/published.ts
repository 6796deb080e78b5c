import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a commit has at its paths: a text, a link, a program, or nothing any more. */
export type Files = Record<string, string | { link: string } | { program: string } | undefined>;

/** A repository that others read: a bare one, and a work tree from which it gets its commits. */
export class Published {
  readonly bare: string;
  readonly #tree: string;

  /** Makes an empty one at `<root>/<name>.git`. */
  constructor(root: string, name: string) {
    this.bare = join(root, `${name}.git`);
    this.#tree = join(root, `${name}.tree`);
    execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', this.bare]);
    mkdirSync(this.#tree, { recursive: true });
    this.git('init', '--quiet', '--initial-branch=main');
    this.git('config', 'user.name', 'Test');
    this.git('config', 'user.email', 'test@example.com');
    this.git('config', 'commit.gpgSign', 'false');
  }

  git(...args: string[]): string {
    return execFileSync('git', args, {
      cwd: this.#tree,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  }

  /** commit changes files, publishes that on a branch, and returns the commit. */
  commit(files: Files, branch = 'main'): string {
    for (const [path, content] of Object.entries(files)) {
      const place = join(this.#tree, path);
      rmSync(place, { force: true });
      if (content === undefined) continue;
      mkdirSync(dirname(place), { recursive: true });
      if (typeof content === 'string') writeFileSync(place, content);
      else if ('link' in content) symlinkSync(content.link, place);
      else {
        writeFileSync(place, content.program);
        chmodSync(place, 0o755);
      }
    }
    this.git('add', '--all', '--force');
    this.git('commit', '--quiet', '--allow-empty', '--message', 'Another version');
    return this.publish(branch);
  }

  /** publish makes a branch of what was committed last, and returns that commit. */
  publish(branch: string): string {
    this.git('push', '--quiet', '--force', this.bare, `HEAD:refs/heads/${branch}`);
    return this.git('rev-parse', 'HEAD');
  }

  tag(name: string, ...args: string[]): void {
    this.git('tag', ...args, name);
    this.git('push', '--quiet', this.bare, `refs/tags/${name}`);
  }

  /** embed makes another repository part of this one, as a submodule at a commit, and returns the new commit. */
  embed(path: string, url: string, commit: string): string {
    const section = `submodule.${path}`;
    this.git('config', '--file', '.gitmodules', `${section}.path`, path);
    this.git('config', '--file', '.gitmodules', `${section}.url`, url);
    this.git('add', '.gitmodules');
    const entries = this.git('ls-tree', '-z', this.git('write-tree'));
    const tree = treeWith(this, path.split('/'), commit, entries);
    return this.#commitTree(tree);
  }

  /** commitRaw publishes a commit with one file of this name, also one that git itself would not write. */
  commitRaw(name: string): string {
    const blob = this.hash('blob', Buffer.from('x'));
    return this.#commitTree(this.tree([{ mode: '100644', name, id: blob }]));
  }

  /** tree writes a tree as it is told to. */
  tree(entries: { mode: string; name: string; id: string }[]): string {
    const rows = entries.map(({ mode, name, id }) =>
      Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]),
    );
    return this.hash('tree', Buffer.concat(rows));
  }

  hash(type: string, content: Buffer): string {
    const args = ['hash-object', '-t', type, '-w', '--literally', '--stdin'];
    return execFileSync('git', args, { cwd: this.#tree, input: content, encoding: 'utf8' }).trim();
  }

  #commitTree(tree: string): string {
    const parent = execFileSync('git', ['rev-list', '--all', '--max-count=1'], {
      cwd: this.#tree,
      encoding: 'utf8',
    }).trim();
    const commit = this.git('commit-tree', tree, '-m', 'Raw', ...(parent === '' ? [] : ['-p', parent]));
    this.git('push', '--quiet', '--force', this.bare, `${commit}:refs/heads/main`);
    return commit;
  }
}

/** A tree with a commit at a path, beside what is there, whatever git thinks of the path. */
function treeWith(repository: Published, path: string[], commit: string, listing: string): string {
  const [name = '', ...below] = path;
  const entries = listing
    .split('\0')
    .filter((row) => row !== '')
    .map((row) => {
      const [, mode = '', id = '', entry = ''] = /^(\d+) \w+ ([0-9a-f]+)\t(.*)$/s.exec(row) ?? [];
      return { mode: mode.replace(/^0/, ''), name: entry, id };
    });
  const own =
    below.length === 0
      ? { mode: '160000', name, id: commit }
      : { mode: '40000', name, id: treeWith(repository, below, commit, '') };
  return repository.tree([...entries, own].sort((a, b) => (a.name < b.name ? -1 : 1)));
}
