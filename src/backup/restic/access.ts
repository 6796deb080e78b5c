import type { BackupTarget, RestTarget, S3Target, SftpTarget } from '../../model/backup-target.ts';
import { backupsVolumeName, type Scope } from '../../model/names.ts';
import { normalisePrivateKey } from '../../ssh/keys.ts';
import { JOB_FOLDER, type Mount, type ResticAccess } from '../vault.ts';
import type { Programs } from './program.ts';

/** A repository of restic, and what opens it. */
export interface Repository {
  target: BackupTarget;
  password: string;
  /** The values of the secrets that the target names. */
  secrets: Readonly<Record<string, string>>;
  /** Whose it is, where it is not of the run's own environment: then it is only read. */
  owner?: Scope;
}

/** What a target adds to an access: how it is written for restic, and what is needed to get in. */
interface TargetAccess {
  address: string;
  options: readonly string[];
  environment: Readonly<Record<string, string>>;
  files: Readonly<Record<string, string>>;
  mounts: readonly Mount[];
}

/** Where the repository is that lies on the server itself. */
const DISK_FOLDER = '/srv/switchyard-backups';
const CACHE_FOLDER = '/var/cache/switchyard-restic';
/** The cache of all repositories on a server: copies of encrypted files that belong to them. */
const CACHE_VOLUME = 'switchyard_restic_cache';

/** From here on Go collects garbage rather than take more memory. */
const MEMORY = '128MiB';

/**
 * accessTo returns what a container needs so that restic works in it with a repository. Whatever is secret, and every value
 * of the file, is in files, and nothing of it in what `docker inspect` shows or in a command line. The container keeps the
 * hostname that the engine gives it: by that restic tells its locks from those of others. Pure.
 */
export function accessTo(
  { target, password, secrets, owner }: Repository,
  scope: Scope,
  programs: Programs,
): ResticAccess {
  const own = targetAccess(target, secrets, owner ?? scope, programs);
  const isRead = owner !== undefined;
  return {
    // A lock would be written.
    command: [programs.restic, ...own.options, ...(isRead ? ['--no-lock'] : [])],
    environment: {
      ...programs.environment,
      ...own.environment,
      RESTIC_REPOSITORY_FILE: inJob('restic-repository'),
      RESTIC_PASSWORD_FILE: inJob('restic-password'),
      RESTIC_CACHE_DIR: CACHE_FOLDER,
      GOMEMLIMIT: MEMORY,
    },
    files: { ...own.files, 'restic-repository': own.address, 'restic-password': password },
    mounts: [
      ...programs.mounts,
      { Type: 'volume', Source: CACHE_VOLUME, Target: CACHE_FOLDER, VolumeOptions: { NoCopy: true } },
      ...(isRead ? own.mounts.map((mount) => ({ ...mount, ReadOnly: true })) : own.mounts),
    ],
  };
}

function targetAccess(
  target: BackupTarget,
  secrets: Repository['secrets'],
  scope: Scope,
  programs: Programs,
): TargetAccess {
  const secretOf = (name: string): string => {
    const value = secrets[name];
    if (value === undefined) throw new Error(`nobody has the value of ${name}`);
    return value;
  };
  switch (target.kind) {
    case 'disk':
      return diskAccess(scope);
    case 's3':
      return s3Access(target, secretOf);
    case 'sftp':
      return sftpAccess(target, secretOf, programs);
    case 'rest':
      return restAccess(target, secretOf);
  }
}

function diskAccess(scope: Scope): TargetAccess {
  return {
    address: DISK_FOLDER,
    options: [],
    environment: {},
    files: {},
    mounts: [
      {
        Type: 'volume',
        Source: backupsVolumeName(scope),
        Target: DISK_FOLDER,
        VolumeOptions: { NoCopy: true },
      },
    ],
  };
}

type SecretOf = (name: string) => string;

/** Keys are in JSON, as clients of MinIO have them: an INI file, as those of AWS have it, cannot hold every byte. */
function s3Access(target: S3Target, secretOf: SecretOf): TargetAccess {
  const { url, region, isPathStyle, accessKeySecret, secretKeySecret, ca } = target;
  const keys = { accessKey: secretOf(accessKeySecret), secretKey: secretOf(secretKeySecret), api: 'S3v4' };
  const trust = trusting(ca);
  return {
    address: `s3:${url}`,
    options: [
      ...['-o', `s3.bucket-lookup=${isPathStyle ? 'path' : 'dns'}`],
      ...(region === undefined ? [] : ['-o', `s3.region=${region}`]),
    ],
    environment: {
      ...trust.environment,
      MINIO_SHARED_CREDENTIALS_FILE: inJob('restic-s3.json'),
      MINIO_ALIAS: 's3',
    },
    files: { ...trust.files, 'restic-s3.json': JSON.stringify({ version: '10', aliases: { s3: keys } }) },
    mounts: [],
  };
}

/** What ssh is told stands in its configuration; the command line that restic splits has nothing but fixed words. */
function sftpAccess(target: SftpTarget, secretOf: SecretOf, { ssh }: Programs): TargetAccess {
  const { user, host, port, path, hostKeys, keySecret } = target;
  const configuration = {
    HostName: host,
    Port: port,
    User: user,
    IdentityFile: inJob('restic-ssh-key'),
    IdentitiesOnly: 'yes',
    HostKeyAlias: 'repository',
    UserKnownHostsFile: inJob('restic-known-hosts'),
    GlobalKnownHostsFile: 'none',
    StrictHostKeyChecking: 'yes',
    UpdateHostKeys: 'no',
    BatchMode: 'yes',
    ConnectTimeout: 20,
    ServerAliveInterval: 15,
    ServerAliveCountMax: 4,
  };
  const lines = Object.entries(configuration).map(([name, value]) => `  ${name} ${value}\n`);
  return {
    address: `sftp://repository/${path.split('/').map(encodeURIComponent).join('/')}`,
    options: ['-o', `sftp.command=${ssh} -F ${inJob('restic-ssh-config')} -s repository sftp`],
    environment: {},
    files: {
      'restic-ssh-config': `Host repository\n${lines.join('')}`,
      'restic-ssh-key': normalisePrivateKey(secretOf(keySecret)),
      'restic-known-hosts': hostKeys.map((key) => `repository ${key}\n`).join(''),
    },
    mounts: [],
  };
}

function restAccess({ url, login, ca }: RestTarget, secretOf: SecretOf): TargetAccess {
  const credentials =
    login === undefined
      ? ''
      : `${[login.user, secretOf(login.passwordSecret)].map(encodeURIComponent).join(':')}@`;
  return {
    address: `rest:${url.replace('//', `//${credentials}`)}`,
    options: [],
    ...trusting(ca),
    mounts: [],
  };
}

function trusting(ca: string | undefined): Pick<TargetAccess, 'environment' | 'files'> {
  if (ca === undefined) return { environment: {}, files: {} };
  return { environment: { RESTIC_CACERT: inJob('restic-ca.pem') }, files: { 'restic-ca.pem': ca } };
}

function inJob(name: string): string {
  return `${JOB_FOLDER}/${name}`;
}
