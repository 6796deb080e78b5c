/** One line of git configuration; section and variable are in lower case, as git lists them. */
export interface Setting {
  key: string;
  value: string;
}

/** parseSettings reads the output of `git config --list --null`, in git's order: later ones win. */
export function parseSettings(listing: string): Setting[] {
  return listing
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const end = entry.indexOf('\n');
      // A variable without `=` has no value, which git reads as true.
      return end < 0
        ? { key: entry, value: 'true' }
        : { key: entry.slice(0, end), value: entry.slice(end + 1) };
    });
}

/**
 * settingsBeyond returns the settings of `all` that `base` lacks, in order; equal lines count as often as
 * they stand there.
 *
 * The scratch repository reads the person's and the system's configuration by itself. What only the
 * workspace sees (its own file, what `includeIf "gitdir:…"` adds, where actions/checkout puts its
 * credentials) is this difference. Passing more would run credential helpers twice and send headers twice.
 */
export function settingsBeyond(all: readonly Setting[], base: readonly Setting[]): Setting[] {
  const known = new Map<string, number>();
  for (const setting of base) {
    const line = `${setting.key}\n${setting.value}`;
    known.set(line, (known.get(line) ?? 0) + 1);
  }
  return all.filter((setting) => {
    const line = `${setting.key}\n${setting.value}`;
    const left = known.get(line) ?? 0;
    if (left > 0) known.set(line, left - 1);
    return left === 0;
  });
}

/** Sections that say how a remote is reached; all else of the workspace (hooks, signing, …) stays there. */
const TRANSPORT = /^(?:(?:http|credential|protocol|ssh)\.|core\.(?:sshcommand|gitproxy|askpass)$)/;
const REMOTE_TRANSPORT = ['proxy', 'proxyauthmethod', 'uploadpack', 'receivepack'];

/**
 * transportSettings returns those of `settings` that say how to reach a remote; the ones of `remote` are
 * renamed to belong to the remote called `as`.
 */
export function transportSettings(
  settings: readonly Setting[],
  remote: string | undefined,
  as: string,
): Setting[] {
  return settings.flatMap((setting) => {
    if (TRANSPORT.test(setting.key)) return [setting];
    for (const variable of REMOTE_TRANSPORT) {
      if (remote !== undefined && setting.key === `remote.${remote}.${variable}`) {
        return [{ key: `remote.${as}.${variable}`, value: setting.value }];
      }
    }
    return [];
  });
}
