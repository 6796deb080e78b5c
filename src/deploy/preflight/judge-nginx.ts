import type { NginxKind } from '../../nginx/routes.ts';
import type { Plan } from '../planning/plan.ts';
import type { Finding } from './findings.ts';
import type { Port } from './needs.ts';

/** An edge or sidecar as it was found. */
export type NginxLook = { kind: NginxKind } & (
  | { state: 'missing' }
  | { state: 'stopped'; name: string }
  | {
      state: 'runs';
      name: string;
      version: string;
      isNewEnough: boolean;
      /** What nginx has against the configuration that it would read now. */
      complaint: string | undefined;
    }
);

/** judgeNginx judges one edge or sidecar. What a deploy repairs is no error. */
export function judgeNginx(server: string, look: NginxLook): Finding[] {
  const found = { server, check: 'nginx' as const };
  // Whether one is needed is for the plan to say.
  if (look.state === 'missing') return [];
  const { kind, name } = look;
  if (look.state === 'stopped') {
    const message = `the ${kind} ${name} does not run, and a deploy starts it`;
    return [{ ...found, level: 'warning', message, hint: `Look why on the server: docker logs ${name}` }];
  }
  const { version, complaint } = look;
  if (complaint !== undefined) {
    return [
      {
        ...found,
        level: 'warning',
        message: `the ${kind} ${name} would not start with its configuration as it is now: ${complaint}`,
        hint: 'A deploy or update-nginx writes it again.',
      },
    ];
  }
  if (!look.isNewEnough) {
    return [
      {
        ...found,
        level: 'warning',
        message: `the ${kind} ${name} has nginx ${version}, and 1.28 is the oldest that loses no request`,
        hint: 'Set "sidecar.image" to a newer one: a deploy upgrades it.',
      },
    ];
  }
  return [{ ...found, level: 'ok', message: `the ${kind} has nginx ${version}, its configuration is valid` }];
}

/** judgePorts names the ports that a deploy needs and somebody else has. */
export function judgePorts(
  server: string,
  taken: readonly (Port & { holder: string | undefined })[],
): Finding[] {
  const found = { server, check: 'port' as const };
  if (taken.length === 0) return [{ ...found, level: 'ok', message: 'the ports that are needed are free' }];
  return taken.map(({ number, owner, holder }) => ({
    ...found,
    level: 'error',
    message: `port ${number}, which ${owner} needs, is taken by ${holder ?? 'a program on the server'}`,
    hint: 'Stop what listens there ("ss -ltnp" on the server shows it), and run again.',
  }));
}

/** judgeFronts names the fronts that the file says shall go, and that stay for now. */
export function judgeFronts({ staying }: Plan): Finding[] {
  return staying.map((message) => ({
    server: '',
    check: 'port',
    level: 'warning',
    message,
    hint: 'Deploy all services in one run: leave the inputs "service" and "zones" empty.',
  }));
}
