import type { BuildSpec } from '../model/build.ts';
import { UserError } from '../model/errors.ts';
import { type Abilities, abilitiesOf, ENGINE_ABILITIES, parseInspect } from './abilities.ts';
import { type BuildOrder, beyond, buildxArguments, engineArguments } from './arguments.ts';
import { type DockerOutput, type DockerRun, runDocker } from './run-docker.ts';

/** What makes images. */
export interface Builder {
  /** For people: `buildx 0.29.1 (docker-container)`. */
  name: string;
  abilities: Abilities;
  /** Whether it is an engine, which has its layers still when it is asked again. */
  isEngine: boolean;
  /** refuse returns why it cannot do a build, as the rest of a sentence; undefined where it can. */
  refuse(spec: BuildSpec): string | undefined;
  /** build makes an image and, where the order says so, pushes it under all its names; it returns how that ended. */
  build(order: BuildOrder, run: DockerRun): Promise<DockerOutput>;
}

/** From this version on the client of Docker has no BuildKit of its own, and asks buildx. */
const FIRST_WITHOUT_BUILDKIT = 23;

/**
 * findBuilder returns the builder of this machine: that of buildx, which is started where it does not run, or the BuildKit
 * that older clients of Docker have inside. It throws a UserError where there is neither, or where it does not answer.
 */
export async function findBuilder(run: DockerRun): Promise<Builder> {
  const buildx = await runDocker(['buildx', 'version'], run);
  if (buildx.code === 0) {
    const version = /v?\d+\.\d+\.\d+[^\s+]*/.exec(buildx.lines.join(' '))?.[0] ?? '';
    return await buildxBuilder(version, run);
  }
  const { lines } = await runDocker(['version', '--format', '{{.Client.Version}}'], run);
  const version = lines.find((line) => /^\d+\./.test(line));
  if (version !== undefined && Number.parseInt(version, 10) < FIRST_WITHOUT_BUILDKIT) {
    return engineBuilder(version);
  }
  throw new UserError(
    `the client of Docker (${version ?? 'of an unknown version'}) has no buildx, by which it builds`,
    {
      hint: 'Use docker/setup-buildx-action before this step, or install it: "apt-get install docker-buildx-plugin" (Docker’s packages), "docker-buildx" (Debian’s, Ubuntu’s).',
    },
  );
}

async function buildxBuilder(version: string, run: DockerRun): Promise<Builder> {
  const { code, lines } = await runDocker(['buildx', 'inspect', '--bootstrap'], run);
  const failure = lines.find((line) => /^(?:ERROR|Error): /.test(line));
  if (code !== 0 || failure !== undefined) {
    throw new UserError(
      `the builder of buildx does not answer: ${(failure ?? lines.at(-1) ?? '').replace(/^\w+: +/, '')}`,
      {
        hint: 'Does the Docker engine run, and may this user ask it? "docker buildx inspect --bootstrap" shows it.',
      },
    );
  }
  const facts = parseInspect(lines);
  const abilities = abilitiesOf(facts);
  const isEngine = facts.driver === 'docker';
  const store = facts.hasContainerdStore ? ' with the store of containerd' : '';
  const name = `buildx ${version} (${facts.driver}${isEngine ? store : ''})`;
  return {
    name,
    abilities,
    isEngine,
    refuse: (spec) => refusal(beyond(spec, { ...abilities, isBuildx: true }), name),
    build: (order, run) => runDocker(buildxArguments(order), run),
  };
}

function engineBuilder(version: string): Builder {
  const name = `Docker ${version} without buildx`;
  return {
    name,
    abilities: ENGINE_ABILITIES,
    isEngine: true,
    refuse: (spec) => refusal(beyond(spec, { ...ENGINE_ABILITIES, isBuildx: false }), name),
    async build(order, run) {
      const env = { ...run.env, DOCKER_BUILDKIT: '1' };
      const built = await runDocker(engineArguments(order), { ...run, env });
      const lines = [...built.lines];
      if (built.code !== 0 || !order.isPushed) return built;
      for (const name of order.names) {
        const pushed = await runDocker(['push', name], run);
        lines.push(...pushed.lines);
        if (pushed.code !== 0) return { code: pushed.code, lines };
      }
      return { code: 0, lines };
    },
  };
}

function refusal(keys: readonly string[], name: string): string | undefined {
  return keys.length === 0 ? undefined : `its build asks for more than ${name} can do: ${keys.join(', ')}`;
}
