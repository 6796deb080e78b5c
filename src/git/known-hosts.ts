/**
 * Host keys of services that publish them, as of November 2026: one kind of each, which SSH then asks for. A service that
 * takes another one has its users told so; until it is here, the input `git-known-hosts` says it.
 * - https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/githubs-ssh-key-fingerprints
 * - https://docs.gitlab.com/user/gitlab_com/#ssh-host-keys-fingerprints
 * - https://support.atlassian.com/bitbucket-cloud/docs/configure-ssh-and-two-step-verification/
 * - https://docs.codeberg.org/security/ssh-fingerprint/
 */
const PUBLISHED = [
  {
    hosts: 'github.com,[ssh.github.com]:443',
    key: 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
  },
  {
    hosts: 'gitlab.com,[altssh.gitlab.com]:443',
    key: 'AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf',
  },
  {
    hosts: 'bitbucket.org,[altssh.bitbucket.org]:443',
    key: 'AAAAC3NzaC1lZDI1NTE5AAAAIIazEu89wgQZ4bqs3d63QSMzYVa0MuJ2e2gKTKqu+UUO',
  },
  {
    hosts: 'codeberg.org',
    key: 'AAAAC3NzaC1lZDI1NTE5AAAAIIVIC02vnjFyL+I4RHfvIGNtOgJMe769VTF1VR4EB3ZB',
  },
];

/** knownHosts returns a `known_hosts` file of the published host keys, and of lines that a run was given. Pure. */
export function knownHosts(given: string | undefined): string {
  const published = PUBLISHED.map(({ hosts, key }) => `${hosts} ssh-ed25519 ${key}`);
  const more = (given ?? '').split(/\r?\n/).filter((line) => line.trim() !== '');
  return `${[...published, ...more].join('\n')}\n`;
}
