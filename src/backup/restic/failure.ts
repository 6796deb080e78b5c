import { UserError } from '../../model/errors.ts';

/** Exit codes of restic that say what is wrong, whatever it prints. */
export const EXIT = { incomplete: 3, noRepository: 10, locked: 11, wrongPassword: 12 } as const;

/** How restic has ended, and in which repository it was at work. */
export interface ResticFailure {
  exitCode: number;
  stderr: string;
  /** Where the repository is, for people. */
  target: string;
  server: string;
}

/** What is wrong, by what restic and its programs print of it; the first that fits is meant. */
const SAID: readonly { pattern: RegExp; what: string; hint: string }[] = [
  {
    pattern: /no space left on device|disk quota exceeded|QuotaExceeded|XMinioStorageFull|507 /i,
    what: 'there is no space left for backups',
    hint: 'Make room there, or keep fewer backups ("retention") and run the action with "prune". Those that are there stay as they are.',
  },
  {
    pattern:
      /(delet|remov)[^\n]*(403|405|forbidden|not allowed|access ?denied)|(403|forbidden)[^\n]*(delet|remov)/i,
    what: 'nothing may be deleted with these credentials',
    hint: 'An append-only repository is pruned with other credentials, from a place that a thief of the server does not reach: run the action with "prune" and secrets that may delete.',
  },
  {
    pattern: /Host key verification failed|HOST IDENTIFICATION HAS CHANGED|No \S+ host key is known/i,
    what: 'the host shows another key than the file says',
    hint: 'Compare "ssh-keyscan HOST" with "host_key" in the file. If nobody has changed the host, somebody stands in between.',
  },
  {
    pattern: /NoSuchBucket|bucket does not exist/i,
    what: 'the bucket is not there',
    hint: 'Is its name right, after the endpoint in "s3"? It is not made by itself, since a mistyped one would be.',
  },
  {
    pattern:
      /Permission denied \(|AccessDenied|Access Denied|InvalidAccessKeyId|SignatureDoesNotMatch|access key|40[13] (unauthorized|forbidden)|\((401|403)\)|unauthorized/i,
    what: 'the credentials are not accepted',
    hint: 'Are the secrets that "to" names those of this place, and may they read and write there?',
  },
  {
    pattern: /x509: |tls: |certificate/i,
    what: 'the certificate of the server is not trusted',
    hint: 'One of an authority of your own is named by "ca" in the file.',
  },
  {
    pattern: /permission denied|SSH_FX_PERMISSION_DENIED/i,
    what: 'it may not be written there',
    hint: 'Give the login the right to write below the path in the file.',
  },
  {
    pattern:
      /ciphertext verification failed|invalid data returned|does not match|hash mismatch|unexpected (pack )?(size|file)|pack .*(missing|not found)|blob .*not found|id mismatch|load\(<data|decrypting|broken pack|damaged/i,
    what: 'the repository is damaged',
    hint: 'Something there was changed or lost after it was written. See what with "restic check --read-data"; a backup made now is whole again, and "restic repair" gives up what cannot be read.',
  },
  {
    pattern:
      /no such host|could not resolve|connection refused|connection reset|connection timed out|i\/o timeout|network is unreachable|no route to host|connect: |closed by remote host|unexpected EOF|server went away/i,
    what: 'it cannot be reached from the server',
    hint: 'Is the address in the file right, and does a firewall let the server through?',
  },
];

/** explainRestic returns the error for people that says how restic has failed and what to do next. Pure. */
export function explainRestic({ exitCode, stderr, target, server }: ResticFailure): UserError {
  const said = wordsOf(stderr);
  const { what, hint } = meaningOf(exitCode, said);
  return new UserError(`${server}: backups at ${target}: ${what}. restic says: ${said || 'nothing'}`, {
    hint,
  });
}

function meaningOf(exitCode: number, said: string): { what: string; hint: string } {
  switch (exitCode) {
    case EXIT.noRepository:
      return {
        what: 'there is no repository',
        hint: 'The first backup makes one. Where there were some before, see where they have gone: is the address still the same?',
      };
    case EXIT.locked:
      return {
        what: 'the repository is locked by a run that is at work, or was ended in the middle',
        hint: 'Run again. What a dead run has left is taken away by itself once it is half an hour old.',
      };
    case EXIT.wrongPassword:
      return {
        what: 'the password of the repository is another one',
        hint: 'Give the secret the value that it had when the first backup was made. One that was generated is made anew when servers and state branch are lost: its first value is still in every clone that has the state branch, in what "task: export" of the action secrets has written, and on each server that is left. Nothing was changed.',
      };
    case 137:
      return {
        what: 'restic was killed',
        hint: 'By somebody, or since the server had no memory left ("dmesg" tells). Run again.',
      };
  }
  const known = SAID.find(({ pattern }) => pattern.test(said));
  if (known !== undefined) return known;
  if (exitCode === EXIT.incomplete) {
    return {
      what: 'not all of it was done',
      hint: 'Nothing of it counts as a backup. What is said tells what is missing; then run again.',
    };
  }
  return {
    what: `restic ended with exit code ${exitCode}`,
    hint: 'Nothing half counts as a backup. What it says tells what is wrong; then run again.',
  };
}

/** The words of restic that matter, whether it speaks JSON or not. */
function wordsOf(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map(textOf)
    .filter((line) => line !== '');
  return [...new Set(lines)].slice(-6).join('; ').replaceAll(/\s+/g, ' ');
}

function textOf(line: string): string {
  if (!line.startsWith('{')) return line.trim();
  try {
    const { message, error } = JSON.parse(line) as { message?: string; error?: { message?: string } };
    const text = (message ?? error?.message ?? '').replace(/^Fatal: /, '');
    // Some of its messages end with where in its source they come from.
    return text.split(/\n(?=[\w./*()]+\n\t)/)[0]?.trim() ?? '';
  } catch {
    return line.trim();
  }
}
