import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../model/errors.ts';
import { authorizationSettings, secretsOf } from './authorization.ts';
import { layOutBare } from './bare-repository.ts';
import { type GitObject, parseObjects } from './cat-file.ts';
import { parseSettings, type Setting, settingsBeyond, transportSettings } from './configuration.ts';
import { quietEnvironment, withoutSettings, withSettings } from './environment.ts';
import { checkedOut, remoteFailure } from './failures.ts';
import {
  type CommitDraft,
  importStream,
  parseImport,
  type Signature,
  type WrittenCommit,
} from './fast-import.ts';
import { isRace, parsePushReport } from './push-report.ts';
import { refspecFor } from './ref-pattern.ts';
import { type Remote, resolveRemote } from './remote.ts';
import { type GitOutput, runGit } from './run-git.ts';
import { requireWitness, WITNESS } from './witness.ts';
import { type NoWorkspace, readWorkspace, type Workspace } from './workspace.ts';

/** One ref of a push: from what it must stand at, to what it shall. */
export interface RefMove {
  ref: string;
  /** The commit the remote must have there; undefined when the ref must not exist. */
  expected: string | undefined;
  to: string;
}

/** How a push ended: `raced` holds what the remote said. */
export type PushOutcome = 'moved' | { raced: string };

/** What is needed to open a scratch repository. */
export interface ScratchOptions {
  /** A folder in the repository whose remote is used. */
  workspace: string;
  /** What git says of it, where it was asked already. */
  workspaceFacts?: Promise<Workspace | NoWorkspace> | undefined;
  /** The state branch, for error messages. */
  branch: string;
  token: string | undefined;
  /** The server the token belongs to, `https://github.com` for GitHub itself. */
  serverUrl: string;
  /** The environment git runs in. */
  env: NodeJS.ProcessEnv;
}

/** The remote's name inside the scratch repository. */
const REMOTE = 'switchyard';
/** An address that no rewriting rule of a person matches; a rule of ours turns it into the real one. */
const ALIAS = 'switchyard-remote:';

/** Nothing of a person's habits may reach these calls: no hooks, no signing, no gc, no second ref. */
const OWN_SETTINGS: readonly Setting[] = [
  { key: 'core.hooksPath', value: '/dev/null' },
  // The scratch repository is removed at the end; only the remote's copy must outlive a power cut.
  { key: 'core.fsync', value: 'none' },
  { key: 'core.logAllRefUpdates', value: 'false' },
  // Packs stay packs: one file instead of one an object (30 objects: 5 ms instead of 30).
  { key: 'fastimport.unpackLimit', value: '1' },
  { key: 'fetch.unpackLimit', value: '1' },
  { key: 'fetch.recurseSubmodules', value: 'false' },
  { key: 'fetch.writeCommitGraph', value: 'false' },
  { key: 'gc.auto', value: '0' },
  { key: 'maintenance.auto', value: 'false' },
  { key: 'push.followTags', value: 'false' },
  { key: 'push.gpgSign', value: 'false' },
  { key: 'push.recurseSubmodules', value: 'no' },
  { key: 'submodule.recurse', value: 'false' },
  // A connection that moves less than 1,000 bytes/s for 30 s is dead.
  { key: 'http.lowSpeedLimit', value: '1000' },
  { key: 'http.lowSpeedTime', value: '30' },
];

/**
 * ScratchRepository is a bare git repository in a temporary folder, between us and the remote of a
 * workspace. The workspace's index, work tree, refs and configuration are only read, never changed.
 *
 * Processes and round trips to the remote: open 3 (at once, and 1 where the workspace was seen already) and 0; fetch 1
 * and 1; read 1 and 0, for any number of objects; write 1 and 0, for any number of commits; push 1 and 1. `fast-import`
 * writes a state file, a release and a lease in one process and 6 to 8 ms; hash-object, mktree (one a level of
 * folders) and commit-tree took eight processes and 32 to 47 ms (measured side by side).
 */
export class ScratchRepository {
  readonly remote: Remote;
  /** `sha1` or `sha256`: how this repository names its objects. */
  readonly objectFormat: string;
  readonly #directory: string;
  readonly #cwd: string;
  readonly #env: Record<string, string>;
  readonly #branch: string;
  readonly #secrets: readonly string[];
  #isClosed = false;

  private constructor(fields: {
    remote: Remote;
    objectFormat: string;
    directory: string;
    cwd: string;
    env: Record<string, string>;
    branch: string;
    secrets: readonly string[];
  }) {
    this.remote = fields.remote;
    this.objectFormat = fields.objectFormat;
    this.#directory = fields.directory;
    this.#cwd = fields.cwd;
    this.#env = fields.env;
    this.#branch = fields.branch;
    this.#secrets = fields.secrets;
  }

