import type { BuildSpec } from '../model/build.ts';
import { UserError } from '../model/errors.ts';
import { type BuildOrder, beyondEngine, buildxArguments, engineArguments } from './arguments.ts';
import { type DockerOutput, type DockerRun, runDocker } from './run-docker.ts';

/** What makes images. */
export interface Builder {
  /** For people: `buildx v0.30.1`. */
  name: string;
  /** refuse returns why it cannot do a build, as the rest of a sentence; undefined where it can. */
  refuse(spec: BuildSpec): string | undefined;
  /** build makes an image and, where the order says so, pushes it under all its names; it returns how that ended. */
  build(order: BuildOrder, run: DockerRun): Promise<DockerOutput>;
}

/** From this version on the client of Docker has no BuildKit of its own, and asks buildx. */
const FIRST_WITHOUT_BUILDKIT = 23;

/**
 * findBuilder returns the builder of this machine: buildx, or the BuildKit that older clients of Docker have inside. It
 * throws a UserError where there is neither.
 */
export async function findBuilder(run: DockerRun): Promise<Builder> {
  const buildx = await runDocker(['buildx', 'version'], run);
  if (buildx.code === 0) return buildxBuilder(/v?\d+\.\d+\.\d+\S*/.exec(buildx.lines.join(' '))?.[0] ?? '');
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

function buildxBuilder(version: string): Builder {
  return {
    name: `buildx ${version}`.trim(),
    refuse: () => undefined,
    build: (order, run) => runDocker(buildxArguments(order), run),
  };
}

function engineBuilder(version: string): Builder {
  return {
    name: `Docker ${version}`,
    refuse(spec) {
      const keys = beyondEngine(spec);
      return keys.length === 0
        ? undefined
        : `${keys.join(', ')} need buildx, and Docker ${version} here has none`;
    },
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
