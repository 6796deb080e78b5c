/** What a builder can do beyond making an image for the machine that it runs on. */
export interface Abilities {
  /** Whether layers can be kept for later builds: in a place of their own, or in the image itself with those of the last stage. */
  cache: 'anywhere' | 'inside';
  /** Whether it can say of an image how it was built, and what is in it. */
  attests: boolean;
  /** Whether it can write an image as an OCI layout, to a file. */
  writesOci: boolean;
  /** Whether an image can be built for several platforms at once. */
  buildsPlatforms: boolean;
  /** Whether files of an image can be dated by its commit, by which the same commit gives the same digest. */
  rewritesTimestamps: boolean;
}

/** What `docker buildx inspect` tells of a builder. */
export interface BuildxFacts {
  /** `docker`, `docker-container`, `kubernetes`, `remote`. */
  driver: string;
  /** Whether the engine, where that is the builder, keeps images in containerd's store. */
  hasContainerdStore: boolean;
  /** The version of its BuildKit, as numbers; undefined where it does not say one. */
  buildkit: readonly [major: number, minor: number] | undefined;
}

/** Those of the BuildKit that clients of Docker before version 23 have inside, and of an engine with its own image store. */
const ENGINE: Abilities = {
  cache: 'inside',
  attests: false,
  writesOci: false,
  buildsPlatforms: false,
  rewritesTimestamps: false,
};

/** An engine unpacks each image that it builds, which BuildKit refuses for one whose files it dates. */
const CONTAINERD_ENGINE: Abilities = {
  cache: 'anywhere',
  attests: true,
  writesOci: true,
  buildsPlatforms: true,
  rewritesTimestamps: false,
};

const BUILDKIT: Abilities = { ...CONTAINERD_ENGINE, rewritesTimestamps: true };

/** The first versions of BuildKit that can; before 0.15 dating files failed for some images, and changed those below others. */
const FIRST_THAT_ATTESTS = 11;
const FIRST_THAT_REWRITES = 15;

/** ENGINE_ABILITIES are those of a builder without buildx. */
export const ENGINE_ABILITIES = ENGINE;

/** abilitiesOf returns what a builder of buildx can do. Pure. */
export function abilitiesOf({ driver, hasContainerdStore, buildkit }: BuildxFacts): Abilities {
  if (driver === 'docker') return hasContainerdStore ? CONTAINERD_ENGINE : ENGINE;
  const isFrom = (first: number) => buildkit === undefined || buildkit[0] > 0 || buildkit[1] >= first;
  return {
    ...BUILDKIT,
    attests: isFrom(FIRST_THAT_ATTESTS),
    rewritesTimestamps: isFrom(FIRST_THAT_REWRITES),
  };
}

/** parseInspect reads what `docker buildx inspect` says. Of several nodes the oldest BuildKit counts. Pure. */
export function parseInspect(lines: readonly string[]): BuildxFacts {
  const valuesOf = (key: string) =>
    lines.flatMap((line) => {
      const [, name, value = ''] = /^\s*([^:]+):\s+(.*)$/.exec(line) ?? [];
      return name?.trim() === key ? [value] : [];
    });
  const versions = valuesOf('BuildKit version')
    .map((text) => /^v?(\d+)\.(\d+)/.exec(text))
    .flatMap((match) => (match === null ? [] : [[Number(match[1]), Number(match[2])] as const]))
    // What was built without a version says zeros.
    .filter(([major, minor]) => major + minor > 0)
    .sort(([majorA, minorA], [majorB, minorB]) => majorA - majorB || minorA - minorB);
  return {
    driver: valuesOf('Driver')[0] ?? 'docker',
    hasContainerdStore: valuesOf('org.mobyproject.buildkit.worker.snapshotter').length > 0,
    buildkit: versions[0],
  };
}
