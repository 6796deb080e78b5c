import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { STRATEGIES } from '../../../src/deploy/planning/strategies.ts';
import { kindOf, type Step } from '../../../src/deploy/steps/index.ts';
import { documents, prose, read, root, shown } from './documents.ts';
import { sourceFiles, sourceText } from './messages.ts';
import { openShop } from './shop.ts';

const PAGE = 'docs/architecture.md';
const page = read(PAGE);

/** The import table, as far as it is looked at here. */
interface ImportTable {
  FLOORS: string[][];
  ROOMS: Record<string, string[]>;
  default: { forbidden: { name: string; to: { path?: string } }[] };
}

const { FLOORS, ROOMS, default: rules }: ImportTable = await import(join(root, '.dependency-cruiser.mjs'));

/** rowsBelow returns the cells of the first table below a heading, without its head and without backticks. */
function rowsBelow(heading: string, column: string): string[][] {
  const below = page.slice(page.indexOf(`\n${heading}\n`));
  const table = /^\|.*$(?:\n\|.*$)*/m.exec(below.slice(below.indexOf(`| ${column} |`)))?.[0] ?? '';
  return table
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

/** listOf returns what a cell lists. */
function listOf(cell: string | undefined): string[] {
  return (cell ?? '').split(', ').filter((one) => one !== '');
}

describe('what the code says of the page', () => {
  const cited = [...sourceText().matchAll(/docs\/architecture\.md, "([^"]+)"/g)].map(
    ([, heading]) => heading,
  );

  test.each([...new Set(cited)])('it has the heading that a comment cites: %s', (heading) => {
    expect(page).toMatch(new RegExp(`^#+ ${heading}$`, 'm'));
  });

  test('comments cite no page that the repository does not have', () => {
    const texts = ['src', 'test', 'scripts'].flatMap((folder) =>
      sourceFiles(join(root, folder)).map((path) => readFileSync(path, 'utf8')),
    );
    const pages = texts.flatMap((text) =>
      [...text.matchAll(/\b(?:docs\/)?[\w-]+\.md\b/gi)].map(([name]) => name),
    );
    const missing = pages.filter((name) => name.startsWith('docs/') && !existsSync(join(root, name)));
    expect(missing).toEqual([]);
    expect(pages.filter((name) => /^(?:design|field-notes|requirements|style)\.md$/i.test(name))).toEqual([]);
  });
});

describe('the floors and rooms', () => {
  test('are those of the import table', () => {
    const floors = rowsBelow('## Floors and rooms', 'floor').map(([number, folders]) => ({
      number: Number(number),
      folders: listOf(folders).sort(),
    }));
    expect(floors.reverse()).toEqual(
      FLOORS.map((folders, index) => ({ number: index + 1, folders: [...folders].sort() })),
    );
  });

  test('the rooms of deploy know each other as in the import table', () => {
    const rooms = rowsBelow('## Floors and rooms', 'room').map(([room, others, types]) => ({
      room,
      others: listOf(others),
      types: listOf(types),
    }));
    expect(rooms).toEqual(
      Object.entries(ROOMS).map(([room, others]) => ({ room, others, types: typesOf(rules, room) })),
    );
  });
});

/** typesOf returns the rooms that one knows by their types only. */
function typesOf({ forbidden }: ImportTable['default'], room: string): string[] {
  const rule = forbidden.find(({ name }) => name === `deploy/${room} knows others by their types`);
  return /\(([\w|]+)\)/.exec(rule?.to.path ?? '')?.[1]?.split('|') ?? [];
}

describe('the kinds of steps', () => {
  const index = read('src/deploy/steps/index.ts');
  const list = /^const KINDS = \{\n([\s\S]*?)^\};/m.exec(index)?.[1] ?? '';
  const kinds = [...list.matchAll(/^ {2}(?:'([^']+)'|(\w+))/gm)].map(
    ([, quoted, plain]) => quoted ?? plain ?? '',
  );
  const rows = rowsBelow('### The kinds of steps', 'kind');

  test('are all in the table, in their order', () => {
    expect(kinds.length).toBeGreaterThan(10);
    expect(rows.map(([kind]) => kind)).toEqual(kinds);
  });

  test.each(rows.map(([kind = '', , marks = '']) => ({ kind, marks })))('$kind', ({ kind, marks }) => {
    const { undo, onlyWaits, mayOutlastLease, needsLease, moments = [] } = kindOf({ kind } as Step);
    const told = [
      undo && 'can be taken back',
      onlyWaits && 'only waits',
      mayOutlastLease && 'may outlast the lease',
      needsLease && 'needs the lease',
      moments.length > 0 && `moment${moments.length > 1 ? 's' : ''} ${moments.join(', ')}`,
    ];
    expect(marks).toBe(told.filter(Boolean).join('; '));
  });
});

test('the graph of a toggle is the one that is laid out', async () => {
  const { world, wanted } = await openShop();
  const { steps, rollouts } = (await world.plan(wanted)).plan;
  const own = new Set(rollouts[0]?.steps);
  const kindAt = new Map(steps.filter(({ id }) => own.has(id)).map(({ id, step }) => [id, step.kind]));
  const laidOut = steps.flatMap(({ id, needs }) =>
    needs.flatMap((need) =>
      kindAt.has(id) && kindAt.has(need) ? [`${kindAt.get(need)} → ${kindAt.get(id)}`] : [],
    ),
  );
  expect([...new Set(drawnEdges(shown(PAGE, 'toggle').text))].sort()).toEqual([...new Set(laidOut)].sort());
});

/** drawnEdges returns the arrows of a picture whose boxes begin with the kinds of steps. */
function drawnEdges(picture: string): string[] {
  const labels = new Map(
    [...picture.matchAll(/([a-z]+)\[([a-z ]+):/g)].map(([, id = '', kind = '']) => [id, kind]),
  );
  return [...picture.matchAll(/^ {4}([a-z]+)(?:\[[^\]]*\])? --> ([a-z]+)/gm)].map(
    ([, from = '', to = '']) => `${labels.get(from)} → ${labels.get(to)}`,
  );
}

test('every strategy is explained somewhere', () => {
  const explained = documents().map(prose).join('\n');
  for (const name of Object.keys(STRATEGIES)) expect(explained).toContain(`\`${name}\``);
});

describe('files that documents name', () => {
  const named = documents().flatMap((file) =>
    [...prose(file).matchAll(/`((?:src|test|scripts|examples|docs)\/[\w./-]*[\w/])`/g)].map(
      ([, path = '']) => ({ file, path }),
    ),
  );

  test.each(named)('$file: $path', ({ path }) => {
    expect(existsSync(join(root, path)) ? path : `${path} is missing`).toBe(path);
  });
});
