import { messageOf, UserError } from '../model/errors.ts';
import { repositoryOf } from '../model/image-name.ts';
import { registryRefusal, unreachable } from './failure.ts';
import { type ImageReference, parseReference } from './reference.ts';

/** Who somebody is at a registry. */
export interface Login {
  username: string;
  password: string;
}

/** What is in a manifest: layers, or manifests of several platforms. */
interface ManifestBody {
  config?: { digest: string };
  layers?: { size: number }[];
  manifests?: { digest: string; platform?: { os?: string } }[];
}

/** A request is given up after this. */
const TIMEOUT_MS = 20_000;

/** All kinds that an engine pulls, the lists of several platforms first. */
const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** What a registry may be asked to let one do. */
type Scope = 'pull' | 'pull,push' | 'pull,delete';

/** RegistryClient asks registries for what they have, by the OCI distribution specification. */
export class RegistryClient {
  readonly #loginFor: (image: string) => Promise<Login | undefined>;
  readonly #signal: AbortSignal;
  /** What a registry wants to see, by path and scope. */
  readonly #authorizations = new Map<string, string>();
  /** Whoever does not answer is not asked again, and is told of once. */
  readonly #silent = new Map<string, UserError>();

  /** `loginFor` returns the login for the registry of an image; undefined is nobody. */
  constructor(loginFor: (image: string) => Promise<Login | undefined>, signal: AbortSignal) {
    this.#loginFor = loginFor;
    this.#signal = signal;
  }

  /** digestOf returns the digest of an image by its name; undefined where the registry has none. It throws a UserError otherwise. */
  async digestOf(image: string): Promise<string | undefined> {
    const answer = await this.#ask('HEAD', image, 'pull', { headers: { accept: MANIFESTS } });
    if (answer.status === 404) return undefined;
    return answer.headers.get('docker-content-digest') ?? undefined;
  }

  /**
   * imageDigestOf returns the digest of the image behind a name: where that is a list of one image and what is said of it,
   * the image's own; else as {@link digestOf}. A list whose image has left the registry is none.
   */
  async imageDigestOf(image: string): Promise<string | undefined> {
    const answer = await this.#ask('GET', image, 'pull', { headers: { accept: MANIFESTS } });
    if (!answer.ok) return undefined;
    const images = imagesIn((await answer.json()) as ManifestBody);
    if (images.length === 1) return await this.digestOf(`${repositoryOf(image)}@${images[0]!.digest}`);
    return answer.headers.get('docker-content-digest') ?? undefined;
  }

  /** listWith returns the digest of the list behind a name that has this image, by its digest; undefined where there is none. */
  async listWith(name: string, imageDigest: string): Promise<string | undefined> {
    const answer = await this.#ask('GET', name, 'pull', { headers: { accept: MANIFESTS } });
    if (!answer.ok) return undefined;
    const { manifests = [] } = (await answer.json()) as ManifestBody;
    const isThere = manifests.some(({ digest }) => digest === imageDigest);
    return isThere ? (answer.headers.get('docker-content-digest') ?? undefined) : undefined;
  }

  /** sizeOf returns what the layers of an image weigh in its registry, in bytes; of several platforms those of the first. */
  async sizeOf(image: string): Promise<number | undefined> {
    const { layers } = await this.#firstManifest(image);
    return layers?.reduce((sum, { size }) => sum + size, 0);
  }

