import { UserError } from '../model/errors.ts';

/** What was tried on a remote, for the message. */
export interface RemoteCall {
  kind: 'read' | 'write';
  /** Address without credentials. */
  url: string;
  /** The state branch. */
  branch: string;
}

/** remoteFailure turns what git printed into a sentence and a hint. */
export function remoteFailure(call: RemoteCall, stderr: string): UserError {
  const verb = call.kind === 'read' ? 'read from' : 'written to';
  const { what, hint } = explain(call, stderr);
  const said = saying(stderr);
  return new UserError(`state could not be ${verb} ${call.url}: ${what}${said === '' ? '' : `\n${said}`}`, {
    hint,
  });
}

/** checkedOut is the refusal to move a branch under somebody's work tree. */
export function checkedOut(branch: string): UserError {
  return new UserError(
    `the state branch "${branch}" is checked out in the repository that should receive it`,
    {
      hint: 'Switchyard never changes a work tree: `git switch` to another branch there, or give `state-branch` another name.',
    },
  );
}

function explain(call: RemoteCall, stderr: string): { what: string; hint: string } {
  const has = (pattern: RegExp): boolean => pattern.test(stderr);
  if (
    has(
      /GH006|GH013|protected branch|rule violations|not allowed to push|pre-receive hook declined|hook declined/i,
    )
  ) {
    return {
      what: 'the branch is protected',
      hint: `Let the rules of the repository except the branch "${call.branch}" and the refs under refs/switchyard/, or give \`state-branch\` another name.`,
    };
  }
  if (
    has(/error: 403|Permission to .* denied|Write access .* not granted|not allowed to upload|read.only/i)
  ) {
    return {
      what: 'permission was denied',
      hint: 'Give the job `permissions: contents: write` and pass `github-token: ${{ github.token }}`; a deploy key must have write access.',
    };
  }
  if (
    has(
      /error: 401|Authentication failed|could not read (?:Username|Password)|Permission denied \(|Host key verification failed|terminal prompts disabled/i,
    )
  ) {
    return {
      what: 'the credentials were not accepted',
      hint: 'On GitHub pass `github-token: ${{ github.token }}` with `permissions: contents: write`; elsewhere check that `git push` works in this workspace without asking.',
    };
  }
  if (has(/does not support --atomic/)) {
    return {
      what: 'it cannot move two refs in one step',
      hint: 'Switchyard needs a git server with atomic pushes (git 2.4 or newer).',
    };
  }
  if (has(/dubious ownership/)) {
    return {
      what: 'it belongs to another user',
      hint: 'Trust it with `git config --global --add safe.directory <path>`.',
    };
  }
  if (has(/Permission denied|unable to create temporary|insufficient permission/i)) {
    return { what: 'permission was denied', hint: 'The user of this run must be able to write there.' };
  }
  if (
    has(
      /error: 404|not found|does not appear to be a git repository|does not exist|No such file or directory/i,
    )
  ) {
    return {
      what: 'there is no repository',
      hint: 'Check the address with `git remote -v`; GitHub also says so when the token may not see the repository.',
    };
  }
  if (
    has(
      /Could not resolve|Connection refused|Connection timed out|Failed to connect|unable to access|Network is unreachable|No route to host|Couldn't connect|Operation timed out|error: 5\d\d/i,
    )
  ) {
    return { what: 'it cannot be reached', hint: 'Check the address with `git remote -v` and run again.' };
  }
  return { what: 'git failed', hint: 'Check that `git fetch` and `git push` work in this workspace.' };
}

/** The lines a person needs: what git and the remote said, without progress and advice. */
function saying(stderr: string): string {
  return stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('hint:') && !/^(?:To|From) /.test(line))
    .slice(0, 8)
    .join('\n');
}
