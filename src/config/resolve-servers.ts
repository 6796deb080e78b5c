import type { BootstrapSpec } from '../model/bootstrap.ts';
import type { JumpSpec, ServerSpec } from '../model/spec.ts';
import { parseBytes } from './bytes.ts';
import { DEFAULTS } from './defaults.ts';
import { type EnvironmentInput, nameOf, type ServerInput } from './schema/environment.ts';

/** The runner's own engine: no SSH, so no port, user or key. */
const LOCAL_SERVER: ServerSpec = {
  name: 'localhost',
  host: 'localhost',
  port: 0,
  user: '',
  zone: DEFAULTS.server.zone,
  hostKeys: [],
};

/** resolveServers returns the servers of an environment with its user and all defaults filled in. */
export function resolveServers(environment: EnvironmentInput): ServerSpec[] {
  if (environment.provider === 'local') return [LOCAL_SERVER];
  return environment.servers.map((server) => {
    // That there is one of the two was checked when the file was loaded.
    const user = server.user ?? environment.user ?? '';
    return {
      name: nameOf(server),
      host: server.host,
      port: server.port ?? DEFAULTS.server.port,
      user,
      ...(server.private_ip === undefined ? {} : { privateIp: server.private_ip }),
      zone: server.zone ?? DEFAULTS.server.zone,
      hostKeys: server.host_key ?? [],
      ...(server.jump === undefined ? {} : { jump: resolveJump(server.jump, user) }),
    };
  });
}

/** resolveBootstrap returns how the servers of an environment are set up; undefined where it does not say so. */
export function resolveBootstrap(environment: EnvironmentInput): BootstrapSpec | undefined {
  if (environment.provider === 'local' || environment.bootstrap === undefined) return undefined;
  const said = environment.bootstrap === true ? {} : environment.bootstrap;
  return {
    login: said.login ?? DEFAULTS.bootstrap.login,
    authorizedKeys: said.authorized_keys ?? [],
    ...(said.open_ports && { openPorts: said.open_ports }),
    swapBytes: said.swap ?? parseBytes(DEFAULTS.bootstrap.swap),
  };
}

function resolveJump(jump: NonNullable<ServerInput['jump']>, user: string): JumpSpec {
  return {
    host: jump.host,
    port: jump.port ?? DEFAULTS.server.port,
    user: jump.user ?? user,
    hostKeys: jump.host_key ?? [],
  };
}
