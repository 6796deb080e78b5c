/** Where backups go. */
export type BackupTarget = DiskTarget;

/** A volume on the server that has the data: the only copy stands beside the original. */
export interface DiskTarget {
  kind: 'disk';
}
