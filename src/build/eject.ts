import { existsSync, realpathSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { allOrErrors } from '../fleet/fleet.ts';
import type { BuildSpec } from '../model/build.ts';
import { UserError } from '../model/errors.ts';
import type { Log } from '../model/log.ts';
import { type ExaminePlace, folderInside, rootOf } from './examine.ts';
import { IGNORE_FILE, readIgnoreRules } from './ignore-file.ts';
import { makeDockerfile } from './make-dockerfile.ts';

/** Where Dockerfiles are written down. */
export interface EjectPlace extends Pick<ExaminePlace, 'folder' | 'workspace' | 'checkout'> {
  log: Pick<Log, 'info'>;
}

/** Files that were written for a service. */
export interface Ejected {
  service: string;
  /** From the workspace. */
  files: readonly string[];
}

/**
 * ejectDockerfiles writes the Dockerfiles that templates make, and the ignore rules that they bring, into the folders that
 * they are for, and into the log. It throws a UserError before anything is written where no build has a template, or a folder
 * has a Dockerfile.
 */
export async function ejectDockerfiles(builds: readonly BuildSpec[], place: EjectPlace): Promise<Ejected[]> {
  const { folder, log } = place;
  // Contexts are told by their real paths.
  const workspace = realpathSync(place.workspace);
  const made = await allOrErrors(
    builds.flatMap((spec) => {
      // Nobody can write into another repository.
      if (!('template' in spec.dockerfile) || spec.git !== undefined) return [];
      const { service } = spec;
      const { template } = spec.dockerfile;
      const context = folderInside(spec, spec.context, { folder, root: rootOf(place), url: undefined });
      const file = join(context, 'Dockerfile');
      if (existsSync(file)) {
        const shown = relative(workspace, file);
        throw new UserError(`${service}: ${shown} is there already, and is left as it is`, {
          hint: 'Remove template from its build, and it is used; or remove the file.',
        });
      }
      const made = async () => {
        const rules = await readIgnoreRules(service, context, undefined);
        return { service, context, ...(await makeDockerfile(service, template, { context, rules })) };
      };
      return [made()];
    }),
  );
  if (made.length === 0) {
    throw new UserError('no build has a template, so there is no Dockerfile to write', {
      hint: 'Write template: auto below a build whose folder has no Dockerfile.',
    });
  }
  return await Promise.all(
    made.map(async ({ service, context, dockerfile, ignore, found }): Promise<Ejected> => {
      const texts = { Dockerfile: dockerfile, ...(ignore !== undefined && { [IGNORE_FILE]: ignore }) };
      log.info(`${service}: made a Dockerfile for ${found.join(', ')}`);
      for (const [name, text] of Object.entries(texts)) {
        await writeFile(join(context, name), text, { flag: 'wx' });
        log.info(`${relative(workspace, join(context, name))}:\n${text}`);
      }
      return { service, files: Object.keys(texts).map((name) => relative(workspace, join(context, name))) };
    }),
  );
}
