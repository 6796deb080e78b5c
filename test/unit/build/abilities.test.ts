import { expect, test } from '@jest/globals';
import { abilitiesOf, parseInspect } from '../../../src/build/abilities.ts';

/** What `docker buildx inspect` says of builders, as far as it matters. */
const inspected = (driver: string, ...nodes: string[]) => [
  `Name:          default`,
  `Driver:        ${driver}`,
  '',
  'Nodes:',
  ...nodes.flatMap((version) => ['Name:             node', `BuildKit version: ${version}`]),
];
const ENGINE = inspected('docker', 'v0.8+unknown');
const CONTAINERD = [
  ...inspected('docker', 'v0.0.0+unknown'),
  'Labels:',
  ' org.mobyproject.buildkit.worker.snapshotter:          overlayfs',
];

test.each([
  {
    builder: 'an engine with its own image store',
    lines: ENGINE,
    can: { cache: 'inside' },
  },
  {
    builder: 'an engine with the store of containerd',
    lines: CONTAINERD,
    can: { cache: 'anywhere', attests: true, writesOci: true, buildsPlatforms: true },
  },
  {
    builder: 'the builder of docker/setup-buildx-action',
    lines: inspected('docker-container', 'v0.25.2'),
    can: {
      cache: 'anywhere',
      attests: true,
      writesOci: true,
      buildsPlatforms: true,
      rewritesTimestamps: true,
    },
  },
  {
    builder: 'one of several nodes, of which one is old',
    lines: inspected('kubernetes', 'v0.25.2', 'v0.12.5'),
    can: { cache: 'anywhere', attests: true, writesOci: true, buildsPlatforms: true },
  },
  {
    builder: 'one that does not know its version',
    lines: inspected('remote', 'v0.0.0+unknown'),
    can: {
      cache: 'anywhere',
      attests: true,
      writesOci: true,
      buildsPlatforms: true,
      rewritesTimestamps: true,
    },
  },
])('$builder can do what it can', ({ lines, can }) => {
  const nothing = { attests: false, writesOci: false, buildsPlatforms: false, rewritesTimestamps: false };
  expect(abilitiesOf(parseInspect(lines))).toEqual({ ...nothing, ...can });
});