  /**
   * open makes the scratch repository. It throws a UserError when git is missing or too old, or when the
   * workspace is in no git repository.
   */
  static async open(options: ScratchOptions): Promise<ScratchRepository> {
    // The runner empties its own temporary folder, also after a run that was killed.
    const parent = options.env.RUNNER_TEMP || tmpdir();
    const directory = await mkdtemp(join(parent, 'switchyard-git-'));
    try {
      return await ScratchRepository.#openIn(directory, options);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  static async #openIn(directory: string, options: ScratchOptions): Promise<ScratchRepository> {
    const env = quietEnvironment(options.env);
    const scratchEnv = { ...withoutSettings(env), GIT_DIR: directory };
    await layOutBare(directory, 'sha1');
    const [found, base] = await Promise.all([
      options.workspaceFacts ?? readWorkspace(options),
      runGit(['config', '--list', '--null', '--includes'], {
        cwd: options.workspace,
        env: withSettings(scratchEnv, [WITNESS]),
      }),
    ]);
    if ('complaint' in found) throw noRepository(options.workspace, found.complaint);
    const { objectFormat, settings, commonDir, top } = found;
    const baseSettings = parseSettings(base.stdout.toString());
    requireWitness(baseSettings);
    if (objectFormat !== 'sha1') await layOutBare(directory, objectFormat);

    const remote = resolveRemote(settings, commonDir, { token: options.token, serverUrl: options.serverUrl });
    return new ScratchRepository({
      remote,
      objectFormat,
      directory,
      // Relative addresses and key files in the configuration count from the top of the work tree.
      cwd: top ?? options.workspace,
      branch: options.branch,
      secrets: remote.authorization === undefined ? [] : secretsOf(remote.authorization),
      env: withSettings(scratchEnv, [
        ...OWN_SETTINGS,
        ...transportSettings(settingsBeyond(settings, baseSettings), remote.name, REMOTE),
        { key: `remote.${REMOTE}.url`, value: ALIAS },
        { key: `url.${remote.url}.insteadOf`, value: ALIAS },
        ...authorizationSettings(remote),
      ]),
    });
  }

  /**
   * fetch brings the newest commit of each of `refs`; a ref that the remote does not have is absent here
   * afterwards. It throws a UserError when the remote cannot be read.
   */
  async fetch(refs: readonly string[]): Promise<void> {
    const { exitCode, stderr } = await this.#git([
      'fetch',
      '--quiet',
      '--depth=1',
      '--prune',
      '--no-tags',
      '--no-write-fetch-head',
      '--no-auto-maintenance',
      REMOTE,
      ...refs.map(refspecFor),
    ]);
    // With --depth, git ends with 1 and no word when the remote has none of the refs.
    if (exitCode === 0 || (exitCode === 1 && !/^(?:fatal|error):/m.test(stderr))) return;
    throw remoteFailure({ kind: 'read', url: this.remote.url, branch: this.#branch }, this.#redact(stderr));
  }

  /**
   * read returns the objects of `names` (`<ref>`, `<commit>:<path>`) from what was fetched or written here,
   * in their order; undefined for a name that stands for nothing. Names hold no line end.
   */
  async read(names: readonly string[]): Promise<readonly (GitObject | undefined)[]> {
    if (names.length === 0) return [];
    const output = await this.#git(['cat-file', '--batch'], Buffer.from(`${names.join('\n')}\n`, 'utf8'));
    if (output.exitCode !== 0) throw new Error(`git cat-file failed: ${output.stderr}`);
    return parseObjects(output.stdout, names.length);
  }

  /** write makes a commit of each draft, in the scratch repository only. */
  async write(drafts: readonly CommitDraft[], signature: Signature): Promise<WrittenCommit[]> {
    const output = await this.#git(
      ['fast-import', '--quiet', '--done', '--force'],
      importStream(drafts, signature),
    );
    if (output.exitCode !== 0) throw new Error(`git fast-import failed: ${output.stderr}`);
    return parseImport(output.stdout.toString(), drafts);
  }

  /**
   * push moves all refs of `moves`, or none. It returns `raced` when some ref no longer stands
   * where it was expected, or its lock was taken. It throws a UserError when the remote refuses or is not reached;
   * then the moves may have happened all the same (a connection lost at the end), and a fetch tells.
   */
  async push(moves: readonly RefMove[]): Promise<PushOutcome> {
    const output: GitOutput = await this.#git([
      'push',
      '--porcelain',
      '--atomic',
      '--no-verify',
      ...moves.map(({ ref, expected }) => `--force-with-lease=${ref}:${expected ?? ''}`),
      REMOTE,
      ...moves.map(({ ref, to }) => `${to}:${ref}`),
    ]);
    if (output.exitCode === 0) return 'moved';
    const reports = parsePushReport(output.stdout.toString());
    if (reports.some(({ summary }) => summary.includes('branch is currently checked out'))) {
      throw checkedOut(this.#branch);
    }
    const rejected = reports.filter((report) => !report.isAccepted).map((report) => report.summary);
    const said = [output.stderr, ...rejected].join('\n');
    if (isRace(reports, output.stderr)) return { raced: said };
    throw this.refused(said);
  }

  /** refused returns the UserError for a push to which the remote said `said`. */
  refused(said: string): UserError {
    return remoteFailure({ kind: 'write', url: this.remote.url, branch: this.#branch }, this.#redact(said));
  }

  /** close removes the folder. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #git(args: readonly string[], input?: Buffer): Promise<GitOutput> {
    if (this.#isClosed) throw new Error('the scratch repository is closed');
    return runGit(args, { cwd: this.#cwd, env: this.#env, ...(input === undefined ? {} : { input }) });
  }

  #redact(text: string): string {
    return this.#secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), text);
  }
}

function noRepository(workspace: string, stderr: string): UserError {
  if (stderr.includes('dubious ownership')) {
    return new UserError(`the repository ${workspace} belongs to another user, and git will not read it`, {
      hint: `Trust it with \`git config --global --add safe.directory ${workspace}\`.`,
    });
  }
  return new UserError(`${workspace} is in no git repository`, {
    hint: 'State is kept on a git branch: run actions/checkout before this step, or `git init`.',
  });
}
