import { EngineError } from '../../../src/docker/http.ts';
import { transferredName } from '../../../src/model/transferred-image.ts';
import type { LayoutImage } from '../../../src/registry/layout.ts';
import { type App, type Behaviour, fullName, type Image, makeImage, repositoryOf } from './image.ts';

/** Where images come from: a registry that gives digests, one that gives none, or somebody who loads them by hand. */
export type ImageSource = 'digests' | 'plain' | 'by hand';

/** What is known of an image that is built. */
interface BuiltFacts {
  labels?: Record<string, string>;
  bytes?: number;
}

/** The version of nginx in images of that name. */
const NGINX_VERSION = '1.30.6';

/**
 * Registry knows what every name of an image means right now. A name that nobody has spoken of is a good app, and
 * `nginx` with any tag is nginx.
 */
export class Registry {
  readonly source: ImageSource;
  readonly #now: () => number;
  readonly #images = new Map<string, Image>();
  readonly #byDigest = new Map<string, Image>();
  readonly #missing = new Set<string>();
  readonly #layouts = new Map<string, LayoutImage>();
  readonly #revisions = new Map<string, number>();

  constructor(source: ImageSource, now: () => number) {
    this.source = source;
    this.#now = now;
  }

  /** define says how the app of an image behaves: from now on its name means this image. */
  define(name: string, app: App, labels: Record<string, string> = {}): void {
    this.#put(name, { runs: 'app', app }, labels);
  }

  /** defineNginx says which nginx is in an image. */
  defineNginx(name: string, version: string): void {
    this.#put(name, { runs: 'nginx', version }, {});
  }

  /**
   * build makes an image of no registry on the machine of the run, and returns the name that servers have for it. It weighs
   * `bytes`.
   */
  build(repository: string, app: App, { labels = {}, bytes = 1_000 }: BuiltFacts = {}): string {
    const revision = (this.#revisions.get(repository) ?? 0) + 1;
    this.#revisions.set(repository, revision);
    const image = makeImage(`${repository} built ${revision}`, {
      behaviour: { runs: 'app', app },
      labels,
      createdAt: this.#now(),
      hasDigest: true,
    });
    this.#byDigest.set(image.digest!, image);
    this.#layouts.set(image.digest!, layoutOf(image, bytes));
    return transferredName(`${repository}@${image.digest}`)!;
  }

  /** layouts are the images that the machine of a run has for servers. */
  get layouts(): { find(digest: string): Promise<LayoutImage | undefined> } {
    return { find: async (digest) => this.#layouts.get(digest) };
  }

  /** forgetBuilt is another job, on another machine. */
  forgetBuilt(): void {
    this.#layouts.clear();
  }

  /** move lets a name mean another image from now on, which does the same. */
  move(name: string): void {
    const { behaviour, labels } = this.find(name);
    this.#put(name, behaviour, labels);
  }

  /** drop lets a registry forget an image. */
  drop(name: string): void {
    this.#missing.add(fullName(name));
  }

  /** find returns what a name means, loaded by hand or pulled. */
  find(name: string): Image {
    const full = fullName(name);
    const digest = full.split('@')[1];
    const known = digest === undefined ? this.#images.get(full) : this.#byDigest.get(digest);
    if (known !== undefined) return known;
    if (digest !== undefined) throw manifestUnknown(full);
    const isNginx = repositoryOf(full).split('/').at(-1) === 'nginx';
    return this.#put(
      full,
      isNginx ? { runs: 'nginx', version: NGINX_VERSION } : { runs: 'app', app: {} },
      {},
    );
  }

  /** pull returns what a name means; it throws an EngineError when there is nothing to pull. */
  pull(name: string): Image {
    const full = fullName(name);
    if (this.source === 'by hand' || this.#missing.has(full)) throw manifestUnknown(full);
    return this.find(full);
  }

  #put(name: string, behaviour: Behaviour, labels: Record<string, string>): Image {
    const full = fullName(name);
    const revision = (this.#revisions.get(full) ?? 0) + 1;
    this.#revisions.set(full, revision);
    this.#missing.delete(full);
    const hasDigest = this.source === 'digests';
    const image = makeImage(`${full} ${revision}`, { behaviour, labels, createdAt: this.#now(), hasDigest });
    this.#images.set(full, image);
    if (image.digest !== undefined) this.#byDigest.set(image.digest, image);
    return image;
  }
}

/** Nobody reads what is in it. */
function layoutOf({ id, digest, labels }: Image, size: number): LayoutImage {
  const blob = { digest: id, mediaType: 'application/vnd.oci.image.layer.v1.tar', size, path: '/nowhere' };
  const layers = [{ ...blob, diffId: id }];
  const platforms = [{ platform: 'linux/amd64', config: blob, labels, layers }];
  return { digest: digest!, manifests: new Map(), blobs: new Map([[id, blob]]), platforms };
}

function manifestUnknown(name: string): EngineError {
  return new EngineError(404, `manifest for ${name} not found: manifest unknown: manifest unknown`);
}
