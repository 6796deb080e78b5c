import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TemplateSpec } from '../model/build.ts';
import { UserError } from '../model/errors.ts';
import type { IgnoreRules } from './ignore.ts';
import { IGNORE_FILE } from './ignore-file.ts';
import { readTree } from './source-tree.ts';
import { generateDockerfile } from './templates/index.ts';
import type { GeneratedDockerfile } from './templates/template.ts';

/** A Dockerfile that was made for a context. */
export interface MadeDockerfile extends Omit<GeneratedDockerfile, 'ignore'> {
  /** Undefined where the context has ignore rules. */
  ignore: string | undefined;
}

/** makeDockerfile makes the Dockerfile of a service for its context. It throws a UserError, with the service, for what it misses. */
export async function makeDockerfile(
  service: string,
  template: TemplateSpec,
  { context, rules }: { context: string; rules: IgnoreRules },
): Promise<MadeDockerfile> {
  const tree = await readTree(context, rules);
  try {
    const made = generateDockerfile(tree, template);
    return { ...made, ignore: existsSync(join(context, IGNORE_FILE)) ? undefined : made.ignore };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { hint } = error;
    throw new UserError(`${service}: ${error.message}`, { ...(hint && { hint }), cause: error });
  }
}
