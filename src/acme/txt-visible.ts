import { Resolver, resolve4 } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Clock, poll } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { CertificateError } from './failure.ts';

/** TXT records that shall be served, and who is asked for them. */
export interface AwaitedTxt {
  recordName: string;
  values: readonly string[];
  /** Names or addresses, the latter also with a port. */
  nameServers: readonly string[];
  clock: Clock;
  log?: Log | undefined;
}

/** What a name server says: it serves all values, not yet, or it did not answer. */
type Said = 'served' | 'not yet' | 'silent';

const EVERY_MS = 500;
/** New records are served by Cloudflare's within seconds. */
const TIMEOUT_MS = 120_000;
/** Where no name server can be asked from here, the authority still may: it gets this much time more. */
const BLIND_LOOKS = 20;

/**
 * awaitTxt waits until every name server that answers serves all values. Where none of them can be asked, it goes on after
 * a while. It throws a CertificateError when the values are not there in time.
 */
export async function awaitTxt({ recordName, values, nameServers, clock, log }: AwaitedTxt): Promise<void> {
  const asked = await resolversFor(nameServers);
  let looks = 0;
  let missing: string[] = [];
  const seen = await poll(clock, { everyMs: EVERY_MS, timeoutMs: TIMEOUT_MS }, async () => {
    looks += 1;
    const said = await Promise.all(
      asked.map(async ({ resolver }) => await ask(resolver, recordName, values)),
    );
    missing = asked.flatMap(({ name }, at) => (said[at] === 'not yet' ? [name] : []));
    if (said.includes('served') && !said.includes('not yet')) return 'served';
    return said.every((one) => one === 'silent') && looks >= BLIND_LOOKS ? 'blind' : undefined;
  });
  if (seen === 'blind') {
    log?.warning(
      `No name server of ${recordName} can be asked from here: whether it is served is not known.`,
    );
  }
  if (seen !== undefined) return;
  const name = recordName.replace(/^_acme-challenge\./, '');
  throw new CertificateError(
    `the TXT record ${recordName} is not served after ${TIMEOUT_MS / 1000} s by ${missing.join(', ')}`,
    {
      because: 'names',
      hint: 'Is the zone active, and does the domain lead to those name servers? Run again.',
      failures: [{ name, reason: `its TXT record is not served by ${missing.join(', ')}` }],
    },
  );
}

/** A resolver for each address of each server: one that lags behind must not hide behind the others. */
async function resolversFor(nameServers: readonly string[]): Promise<{ name: string; resolver: Resolver }[]> {
  const found = await Promise.all(
    nameServers.map(async (name) => {
      const isAddress = isIP(name.replace(/:\d+$/, '')) !== 0 || name.startsWith('[') || isIP(name) !== 0;
      const addresses = isAddress ? [name] : await resolve4(name).catch(() => []);
      return addresses.map((address) => {
        const resolver = new Resolver({ timeout: 2_000, tries: 1 });
        resolver.setServers([address]);
        return { name: isAddress ? name : `${name} (${address})`, resolver };
      });
    }),
  );
  return found.flat();
}

async function ask(resolver: Resolver, recordName: string, values: readonly string[]): Promise<Said> {
  try {
    const records = (await resolver.resolveTxt(recordName)).map((parts) => parts.join(''));
    return values.every((value) => records.includes(value)) ? 'served' : 'not yet';
  } catch (error) {
    const { code } = error as { code?: string };
    return code === 'ENODATA' || code === 'ENOTFOUND' ? 'not yet' : 'silent';
  }
}
