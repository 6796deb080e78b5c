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
    return execFileSync('git', args, { cwd: this.#tree, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
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
}
