import type { RecordResponse } from 'cloudflare/resources/dns/records';
import type { Zone } from 'cloudflare/resources/zones/zones';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { CloudflareApi } from './cloudflare-api.ts';
import { CertificateError } from './failure.ts';
import type { Challenge, ChallengeSolver } from './solver.ts';
import { awaitTxt } from './txt-visible.ts';

/** How the zones of an account at Cloudflare are reached. */
export interface CloudflareAccess {
  /** A token that may read zones (Zone:Read) and edit their records (DNS:Edit). */
  apiToken: string;
  /** Default: Cloudflare's own. */
  apiUrl?: string;
}

/** Whose records a solver makes, and where it looks for them. */
export interface CloudflareOptions extends CloudflareAccess {
  /** Whose the records are, such as `shop/production`; of two with the same owner only one may be at work. */
  owner: string;
  clock: Clock;
  log?: Log;
  /** Name servers that are asked whether a record is served, as `address` or `address:port`; default: those of its zone. */
  nameServers?: readonly string[];
}

/** Seconds; the shortest that Cloudflare has for everybody. */
const TTL = 60;
/** Longer comments are for those who pay. */
const LONGEST_COMMENT = 100;

/**
 * cloudflareSolver proves names by TXT records in zones at Cloudflare. Its records carry a comment that says whose they
 * are: what a killed run of the same owner has left at a name goes with the next challenge there, and nothing else is ever
 * removed. It throws a CertificateError.
 */
export function cloudflareSolver(options: CloudflareOptions): ChallengeSolver {
  const { owner, clock, log } = options;
  const withApi = async (work: (cloudflare: CloudflareApi) => Promise<void>): Promise<void> => {
    const cloudflare = new CloudflareApi(options, clock);
    try {
      await work(cloudflare);
    } finally {
      await cloudflare.close();
    }
  };
  const comment = `ACME challenge of ${owner} (Switchyard)`.slice(0, LONGEST_COMMENT);
  return {
    type: 'dns-01',
    present: (challenges) =>
      withApi(async (cloudflare) => {
        await Promise.all(
          [...byRecordName(challenges)].map(async ([recordName, values]) => {
            const zone = await zoneOf(cloudflare, recordName);
            await removeOwn(cloudflare, zone, recordName, comment);
            await Promise.all(
              values.map((value) =>
                cloudflare.createRecord(zone.id, {
                  type: 'TXT',
                  name: recordName,
                  // Cloudflare keeps the text of a TXT record in quotes, as zone files have it.
                  content: `"${value}"`,
                  ttl: TTL,
                  comment,
                }),
              ),
            );
            log?.debug(`Cloudflare has ${values.length} TXT records for ${recordName}`);
            await awaitTxt({
              recordName,
              values,
              nameServers: options.nameServers ?? zone.name_servers,
              clock,
              log,
            });
          }),
        );
      }),
    cleanUp: (challenges) =>
      withApi(async (cloudflare) => {
        await Promise.all(
          [...byRecordName(challenges).keys()].map(async (recordName) => {
            const zone = await findZone(cloudflare, recordName);
            if (zone !== undefined) await removeOwn(cloudflare, zone, recordName, comment);
          }),
        );
      }),
  };
}

/** The values that each record name has to have: a domain and its wildcard are proven at one name. */
function byRecordName(challenges: readonly Challenge[]): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const { name, dnsValue } of challenges) {
    const recordName = `_acme-challenge.${name}`;
    values.set(recordName, [...new Set([...(values.get(recordName) ?? []), dnsValue])]);
  }
  return values;
}

/** Finds the zone that a name lies in: of all that the token can see, the one with the longest name. */
async function findZone(cloudflare: CloudflareApi, recordName: string): Promise<Zone | undefined> {
  const zones = await Promise.all(zoneNames(recordName).map((name) => cloudflare.zoneNamed(name)));
  return zones.find((zone) => zone !== undefined);
}

async function zoneOf(cloudflare: CloudflareApi, recordName: string): Promise<Zone> {
  const zone = await findZone(cloudflare, recordName);
  if (zone !== undefined) return zone;
  const [name = '', ...others] = zoneNames(recordName);
  throw new CertificateError(`Cloudflare has no zone for ${name} that the token may see`, {
    because: 'names',
    hint: `Is the domain in this account? The token needs Zone:Read and DNS:Edit for its zone: ${[name, ...others].join(' or ')}.`,
    failures: [{ name, reason: 'its zone is not at Cloudflare, or the token may not see it' }],
  });
}

/** What the zone of a record may be called, the longest first; a top-level domain is nobody's. */
function zoneNames(recordName: string): string[] {
  const labels = recordName.split('.').slice(1);
  return labels.slice(0, -1).map((_label, at) => labels.slice(at).join('.'));
}

async function removeOwn(
  cloudflare: CloudflareApi,
  zone: Zone,
  recordName: string,
  comment: string,
): Promise<void> {
  const records = await cloudflare.txtRecords(zone.id, recordName);
  const isOwn = (record: RecordResponse) => record.name === recordName && record.comment === comment;
  await Promise.all(records.filter(isOwn).map(({ id }) => cloudflare.deleteRecord(zone.id, id)));
}