  /** labelsOf returns the labels of an image, of several platforms those of the first; undefined where there is none. */
  async labelsOf(image: string): Promise<Record<string, string> | undefined> {
    const { config } = await this.#firstManifest(image);
    if (config === undefined) return undefined;
    const answer = await this.#ask(
      'GET',
      image,
      'pull',
      { headers: {} },
      { kind: 'blobs', reference: config.digest },
    );
    if (!answer.ok) return undefined;
    const told = (await answer.json()) as { config?: { Labels?: Record<string, string> | null } };
    return told.config?.Labels ?? {};
  }

  async #firstManifest(image: string): Promise<ManifestBody> {
    const found = await this.#manifest(image);
    const [first] = imagesIn(found);
    return first === undefined ? found : await this.#manifest(`${repositoryOf(image)}@${first.digest}`);
  }

  async #manifest(image: string): Promise<ManifestBody> {
    const answer = await this.#ask('GET', image, 'pull', { headers: { accept: MANIFESTS } });
    return answer.ok ? ((await answer.json()) as ManifestBody) : {};
  }

  /** tag gives an image of a registry a further tag there. It throws a UserError where that is refused. */
  async tag(image: string, tag: string): Promise<void> {
    const found = await this.#ask('GET', image, 'pull', { headers: { accept: MANIFESTS } });
    if (found.status === 404)
      throw new UserError(`${image} has left its registry meanwhile`, { hint: 'Run again.' });
    const headers = { 'content-type': found.headers.get('content-type') ?? '' };
    const body = Buffer.from(await found.arrayBuffer());
    await this.#ask('PUT', image, 'pull,push', { headers, body }, { kind: 'manifests', reference: tag });
  }

  /**
   * remove takes an image by its digest out of its registry, with all its tags; one that is not there is fine. It throws a
   * UserError where that is refused: many registries have another API for it.
   */
  async remove(image: string): Promise<void> {
    await this.#ask('DELETE', image, 'pull,delete', { headers: {} });
  }

  /** Everything but 404 that is no good answer is thrown. */
  async #ask(
    method: 'HEAD' | 'GET' | 'PUT' | 'DELETE',
    image: string,
    scope: Scope,
    request: { headers: Record<string, string>; body?: Buffer },
    what?: { kind: 'manifests' | 'blobs'; reference: string },
  ): Promise<Response> {
    const place = parseReference(image);
    const { origin, path, host } = place;
    const { kind, reference } = what ?? { kind: 'manifests', reference: place.reference };
    const url = `${origin}/v2/${path}/${kind}/${reference}`;
    const key = `${origin}/${path} ${scope}`;
    const send = (authorization: string | undefined) =>
      this.#send(host, url, {
        method,
        headers: { ...request.headers, ...(authorization !== undefined && { authorization }) },
        ...(request.body && { body: new Uint8Array(request.body) }),
      });
    let answer = await send(this.#authorizations.get(key));
    if (answer.status === 401) {
      const authorization = await this.#authorize(
        image,
        place,
        scope,
        answer.headers.get('www-authenticate') ?? '',
      );
      if (authorization !== undefined) {
        this.#authorizations.set(key, authorization);
        answer = await send(authorization);
      }
    }
    if (answer.ok || answer.status === 404) return answer;
    const isLoggedIn = (await this.#loginFor(image)) !== undefined;
    throw registryRefusal({ host, image, status: answer.status, text: await answer.text(), isLoggedIn });
  }

  /** What a registry wants to see: a name and a password, or a token that another address gives for them. */
  async #authorize(
    image: string,
    { host, path }: ImageReference,
    scope: Scope,
    challenge: string,
  ): Promise<string | undefined> {
    const login = await this.#loginFor(image);
    const basic = login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
    if (/^basic\b/i.test(challenge)) return basic;
    const parameters = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
    );
    if (!/^bearer\b/i.test(challenge) || parameters.realm === undefined) return undefined;
    const url = new URL(parameters.realm);
    if (parameters.service !== undefined) url.searchParams.set('service', parameters.service);
    url.searchParams.set('scope', `repository:${path}:${scope}`);
    const answer = await this.#send(host, url.href, {
      headers: basic === undefined ? {} : { authorization: basic },
    });
    if (!answer.ok) {
      const text = await answer.text();
      throw registryRefusal({ host, image, status: answer.status, text, isLoggedIn: login !== undefined });
    }
    const { token, access_token } = (await answer.json()) as { token?: string; access_token?: string };
    return `Bearer ${token ?? access_token ?? ''}`;
  }

  async #send(host: string, url: string, request: RequestInit): Promise<Response> {
    const silent = this.#silent.get(host);
    if (silent !== undefined) throw silent;
    try {
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(TIMEOUT_MS)]);
      return await fetch(url, { ...request, signal });
    } catch (cause) {
      this.#signal.throwIfAborted();
      const error = this.#silent.get(host) ?? unreachable(host, reasonOf(cause), cause);
      this.#silent.set(host, error);
      throw error;
    }
  }
}

/** Attestations stand in a list beside the images, for a platform that nobody has. */
function imagesIn({ manifests = [] }: ManifestBody): { digest: string }[] {
  return manifests.filter(({ platform }) => platform?.os !== 'unknown');
}

/** Node tells it in the cause of the cause; of several addresses that were tried, in each by itself. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as Error;
  if (cause instanceof AggregateError) return cause.errors.map(messageOf).join(', ');
  return messageOf(cause);
}
