import type { Rule } from './finding.ts';
import { lineOf } from './stages.ts';

/** baseTag looks for base images that are others from one day to the next. */
export const baseTag: Rule = ({ stages }) =>
  stages.flatMap(({ from, image }) => {
    if (image === undefined || image === 'scratch' || image.includes('@')) return [];
    // A colon before the last slash belongs to the port of a registry.
    const [, tag] = image.slice(image.lastIndexOf('/') + 1).split(':');
    if (tag !== undefined && tag !== 'latest') return [];
    const name = tag === undefined ? image : image.slice(0, -':latest'.length);
    return [
      {
        rule: 'latest',
        line: lineOf(from),
        message: `${image}${tag === undefined ? ' has no tag, so it' : ''} is another image from one day to the next`,
        hint: `Write a version, as in ${name}:1.2, so that a build gives again what it gave before.`,
      },
    ];
  });
