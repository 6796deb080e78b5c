import { createHash } from 'node:crypto';
import type { Scope } from '../../model/names.ts';

/** MySQL takes users of 32 characters; `_user_b` is the longest ending. */
const PROJECT_MAX = 24;

/** The names that a preset gives to what it makes. */
export interface PresetNames {
  /** `{project}_{hash8}`: `shop_1f0c5a3e`. */
  database: string;
  /** `{project}_user`. */
  user: string;
  /** The name of the secret that is the password: `{service}_password`. */
  password: string;
}

/**
 * presetNames returns the names of database, user and secret of a service. The database has the hash of project, environment
 * and service in it: a dump says where it is from, and staging's is never taken for production's. Every database takes them
 * without quotes: letters, digits and underscores. Pure.
 */
export function presetNames({ project, environment }: Scope, service: string): PresetNames {
  const stem = stemOf(project);
  const hash = createHash('sha256')
    .update([project, environment, service].join('/'))
    .digest('hex')
    .slice(0, 8);
  return { database: `${stem}_${hash}`, user: `${stem}_user`, password: `${safe(service)}_password` };
}

/** PostgreSQL keeps names with `pg_` to itself. */
function stemOf(project: string): string {
  const stem = safe(project).slice(0, PROJECT_MAX).replace(/_+$/, '');
  return /^pg(_|$)/.test(stem) ? `p${stem}` : stem;
}

function safe(name: string): string {
  return name.replaceAll('-', '_');
}
