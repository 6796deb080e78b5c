import type { Phase } from '../phase.ts';

/** system says what a server is; it never changes anything. Pure. */
export function system(): Phase {
  return { name: 'system', args: [], script: SCRIPT };
}

const SCRIPT = `[ -r /etc/os-release ] && . /etc/os-release
fact distribution "\${ID:-unknown} \${VERSION_ID:-unknown}"
! has_systemd || fact systemd yes
`;
