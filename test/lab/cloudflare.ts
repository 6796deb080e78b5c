import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { RecordCreateParams, RecordResponse } from 'cloudflare/resources/dns/records';
import type { ResponseInfo } from 'cloudflare/resources/shared';
import type { Zone } from 'cloudflare/resources/zones/zones';

/** A TXT record as Cloudflare keeps it. */
export type KeptRecord = RecordResponse.TXTRecord;

/** A Cloudflare of the lab: zones with their records, and who may see them. Its shapes are those of the official client. */
export interface FakeCloudflare {
  apiUrl: string;
  /** The token that may do everything here. */
  apiToken: string;
  /** All records there are now. */
  records: KeptRecord[];
  /** Method and path of every request. */
  asked: string[];
  /** What the next requests are answered instead, first come first served. */
  next: { status: number; headers?: Record<string, string>; errors: ResponseInfo[] }[];
  stop(): Promise<void>;
}

/** What a FakeCloudflare has, and who is told when the records of a name change. */
export interface FakeCloudflareOptions {
  zones: readonly string[];
  /** Of every zone, as `address:port`; default: none that could be asked. */
  nameServers?: readonly string[];
  /** Told all TXT values of a name whenever one comes or goes. */
  publish?: (name: string, values: readonly string[]) => Promise<void>;
}

/** startCloudflare serves the part of the API that DNS-01 needs, on a free port of this machine. */
export async function startCloudflare({
  zones,
  nameServers = [],
  publish = async () => {},
}: FakeCloudflareOptions): Promise<FakeCloudflare> {
  const apiToken = randomUUID();
  const records: KeptRecord[] = [];
  const asked: string[] = [];
  const next: FakeCloudflare['next'] = [];
  const known = zones.map(
    (name) =>
      ({ id: randomUUID().replaceAll('-', ''), name, name_servers: [...nameServers] }) as Pick<
        Zone,
        'id' | 'name' | 'name_servers'
      >,
  );

  const told = async (name: string) => {
    const values = records.filter((record) => record.name === name).map(({ content = '' }) => content);
    // In quotes is how Cloudflare keeps it, and not how name servers serve it.
    await publish(
      name,
      values.map((value) => value.replace(/^"(.*)"$/, '$1')),
    );
  };

  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const url = new URL(request.url ?? '', 'http://cloudflare');
    asked.push(`${request.method} ${url.pathname}`);
    const failure = next.shift();
    if (failure) return failure;
    if (request.headers.authorization !== `Bearer ${apiToken}`) {
      return { status: 403, errors: [{ code: 10000, message: 'Authentication error' }] };
    }
    if (url.pathname === '/client/v4/zones') {
      return { status: 200, result: known.filter(({ name }) => name === url.searchParams.get('name')) };
    }
    const [, zoneId, id] = /^\/client\/v4\/zones\/(\w+)\/dns_records(?:\/(\w+))?$/.exec(url.pathname) ?? [];
    const zone = known.find((one) => one.id === zoneId);
    if (zone === undefined)
      return { status: 404, errors: [{ code: 7003, message: 'No route for that URI' }] };
    switch (request.method) {
      case 'GET': {
        const name = url.searchParams.get('name.exact');
        return {
          status: 200,
          result: records.filter((record) => record.name === name && record.type === 'TXT'),
        };
      }
      case 'POST': {
        const wanted = (await json(request)) as RecordCreateParams.TXTRecord;
        const isThere = records.some(
          ({ name, content }) => name === wanted.name && content === wanted.content,
        );
        if (isThere)
          return { status: 400, errors: [{ code: 81058, message: 'An identical record already exists.' }] };
        if (!`.${wanted.name}`.endsWith(`.${zone.name}`) || (wanted.comment?.length ?? 0) > 100) {
          return { status: 400, errors: [{ code: 9000, message: 'DNS name is invalid.' }] };
        }
        const { name, content = '', ttl, comment = '' } = wanted;
        const now = '2026-01-01T00:00:00Z';
        const made = {
          ...{ id: randomUUID().replaceAll('-', ''), type: 'TXT', name, content, ttl, comment },
          ...{ created_on: now, modified_on: now, meta: {}, proxiable: false, proxied: false, tags: [] },
        } as unknown as KeptRecord;
        records.push(made);
        await told(name);
        return { status: 200, result: made };
      }
      case 'DELETE': {
        const at = records.findIndex((record) => record.id === id);
        const [gone] = at < 0 ? [] : records.splice(at, 1);
        if (gone === undefined)
          return { status: 404, errors: [{ code: 81044, message: 'Record does not exist.' }] };
        await told(gone.name);
        return { status: 200, result: { id: gone.id } };
      }
      default:
        return { status: 405, errors: [{ code: 10405, message: 'Method not allowed' }] };
    }
  };

  const server = createServer((request, response) => {
    void answer(request).then(({ status, headers, result = null, errors = [] }) => {
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify({ success: status < 400, errors, messages: [], result }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`,
    ...{ apiToken, records, asked, next },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Answer {
  status: number;
  headers?: Record<string, string>;
  result?: unknown;
  errors?: ResponseInfo[];
}
