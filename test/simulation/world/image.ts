import { createHash } from 'node:crypto';
import { EngineError } from '../../../src/docker/http.ts';
import type { HttpAnswer, HttpRequest } from './container.ts';

/** A command of an image: a hook, or a health check. */
export interface Command {
  /** Until it ends; Infinity never does. Default 20. */
  takesMs?: number;
  /** Default 0. */
  exitCode?: number;
  /** What it prints. */
  says?: string;
}

/** How the app of an image behaves. What is left out is what a good app does. */
export interface App {
  /** From its start until it listens. Default 100. */
  bootMs?: number;
  /** Where it listens; default: on the ports that its container exposes. */
  port?: number;
  /** Where no other container reaches it, and what the kernel calls that: it listens there instead. */
  listensOn?: '127.0.0.1' | '::1' | 'IPv6';
  /** Ports that its image exposes, as EXPOSE does. */
  exposes?: number[];
  /** What it answers over HTTP. Default 200; 503 is an app that never gets healthy. */
  status?: number;
  /** It answers so, whatever `status` says; undefined is what it answers else. */
  answers?: (request: HttpRequest) => HttpAnswer | undefined;
  /** After its start it ends by itself. */
  crashesAfterMs?: number;
  /** With this exit code. Default 1. */
  exitCode?: number;
  /** How much of its memory it uses. Default 0.1. */
  memoryRatio?: number;
  /** From its stop signal until it ends; Infinity ignores it. Default 20. */
  stopMs?: number;
  /** It answers to the server itself, and to no other container: nginx does not reach it. */
  refusesPeers?: boolean;
  /** What it prints when it starts. */
  says?: string[];
  /** What other commands than its own come to, by their words with spaces between. */
  commands?: Record<string, Command>;
  /** The HEALTHCHECK of its image, which is one of `commands`. */
  healthcheck?: string[];
  /** The times of its HEALTHCHECK in nanoseconds, as the engine tells them. */
  healthTimes?: { Interval?: number; Timeout?: number; Retries?: number; StartPeriod?: number };
  environment?: Record<string, string>;
}

/** What an image runs: an app, or nginx. */
export type Behaviour = { runs: 'app'; app: App } | { runs: 'nginx'; version: string };

/** Image is what a name of an image meant at some time. */
export interface Image {
  id: string;
  behaviour: Behaviour;
  labels: Record<string, string>;
  createdAt: number;
  /** By which a registry knows it; undefined where it gives none. */
  digest: string | undefined;
}

/** makeImage returns an image; `content` tells it from others. */
export function makeImage(
  content: string,
  facts: { behaviour: Behaviour; createdAt: number; hasDigest: boolean; labels?: Record<string, string> },
): Image {
  const { behaviour, createdAt, hasDigest, labels = {} } = facts;
  const hash = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const digest = hasDigest ? hash(`manifest of ${content}`) : undefined;
  return { id: hash(content), behaviour, createdAt, labels, digest };
}

/** fullName returns an image's name as the engine keeps it: with a tag, and Docker Hub's in short. */
export function fullName(name: string): string {
  const short = name.replace(/^(?:index\.)?docker\.io\//, '').replace(/^library\//, '');
  return /[:@][^/]*$/.test(short) ? short : `${short}:latest`;
}

/** repositoryOf returns an image's name without tag and digest. */
export function repositoryOf(name: string): string {
  return fullName(name)
    .replace(/@.*$/, '')
    .replace(/:[^/:]*$/, '');
}

/** ImageStore is the images that lie on a server. */
export class ImageStore {
  /** Images by their names with tags. */
  readonly #tags = new Map<string, Image>();
  /** Repositories under which an image was pulled by digest, by its id. */
  readonly #repositories = new Map<string, Set<string>>();
  readonly #images = new Map<string, Image>();

  /** add puts an image there under a name, which means nothing else any more. */
  add(name: string, image: Image): void {
    const full = fullName(name);
    this.#images.set(image.id, image);
    if (!full.includes('@')) this.#tags.set(full, image);
    if (image.digest === undefined) return;
    const repositories = this.#repositories.get(image.id) ?? new Set();
    this.#repositories.set(image.id, repositories.add(repositoryOf(name)));
  }

  /** tag gives an image that is there a further name with a tag. */
  tag(image: Image, name: string): void {
    this.#tags.set(fullName(name), image);
  }

  /** find returns an image by name, by digest or by id. */
  find(name: string): Image | undefined {
    if (name.startsWith('sha256:')) return this.#images.get(name);
    const digest = name.split('@')[1];
    if (digest === undefined) return this.#tags.get(fullName(name));
    const repository = repositoryOf(name);
    return [...this.#images.values()].find(
      (image) => image.digest === digest && this.#repositories.get(image.id)?.has(repository),
    );
  }

  /** namesOf returns the names with tags of an image. */
  namesOf(image: Image): string[] {
    return [...this.#tags].flatMap(([name, one]) => (one === image ? [name] : []));
  }

  /** digestsOf returns the names with digests of an image. */
  digestsOf(image: Image): string[] {
    return [...(this.#repositories.get(image.id) ?? [])].map((repository) => `${repository}@${image.digest}`);
  }

  /** all returns the images there are. */
  all(): Image[] {
    return [...this.#images.values()];
  }

  /** untag takes a name away by force: an image that a container needs stays, and is known by its id alone. */
  untag(name: string): void {
    this.#tags.delete(fullName(name));
  }

  /**
   * remove takes a name away, and the image with its last one; by its id both. `isUsed` tells whether a container needs
   * it. It throws an EngineError where the engine refuses.
   */
  remove(name: string, isUsed: (image: Image) => boolean): void {
    const image = this.find(name);
    if (image === undefined) throw new EngineError(404, `No such image: ${fullName(name)}`);
    const names = this.namesOf(image);
    const isById = name.startsWith('sha256:');
    const short = image.id.slice('sha256:'.length, 'sha256:'.length + 12);
    const repositories = new Set([...names, ...this.digestsOf(image)].map(repositoryOf));
    if (name.includes('@') && names.length + this.digestsOf(image).length > 1) {
      this.#repositories.get(image.id)?.delete(repositoryOf(name));
      return;
    }
    if (isById && repositories.size > 1)
      throw new EngineError(
        409,
        `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
      );
    if (isUsed(image) && (isById || names.length <= 1))
      throw new EngineError(
        409,
        isById
          ? `conflict: unable to delete ${short} (cannot be forced) - image is being used by running container`
          : `conflict: unable to remove repository reference "${name}" (must force) - container is using its referenced image ${short}`,
      );
    for (const one of isById ? names : [fullName(name)]) this.#tags.delete(one);
    if (this.namesOf(image).length > 0) return;
    this.#images.delete(image.id);
    this.#repositories.delete(image.id);
  }
}
