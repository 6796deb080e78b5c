import * as z from 'zod';
import type { BackupTarget } from '../../model/backup-target.ts';

/** Where backups go. */
export const backupTarget: z.ZodType<BackupTarget, 'disk'> = z
  .literal('disk', { error: 'must be disk' })
  .transform((kind) => ({ kind }));
