/** Where backups go. Secrets are named, as those of the file are; their values are nowhere here. */
export type BackupTarget = DiskTarget | S3Target | SftpTarget | RestTarget;

/** A volume on the server that has the data: the only copy stands beside the original. */
export interface DiskTarget {
  kind: 'disk';
}

/** A bucket of a server that speaks S3. */
export interface S3Target {
  kind: 's3';
  /** Endpoint, bucket and what stands before the names of objects: `https://s3.example.com/bucket/prefix`. */
  url: string;
  region?: string;
  /** The bucket stands in the path of addresses, not in the name of the host. */
  isPathStyle: boolean;
  accessKeySecret: string;
  secretKeySecret: string;
  /** Certificates, in PEM, of who signs that of the server; absent where everybody knows them. */
  ca?: string;
}

/** A folder that is reached by SSH. */
export interface SftpTarget {
  kind: 'sftp';
  user: string;
  /** A DNS name, or an IP address without brackets. */
  host: string;
  port: number;
  /** From the root of what the user sees. */
  path: string;
  /** Public keys of the host: `ssh-ed25519 AAAA…`. It has to show one of them. */
  hostKeys: string[];
  keySecret: string;
}

/** The REST server of restic, or of rclone. */
export interface RestTarget {
  kind: 'rest';
  url: string;
  /** Absent where the server asks nobody. */
  login?: { user: string; passwordSecret: string };
  ca?: string;
}

/** targetSecrets returns the names of the secrets that a target needs. Pure. */
export function targetSecrets(target: BackupTarget): string[] {
  switch (target.kind) {
    case 'disk':
      return [];
    case 's3':
      return [target.accessKeySecret, target.secretKeySecret];
    case 'sftp':
      return [target.keySecret];
    case 'rest':
      return target.login === undefined ? [] : [target.login.passwordSecret];
  }
}

/** targetTitle says where a target is, for people and records; there is nothing secret in it. Pure. */
export function targetTitle(target: BackupTarget): string {
  switch (target.kind) {
    case 'disk':
      return 'disk';
    case 's3':
    case 'rest':
      return `${target.kind}:${target.url}`;
    case 'sftp': {
      const { user, host, port, path } = target;
      const address = host.includes(':') ? `[${host}]` : host;
      return `sftp:${user}@${address}${port === SSH_PORT ? '' : `:${port}`}${path}`;
    }
  }
}

/** The port of SSH where nothing else is said. */
export const SSH_PORT = 22;
