import * as z from 'zod';
import type { BackupReceipt, RestoreReceipt } from '../model/backup.ts';
import type { Scope } from '../model/names.ts';
import type { EnvironmentState, Release } from '../model/release.ts';
import { type FilePlace, parseJson } from './json-file.ts';
import type { Lease } from './lease.ts';
import { parseSealed, type SealedSecrets, sealedPath } from './sealed-secrets.ts';
import {
  receiptsFolder,
  releasePath,
  releasesFolder,
  restoresFolder,
  type StateBranch,
} from './state-branch.ts';

/**
 * A release is written once, by us, and never changed: its frame is checked, and the specs inside are
 * taken as they were written.
 */
const releaseFrame = z.looseObject({
  schema: z.literal(1),
  project: z.string(),
  environment: z.string(),
  service: z.string(),
  number: z.int().positive(),
  protocol: z.string().optional(),
  port: z.int().optional(),
  container: z.looseObject({ image: z.string() }),
  route: z.looseObject({}),
  policy: z.looseObject({}),
});

/** Snapshot is what was recorded of an environment at one commit of the state branch. */
export class Snapshot {
  /** Empty when nothing was recorded yet. */
  readonly state: EnvironmentState;
  /** The commit of the state branch; undefined when there is no branch. */
  readonly commit: string | undefined;
  /** The lease as it stood then, also a released one; undefined when it was never taken. */
  readonly lease: Lease | undefined;
  readonly #scope: Scope;
  readonly #branch: StateBranch;
  #asked: { path: string; answer: (text: Promise<string | undefined>) => void }[] = [];

  constructor(fields: {
    state: EnvironmentState;
    commit: string | undefined;
    lease: Lease | undefined;
    scope: Scope;
    branch: StateBranch;
  }) {
    this.state = fields.state;
    this.commit = fields.commit;
    this.lease = fields.lease;
    this.#scope = fields.scope;
    this.#branch = fields.branch;
  }

  /**
   * release returns a release as it was written, or undefined. Releases asked for together (Promise.all)
   * cost one process, and no round trip. It throws a UserError when the file is damaged or too new.
   */
  async release(service: string, number: number): Promise<Release | undefined> {
    const path = releasePath(this.#scope, service, number);
    const text = await this.#file(path);
    return text === undefined ? undefined : parseRelease(text, { ref: this.#branch.name, path });
  }

  /** sealedSecrets returns the encrypted copies of generated secrets, by name. It throws like `release`. */
  async sealedSecrets(): Promise<SealedSecrets> {
    const path = sealedPath(this.#scope);
    const text = await this.#file(path);
    return text === undefined ? {} : parseSealed(text, { ref: this.#branch.name, path });
  }

  /** releaseNumbers returns the numbers of the releases of a service that are kept, the lowest first: one process. */
  async releaseNumbers(service: string): Promise<number[]> {
    if (this.commit === undefined) return [];
    const names = await this.#branch.list(this.commit, releasesFolder(this.#scope, service));
    return names
      .flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** releases returns all releases of a service that are kept, the lowest number first. It throws like `release`. */
  async releases(service: string): Promise<Release[]> {
    const numbers = await this.releaseNumbers(service);
    const found = await Promise.all(numbers.map((number) => this.release(service, number)));
    return found.filter((release) => release !== undefined);
  }

  /** receipts returns the receipts of a service's backups, the oldest first: two processes. It throws like `release`. */
  async receipts(service: string): Promise<BackupReceipt[]> {
    const files = await this.#filesOf(receiptsFolder(this.#scope, service));
    return files.map(({ text, place }) => parseReceipt(text, place));
  }

  /** restores returns the restores of a service that may have left something, as `receipts` does. */
  async restores(service: string): Promise<RestoreReceipt[]> {
    const files = await this.#filesOf(restoresFolder(this.#scope, service));
    return files.map(({ text, place }) => parseRestore(text, place));
  }

  async #filesOf(folder: string): Promise<{ text: string; place: FilePlace }[]> {
    if (this.commit === undefined) return [];
    const names = await this.#branch.list(this.commit, folder);
    const paths = names
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => `${folder}/${name}`);
    if (paths.length === 0) return [];
    const texts = await this.#branch.files(this.commit, paths);
    return paths.flatMap((path, index) => {
      const text = texts[index];
      return text === undefined ? [] : [{ text, place: { ref: this.#branch.name, path } }];
    });
  }

  async #file(path: string): Promise<string | undefined> {
    if (this.commit === undefined) return undefined;
    return await new Promise((resolve) => {
      this.#asked.push({ path, answer: resolve });
      if (this.#asked.length === 1) queueMicrotask(() => this.#answer());
    });
  }

  #answer(): void {
    const asked = this.#asked;
    this.#asked = [];
    const texts = this.#branch.files(
      this.commit ?? '',
      asked.map(({ path }) => path),
    );
    for (const [index, { answer }] of asked.entries()) answer(texts.then((all) => all[index]));
  }
}

function parseRelease(text: string, place: FilePlace): Release {
  return parseJson(text, place, releaseFrame, 1) as unknown as Release;
}

/** As of a release, the frame is checked: whoever edits one by hand is told. */
const receiptFrame = z.looseObject({
  schema: z.literal(1),
  service: z.string(),
  id: z.string(),
  server: z.string(),
  content: z.string(),
  began_at: z.iso.datetime(),
  snapshot: z.string(),
  facts: z.looseObject({ rows: z.record(z.string(), z.number()) }),
  verified: z.looseObject({ at: z.iso.datetime(), took_ms: z.number() }).optional(),
});

function parseReceipt(text: string, place: FilePlace): BackupReceipt {
  return parseJson(text, place, receiptFrame, 1) as unknown as BackupReceipt;
}

const restoreFrame = z.looseObject({
  schema: z.literal(1),
  service: z.string(),
  id: z.string(),
  server: z.string(),
  backup: z.string(),
  kept: z.string().optional(),
  kept_until: z.iso.datetime(),
  done_at: z.iso.datetime().optional(),
});

function parseRestore(text: string, place: FilePlace): RestoreReceipt {
  return parseJson(text, place, restoreFrame, 1) as unknown as RestoreReceipt;
}
