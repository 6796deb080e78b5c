import { createHash } from 'node:crypto';
import { docker, run } from './command.ts';
import { contentId, type Log } from './images.ts';
import { withMachineLock } from './machine-lock.ts';
import type { LabNetworks } from './networks.ts';
import type { Registry } from './registry.ts';
import { nestedEngineFlags } from './server.ts';

/** Which server image is to have which images from the start, and where they come from. */
export interface Seed {
  serverImage: string;
  /** Images of which a changed content is rare, as a base for further seeds. */
  stable: SeedImage[];
  /** Images that change as the lab's app does: they add seconds only to the next seed. */
  changing: SeedImage[];
  registry: Registry;
  networks: LabNetworks;
}

/** An image's full name in the lab's registry, and what its content is called: a changed content is a new seed. */
export interface SeedImage {
  name: string;
  content: string;
}

/**
 * plantImages gives empty volumes an engine's data in which the seed's images are present already. The first time
 * an engine of the server image pulls them into a volume that is kept (10 to 20 s); from then on layers are hard
 * links into it, which takes half a second instead of the seconds every server would pull.
 */
export async function plantImages(seed: Seed, volumes: string[], log: Log): Promise<void> {
  const kept = seedVolume(seed);
  if (await plant(seed, kept, volumes)) return;
  await withMachineLock(`seed-${contentId(seed.serverImage)}`, log, async () => {
    if (await plant(seed, kept, volumes)) return;
    const started = performance.now();
    const base = seedVolume({ ...seed, changing: [] });
    if (!(await plant(seed, base, []))) await grow(seed, base, seed.stable);
    await grow(seed, kept, seed.changing, base);
    log(
      `  images for ${seed.serverImage} pulled once, in ${((performance.now() - started) / 1000).toFixed(0)} s`,
    );
    if (!(await plant(seed, kept, volumes))) throw new Error(`The seed ${kept} is not complete`);
  });
}

/** plant returns false when there is no complete seed. */
async function plant(seed: Seed, kept: string, volumes: string[]): Promise<boolean> {
  const found = await run(['docker', 'volume', 'inspect', '--format', '{{.Mountpoint}}', kept]);
  if (found.code !== 0) return false;
  const allVolumes = found.stdout.trim().split('/').slice(0, -2).join('/');
  const planted = await run([
    ...['docker', 'run', '--rm', '--network', 'none', '--volume', `${allVolumes}:/volumes`, seed.serverImage],
    ...['lab-plant', kept, seed.registry.address, ...volumes],
  ]);
  if (planted.code === 0) return true;
  if (planted.code === 3) return false;
  throw new Error(`Images cannot be copied to the servers: ${planted.stderr.trim()}`);
}

/** grow makes a seed volume by pulling images, on top of those of another seed if one is given. */
async function grow(seed: Seed, kept: string, images: SeedImage[], base?: string): Promise<void> {
  // What an interrupted run left is of unknown worth.
  await run(['docker', 'volume', 'rm', '--force', kept]);
  await docker(['volume', 'create', '--label', 'switchyard.lab.cache=seed', kept]);
  if (base) await plant(seed, base, [kept]);
  await docker([
    ...['run', '--rm', ...(await nestedEngineFlags()), '--volume', `${kept}:/var/lib/docker`],
    ...['--network', seed.networks.outside.name],
    ...['--env', `LAB_REGISTRY=${seed.registry.direct}`],
    ...['--env', `LAB_REGISTRY_PORT=${seed.registry.address.split(':')[1]}`],
    ...[seed.serverImage, 'lab-seed', ...images.map((image) => image.name)],
  ]);
}

function seedVolume(seed: Seed): string {
  // Without the registry's address, which differs between labs.
  const images = [...seed.stable, ...seed.changing];
  const content = images.map(({ name, content }) => `${name.slice(name.indexOf('/'))} ${content}`);
  const sum = createHash('sha256').update([seed.serverImage, ...content].join('\n'));
  return `switchyard-lab-seed-${sum.digest('hex').slice(0, 12)}`;
}
