import { setTimeout as sleep } from 'node:timers/promises';
import { docker, run } from './command.ts';
import { contentId } from './images.ts';
import { withMachineLock } from './machine-lock.ts';
import type { LabNetworks } from './networks.ts';

/** The volume that keeps what was pushed, for all labs of this machine, from one `up` to the next. */
const storage = 'switchyard-lab-registry';

/** The image registry of a lab. */
export interface Registry {
  /** `127.0.0.1:5500`: the registry's name on the runner's machine and on every server, trusted without TLS. */
  address: string;
  /** The same registry's own address on the lab's outside network: `172.30.0.5:5000`. */
  direct: string;
}

/** startRegistry runs a lab's registry and waits until it answers. Throws with its log when it does not. */
export async function startRegistry(lab: string, image: string, networks: LabNetworks): Promise<Registry> {
  const container = `switchyard-lab-${lab}-registry`;
  const port = 5500 + networks.index;
  const ip = `${networks.outside.prefix}.5`;
  await docker(['volume', 'create', '--label', 'switchyard.lab.cache=registry', storage]);
  await docker([
    ...['run', '--detach', '--name', container, '--label', `switchyard.lab=${lab}`],
    ...['--network', networks.outside.name, '--ip', ip, '--publish', `127.0.0.1:${port}:5000`],
    ...['--volume', `${storage}:/var/lib/docker-registry`, image],
  ]);
  const registry = { address: `127.0.0.1:${port}`, direct: `${ip}:5000` };
  const deadline = performance.now() + 20_000;
  while (!(await answers(registry.address))) {
    if (performance.now() > deadline) {
      const { stdout, stderr } = await run(['docker', 'logs', '--tail', '20', container]);
      throw new Error(`The lab's registry does not answer:\n${stdout}${stderr}`);
    }
    await sleep(50);
  }
  return registry;
}

/**
 * push puts a cached image into the registry as `name` (`acme/web:v1`), unless it is there; returns the full name
 * that engines pull.
 */
export async function push(registry: Registry, image: string, name: string): Promise<string> {
  // The engine knows what it pushes by the same name in every test file, and each takes that name away again.
  const lock = `push-${registry.address}-${name}`.replaceAll(/[^a-z0-9.-]/gi, '-');
  return await withMachineLock(lock, console.log, () => pushAlone(registry, image, name));
}

async function pushAlone(registry: Registry, image: string, name: string): Promise<string> {
  const repository = name.slice(0, name.lastIndexOf(':'));
  const tag = name.slice(repository.length + 1);
  const proof = `lab-${contentId(image)}`;
  const [present, same] = await Promise.all(
    [tag, proof].map((reference) => manifestDigest(registry.address, repository, reference)),
  );
  const target = `${registry.address}/${name}`;
  if (present && present === same) return target;
  // The second tag says which cached image the first one is.
  for (const reference of [tag, proof]) {
    const full = `${registry.address}/${repository}:${reference}`;
    await docker(['tag', image, full]);
    await docker(['push', '--quiet', full]);
    await docker(['image', 'rm', full]);
  }
  return target;
}

async function manifestDigest(
  address: string,
  repository: string,
  reference: string,
): Promise<string | null> {
  const response = await fetch(`http://${address}/v2/${repository}/manifests/${reference}`, {
    method: 'HEAD',
    headers: {
      accept:
        'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json',
    },
  });
  return response.ok ? response.headers.get('docker-content-digest') : null;
}

async function answers(address: string): Promise<boolean> {
  try {
    return (await fetch(`http://${address}/v2/`)).ok;
  } catch {
    return false;
  }
}
