import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { documents, prose, read, root, target } from './documents.ts';

/** Links of a document to files of this repository and to headings. */
const links = documents().flatMap((file) =>
  [...prose(file).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => ({ file, link })),
);

/** anchorsOf returns the anchors that GitHub makes of the headings of a document. */
function anchorsOf(file: string): string[] {
  return [...prose(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  );
}

describe('links', () => {
  test.each(links)('$file → $link', ({ file, link }) => {
    const [path = '', anchor] = link.split('#');
    const to = path === '' ? file : target(file, path);
    expect(existsSync(join(root, to)) ? to : `${to} is missing`).toBe(to);
    if (anchor !== undefined) expect(anchorsOf(to)).toContain(anchor);
  });

  test('there are links to check', () => {
    expect(links.length).toBeGreaterThan(20);
  });

  test('documents name no path of the machine they were written on', () => {
    for (const file of documents()) expect(read(file)).not.toMatch(/\/(?:work|root|home\/\w+)\//);
  });
});
