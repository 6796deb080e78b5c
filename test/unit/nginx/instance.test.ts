import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Server } from '../../../src/fleet/server.ts';
import { type Composition, compose, firstFiles } from '../../../src/nginx/compose.ts';
import { NginxInstance } from '../../../src/nginx/instance.ts';
import { renderPointer } from '../../../src/nginx/main-file.ts';
import { prove } from '../../../src/nginx/prove.ts';
import { CONFIG_FOLDER, identityOf, parseTree } from '../../../src/nginx/tree.ts';
import { quickClock } from './quick-clock.ts';
import { cache, SETTINGS, SHOP, web, wish } from './routes-of-shop.ts';

const NAME = 'shop_production';
/** The server's clock: years behind ours, so that whoever mixes them up is seen. */
const SERVER_TIME = Date.parse('2020-02-02T12:00:00Z');

/** A server with one nginx, whose words of each path are said in turn, the last one again and again. */
class SaidServer {
  readonly said = new Map<string, (string | Error)[]>();
  readonly answers: { upstream: string; generation: string }[] = [];
  readonly asked: string[] = [];
  readonly logsSince: (number | undefined)[] = [];
  files = firstFiles('sidecar', SHOP, SETTINGS);
  complaints = '';
  proofs = '';
  dialed = 0;

  readonly name = 'london-a';
  readonly engine = {
    readFiles: async () =>
      new Map(
        [...this.files].map(([path, content]) => [`${CONFIG_FOLDER.split('/').at(-1)}/${path}`, content]),
      ),
    info: async () => ({ SystemTime: new Date(SERVER_TIME).toISOString() }),
    logs: async (_id: string, { since }: { since?: number }) => {
      this.logsSince.push(since);
      return { stdout: this.proofs, stderr: this.complaints };
    },
  };
  readonly http = {
    get: async ({ path }: { path: string }) => {
      this.asked.push(path);
      if (path.startsWith('/prove/')) return { status: 200, headers: this.#proof(), body: '' };
      const words = this.said.get(path) ?? [];
      const word = words.length > 1 ? words.shift() : words[0];
      if (word instanceof Error) throw word;
      return { status: word === undefined ? 404 : 200, headers: {}, body: word ?? '' };
    },
  };
  readonly dial = async () => {
    this.dialed += 1;
    return new PassThrough();
  };

  #proof() {
    const { upstream, generation } = this.answers.length > 1 ? this.answers.shift()! : this.answers[0]!;
    return {
      'x-switchyard-generation': generation,
      'x-switchyard-upstream': upstream,
      'x-switchyard-answered': '0.001',
    };
  }

  /** write makes a configuration live; the running nginx has not read it yet. */
  write(): Composition {
    const composition = compose('sidecar', parseTree(this.files), wish('sidecar', [web(), cache()]));
    for (const [path, content] of composition.files) this.files.set(path, content);
    this.files.set('nginx.conf', renderPointer(composition.folder));
    return composition;
  }
}

let server: SaidServer;
let nginx: NginxInstance;
beforeEach(() => {
  server = new SaidServer();
  const facts = { id: 'n', name: 'shop_production_nginx', address: '172.18.0.2' };
  nginx = new NginxInstance('sidecar', server as unknown as Server, facts);
});

describe('a look at an nginx', () => {
  test('waits until the old workers, which answer for a moment after a reload, are gone', async () => {
    const { identity, generation } = server.write();
    server.said.set('/identity', [identityOf({}), identityOf({}), identity]);
    expect(await nginx.look(NAME, quickClock())).toMatchObject({ folder: 'b', generation });
  });

  test('finds one that was never told to read what its pointer names', async () => {
    server.write();
    server.said.set('/identity', [identityOf({})]);
    const clock = quickClock();
    const begun = clock.now();
    expect(await nginx.look(NAME, clock)).toMatchObject({ folder: 'a', generation: undefined });
    expect(clock.now() - begun).toBe(2_000);
  });

  test('reads the volume once, as long as it serves the same', async () => {
    const { identity } = server.write();
    server.said.set('/identity', [identity]);
    const seen = await nginx.lookAgain(NAME, quickClock());
    expect(await nginx.lookAgain(NAME, quickClock())).toBe(seen);
  });
});

describe('after a reload', () => {
  test('the generation is awaited, also while nginx does not answer', async () => {
    server.said.set(`/generation/${NAME}`, ['1.a', new Error('refused'), '2.b']);
    await nginx.awaitGeneration(NAME, '2.b', quickClock());
    expect(server.asked).toHaveLength(3);
  });

  test('a refusal is told with the words of nginx, as soon as it has given up', async () => {
    server.said.set(`/generation/${NAME}`, ['1.a']);
    server.complaints = '2020/02/02 11:59:58 [emerg] 1#1: bind() to 0.0.0.0:5100 failed (98: in use)\n';
    const clock = quickClock();
    const begun = clock.now();
    await expect(nginx.awaitGeneration(NAME, '2.b', clock)).rejects.toMatchObject({
      name: 'UserError',
      message:
        'london-a: sidecar shop_production_nginx: the reload did not take effect (generation 1.a is still served). bind() to 0.0.0.0:5100 failed (98: in use)',
    });
    expect(clock.now() - begun).toBeLessThan(4_100);
    // By the server's own clock, and nothing from before the reload.
    expect(server.logsSince[0]).toBe(SERVER_TIME / 1_000 - 5);
  });

  test('nothing is awaited any longer when the run ends', async () => {
    const run = new AbortController();
    run.abort(new Error('cancelled'));
    const waiting = nginx.awaitGeneration(NAME, '2.b', quickClock().endingWith(run.signal));
    await expect(waiting).rejects.toThrow('cancelled');
  });
});

describe('a switch is proven', () => {
  const proofOf = ({ service, ports } = web()) => ({
    service,
    port: ports[0]!,
    own: ['10.0.0.9:3000'],
    all: ['10.0.0.9:3000', '10.0.0.3:8100'],
  });

  test('when a copy on this server has answered, in the new generation', async () => {
    server.answers.push(
      { upstream: '10.0.0.9:3000', generation: '1.a' },
      { upstream: '10.0.0.3:8100', generation: '2.b' },
      { upstream: '10.0.0.7:3000, 10.0.0.9:3000', generation: '2.b' },
    );
    await prove(nginx, SHOP, '2.b', proofOf(), quickClock());
    expect(server.asked).toHaveLength(8);
  });

  test('and not by the one that serves as backup, who is named', async () => {
    server.answers.push({ upstream: '10.0.0.8:3000', generation: '2.b' });
    await expect(prove(nginx, SHOP, '2.b', proofOf(), quickClock())).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(
        /api is not proven: 10\.0\.0\.9:3000 should answer, but 10\.0\.0\.8:3000 did/,
      ),
    });
  });

  test('for a stream by the log of the connections that were opened for it', async () => {
    server.proofs =
      'switchyard-proof 1.a 15200 10.0.0.9:3000 200\nswitchyard-proof 2.b 15200 10.0.0.9:3000 200\n';
    await prove(nginx, SHOP, '2.b', proofOf(cache()), quickClock());
    expect(server.dialed).toBe(2);
    await expect(prove(nginx, SHOP, '3.c', proofOf(cache()), quickClock())).rejects.toThrow('but nobody did');
  });
});
