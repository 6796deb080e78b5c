import { expect, test } from '@jest/globals';
import type { Slot } from '../../../src/model/copy.ts';
import { compose, firstFiles, mendedFiles, type ScopeWish, scopeWish } from '../../../src/nginx/compose.ts';
import { renderPointer } from '../../../src/nginx/main-file.ts';
import type { Route } from '../../../src/nginx/routes.ts';
import { folderOfIdentity, identityOf, parseTree, servedScope, type Tree } from '../../../src/nginx/tree.ts';

const settings = { image: 'nginx:1.30', keepaliveMinTimeoutMs: 2_000 };
const server = { name: 'one', zone: 'a', privateIp: '10.1.0.1' };

/** An edge as it lies in its volume, which projects change one after the other. */
class Edge {
  readonly #files = firstFiles('edge', scopeOf('first'), settings);
  /** What the running nginx says of itself. */
  #identity = identityOf({});

  get tree(): Tree {
    return parseTree(this.#files);
  }

  /** serve gives a project the routes to one slot, as a switch does. */
  serve(project: string, slot: Slot): void {
    const { flags } = this.point(project, slot);
    for (const { name, isSet } of flags.values())
      if (isSet) this.#files.set(`flags/${name}`, '');
      else this.#files.delete(`flags/${name}`);
    const { tree } = this;
    this.#identity = identityOf(tree.folders[tree.live].manifest!.scopes);
  }

  /** point is serve of a run that is cut off before it tells nginx to read. */
  point(project: string, slot: Slot): ScopeWish {
    const scope = scopeOf(project);
    const { tree } = this;
    const folder = folderOfIdentity(tree, this.#identity) ?? tree.live;
    const routes = [routeTo(project, slot)];
    const facts = { scope, repository: project, routes, settings, on: server, servers: [server] };
    const wanted = scopeWish('edge', facts);
    const composition = compose('edge', { ...tree, live: folder }, wanted);
    for (const [path, content] of composition.files) this.#files.set(path, content);
    this.#files.set('nginx.conf', renderPointer(composition.folder));
    return wanted;
  }

  /** write does what a hand on the server does. */
  write(path: string, content: string): void {
    this.#files.set(path, content);
  }

  /** The slot that the live configuration names for a project. */
  slotOf(project: string): string | undefined {
    const { tree } = this;
    return servedScope(tree, tree.live, `${project}_live`)?.routes.web?.copies[0]?.slot;
  }
}

test('projects that change a shared edge in turn never bring back old routes of each other', () => {
  const edge = new Edge();
  edge.serve('first', 'base');
  edge.serve('second', 'base');
  for (const slot of ['secondary', 'base', 'secondary'] as const) {
    edge.serve('second', slot);
    expect(edge.slotOf('second')).toBe(slot);
    edge.serve('first', slot);
    expect([edge.slotOf('first'), edge.slotOf('second')]).toEqual([slot, slot]);
  }
});

test('what a run of one project was cut off before making live is not made live by another one', () => {
  const edge = new Edge();
  edge.serve('first', 'base');
  edge.serve('second', 'base');
  edge.point('second', 'secondary');
  edge.serve('first', 'secondary');
  expect([edge.slotOf('first'), edge.slotOf('second')]).toEqual(['secondary', 'base']);
});

test('each change is staged beside what is live', () => {
  const edge = new Edge();
  for (const project of ['first', 'second', 'second', 'first', 'first']) {
    const { live } = edge.tree;
    edge.serve(project, 'base');
    expect(edge.tree.live).not.toBe(live);
  }
});

test('what was written by hand is mended file by file, without losing what is right', () => {
  const edge = new Edge();
  edge.serve('first', 'base');
  edge.serve('second', 'base');
  const { live, folders } = edge.tree;
  const good = folders[live].files;
  edge.write('nginx.conf', renderPointer(live));
  for (const path of ['http/first_live/web.conf', 'http/second_live/web.conf', 'main.conf']) {
    edge.write(`${live}/${path}`, 'garbage {');
  }
  const mended = mendedFiles('edge', edge.tree)!;
  expect(mended.get('nginx.conf')).toBe(renderPointer(live));
  expect(mended.get(`${live}/main.conf`)).toBe(good.get('main.conf'));
  // The older folder has the first project's file; the second one's was nowhere else: its next run misses it.
  expect(mended.get(`${live}/http/first_live/web.conf`)).toBe(good.get('http/first_live/web.conf'));
  expect(mended.get(`${live}/http/second_live/web.conf`)).toBe('');
  // Nothing is left that names an upstream which is not there: nginx would not start.
  expect(mended.get(`${live}/control/second_live.conf`)).toBe('');
  expect(mended.get(`${live}/control/first_live.conf`)).toBe(good.get('control/first_live.conf'));
});

test('without a manifest nothing can be mended', () => {
  const edge = new Edge();
  edge.serve('first', 'base');
  edge.write(`${edge.tree.live}/manifest.json`, '{');
  expect(mendedFiles('edge', edge.tree)).toBeUndefined();
});

function scopeOf(project: string) {
  return { project, environment: 'live' };
}

function routeTo(project: string, slot: Slot): Route {
  return {
    service: 'web',
    ports: [
      {
        protocol: 'http',
        containerPort: 3000,
        internalPort: 5000,
        hostPort: 8000,
        domains: [`${project}.example.com`],
        provePath: '/',
      },
    ],
    idleTimeoutMs: 60_000,
    copies: [{ server: server.name, slot, weight: 1 }],
  };
}
