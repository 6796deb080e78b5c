import { explainRegistry } from '../../docker/registry-failure.ts';
import { type Plan, stepsOf } from '../planning/plan.ts';
import type { Finding } from './findings.ts';

/** judgeImages says which images can be had from their registries; `complaint` is the engine's own. */
export function judgeImages(
  server: string,
  images: readonly { image: string; complaint?: string; isLoggedIn?: boolean }[],
): Finding[] {
  const found = { server, check: 'image' as const };
  if (images.length === 0) return [{ ...found, level: 'ok', message: 'no image has to be pulled' }];
  return images.map(({ image, complaint, isLoggedIn = false }) => {
    if (complaint === undefined) return { ...found, level: 'ok', message: `${image} can be pulled` };
    const { what, hint } = explainRegistry(complaint, isLoggedIn);
    return { ...found, level: 'error', message: `${image} cannot be pulled: ${what} (${complaint})`, hint };
  });
}

/** judgeForbiddenPulls names the images that are missing on a server and that the file forbids to pull. */
export function judgeForbiddenPulls(plan: Plan, server: string): Finding[] {
  return stepsOf(plan, 'pull')
    .filter((step) => step.server === server && step.policy === 'never')
    .map(({ image }) => ({
      server,
      check: 'image',
      level: 'error',
      message: `the image ${image} is not there, and pull_policy is "never"`,
      hint: 'Load it on the server, or let it be pulled: "pull_policy: missing".',
    }));
}
