import { docker, dockerList } from '../lab/command.ts';
import { dockerClient } from '../lab/docker-clients.ts';
import type { Fleet } from './fleet.ts';
import { size } from './size.ts';

/** Ways of building images, each as a story is told of it. */
const BUILDERS = {
  engine: 'the BuildKit in a client of Docker 20.10',
  buildx: 'buildx and the store of an older engine',
  containerd: 'buildx and the store of containerd',
} as const;

export type BuilderName = keyof typeof BUILDERS;

/** The builders that stories are told of: at full size all, else those that have least in common. */
export const TOLD: { builder: BuilderName; words: string }[] = Object.entries(BUILDERS)
  .map(([builder, words]) => ({ builder: builder as BuilderName, words }))
  .filter(({ builder }) => size.isFull || builder !== 'buildx');

/** A builder of the lab, as an action finds it: with the same programs on every machine. */
export interface LabBuilder {
  /** The environment that has it. */
  env: Record<string, string>;
  /** forget takes the images below a name off its engine. */
  forget(name: string): Promise<void>;
  /** elsewhere returns the environment of a builder of the same kind that has no layers of its builds. */
  elsewhere(): Promise<Record<string, string>>;
}

/**
 * labBuilder returns a builder: the client is that of a Debian suite, the engine this machine's or, for the store of
 * containerd, that of the workshop.
 */
export async function labBuilder(
  builder: BuilderName,
  { workshop, servers }: Pick<Fleet, 'servers'> & Partial<Pick<Fleet, 'workshop'>>,
): Promise<LabBuilder> {
  const { folder, config } = await dockerClient(builder === 'engine' ? 'bookworm' : 'forky');
  const isRemote = builder === 'containerd';
  const env: Record<string, string> = {
    PATH: `${folder}:${process.env.PATH}`,
    DOCKER_CONFIG: config,
    ...(isRemote && { DOCKER_HOST: `unix://${await workshop!.engineSocket()}` }),
  };
  const elsewhere = async () => ({ ...env, DOCKER_HOST: `unix://${await servers[1]!.engineSocket()}` });
  return {
    env,
    async forget(name) {
      const filter = ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', '--filter', `reference=${name}`];
      for (const place of isRemote ? [env] : [env, await elsewhere()]) {
        // A server has what was deployed to it by digest alone, which is no name that was given here.
        const names = (await dockerList(filter, { env: place })).filter((one) => !one.endsWith(':<none>'));
        if (names.length > 0) await docker(['image', 'rm', ...names], { env: place });
      }
    },
    async elsewhere() {
      if (!isRemote) return await elsewhere();
      await docker(['builder', 'prune', '--all', '--force'], { env });
      return env;
    },
  };
}
