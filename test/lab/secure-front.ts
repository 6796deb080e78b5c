import { localProvider } from '../../src/fleet/local.ts';
import type { Server } from '../../src/fleet/server.ts';
import { poll, systemClock } from '../../src/model/clock.ts';
import type { TlsSpec } from '../../src/model/spec.ts';
import { installCertificate, type KeyPair } from '../../src/nginx/certificates.ts';
import { NginxInstance } from '../../src/nginx/instance.ts';
import { type Front, type FrontApp, startFront } from './front.ts';

/** The environment of a front. */
export const SCOPE = 'shop_production';
const clock = systemClock;

/** An edge with TLS in front of an app, and how certificates get there. */
export interface SecureFront {
  front: Front;
  edge: NginxInstance;
  server: Server;
  install(domain: string, pair: KeyPair): Promise<void>;
  down(): Promise<void>;
}

/** startSecureFront starts an edge with TLS in front of one app, and of others where there are any. */
export async function startSecureFront(
  tls: TlsSpec,
  domains: string[],
  app: Partial<FrontApp> = {},
  others: readonly FrontApp[] = [],
): Promise<SecureFront> {
  const front = await startFront('edge', [{ name: 'app', domains, ...app }, ...others], { tls });
  const spec = { name: 'here', host: 'localhost', port: 22, user: '', zone: 'default', hostKeys: [] };
  const server = await localProvider([spec]).connect(spec);
  const edge = new NginxInstance('edge', server, { id: front.id, name: 'edge', address: front.address });
  // It runs, and listens a moment later.
  await poll(clock, { everyMs: 50, timeoutMs: 20_000 }, () =>
    edge.look(SCOPE, clock).then(
      () => true,
      () => undefined,
    ),
  );
  return {
    front,
    edge,
    server,
    install: (domain, pair) =>
      installCertificate(edge, { scope: SCOPE, domain, origin: 'here' }, pair, clock),
    down: async () => {
      await server.close();
      await front.down();
    },
  };
}
