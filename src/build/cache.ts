import type { BuildSpec } from '../model/build.ts';
import type { Abilities } from './abilities.ts';
import { INLINE } from './arguments.ts';
import { LAST_TAG } from './content-hash.ts';

/** Where layers of earlier builds can be kept. */
export type Cache = 'gha' | 'registry' | 'local' | 'none';

/** Where a build takes place, as far as its cache follows from it. */
export interface CachePlace {
  /** What was asked for; undefined leaves it to {@link cacheFor}. */
  asked: Cache | undefined;
  abilities: Abilities;
  /** Whether the builder is an engine, whose layers stay when the run is over. */
  isEngine: boolean;
  /** Whether the machine is gone when the job is over. */
  isThrownAway: boolean;
  /** Whether the cache of GitHub Actions can be reached from here. */
  hasGha: boolean;
  isPushed: boolean;
  /** The folder of `local`. */
  folder: string;
}

/** hasGha tells whether the cache of GitHub Actions can be reached with this environment, which its runner gives to actions. */
export function hasGha(env: NodeJS.ProcessEnv): boolean {
  return Boolean(env.ACTIONS_RUNTIME_TOKEN && (env.ACTIONS_RESULTS_URL || env.ACTIONS_CACHE_URL));
}

/** Where a build finds layers of earlier ones, and where it leaves its own, in the words of BuildKit. */
export interface CachePlan {
  from: readonly string[];
  to: readonly string[];
  /** For people: what was chosen, and why. It is the same for all builds of a run. */
  words: string;
  /** Whether something else was asked for, and cannot be had here. */
  isMissed: boolean;
  /** A folder that the builder writes its layers into, and the one that they are read from next time. */
  folders?: { written: string; read: string };
}

/** The tag under which a registry has the layers beside an image. */
const CACHE_TAG = 'buildcache';

/** A cache that is full, or away, must not fail a build. */
const FORGIVING = 'ignore-error=true';

/**
 * cacheFor returns where a build keeps its layers: where it is asked to, else where they are there for the next run at the
 * least cost. What the file says itself wins. Pure.
 */
export function cacheFor(spec: BuildSpec, place: CachePlace): CachePlan {
  const { cacheFrom: from, cacheTo } = spec;
  if (from.length > 0 || cacheTo.length > 0) {
    const canWrite = place.abilities.cache === 'anywhere' || cacheTo.every(isInline);
    return {
      from,
      to: canWrite ? cacheTo.map(forgiving) : [],
      words: canWrite
        ? 'Layers are kept where the file says'
        : 'Layers are not kept where the file says (cache_to): this builder cannot write there',
      isMissed: !canWrite,
    };
  }
  return planOf(spec, place);
}

function planOf({ repository }: BuildSpec, place: CachePlace): CachePlan {
  const { asked, abilities, hasGha, isPushed, folder } = place;
  const isAnywhere = abilities.cache === 'anywhere';
  const scope = repository.replaceAll(/[^\w.-]+/g, '-');
  switch (asked ?? bestOf(place)) {
    case 'gha':
      if (!hasGha || !isAnywhere) {
        return none(
          hasGha
            ? 'this builder cannot write to the cache of GitHub Actions'
            : 'the cache of GitHub Actions cannot be reached from here',
        );
      }
      return {
        from: [`type=gha,scope=${scope}`],
        to: [`type=gha,scope=${scope},mode=max,${FORGIVING}`],
        words: 'Layers are kept in the cache of GitHub Actions',
        isMissed: false,
      };
    case 'registry': {
      if (!isPushed) return none('nothing is pushed, so the registry keeps none');
      const ref = `${repository}:${CACHE_TAG}`;
      if (!isAnywhere) {
        return {
          from: [`type=registry,ref=${repository}:${LAST_TAG}`],
          to: [INLINE],
          words: 'Layers are kept in the images themselves, those of the last stage alone',
          isMissed: false,
        };
      }
      return {
        from: [`type=registry,ref=${ref}`],
        to: [`type=registry,ref=${ref},mode=max,image-manifest=true,oci-mediatypes=true,${FORGIVING}`],
        words: `Layers are kept in the registry, beside each image (${CACHE_TAG})`,
        isMissed: false,
      };
    }
    case 'local': {
      if (!isAnywhere) return none('this builder cannot write them to a folder');
      const read = `${folder}/${scope}`;
      const written = `${read}.next`;
      return {
        from: [`type=local,src=${read}`],
        to: [`type=local,dest=${written},mode=max,${FORGIVING}`],
        words: `Layers are kept in ${folder}`,
        isMissed: false,
        folders: { written, read },
      };
    }
    case 'none':
      return {
        from: [],
        to: [],
        words:
          asked === 'none' || !place.isEngine
            ? 'Layers are not kept for later builds'
            : 'Layers are kept by the engine of this machine',
        isMissed: false,
      };
  }
}

/** An engine that stays has its layers anyway, and the cache of Actions is nearer to its runners than a registry. */
function bestOf({ abilities, isEngine, isThrownAway, hasGha, isPushed }: CachePlace): Cache {
  if (isEngine && !isThrownAway) return 'none';
  if (hasGha && isThrownAway && abilities.cache === 'anywhere') return 'gha';
  return isPushed ? 'registry' : 'none';
}

function none(because: string): CachePlan {
  return { from: [], to: [], words: `Layers are not kept for later builds: ${because}`, isMissed: true };
}

const isInline = (words: string): boolean => /(?:^|,)type=inline(?:,|$)/.test(words);

function forgiving(words: string): string {
  const isBare = !words.includes('=');
  if (isBare) return `type=registry,ref=${words},${FORGIVING}`;
  return isInline(words) || words.includes('ignore-error=') ? words : `${words},${FORGIVING}`;
}
