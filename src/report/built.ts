import type { Ejected } from '../build/eject.ts';
import type { BuiltImage } from '../build/images.ts';
import type { Built } from '../commands/build-push.ts';
import { page } from './markdown.ts';
import { markdownTable, type Row, textTable } from './table.ts';

/** renderBuilt returns which images there are, and what was done for them, as lines for a log and as Markdown. Pure. */
export function renderBuilt({ title, images, ejected }: Built): { lines: string[]; markdown: string } {
  if (ejected !== undefined) return renderEjected(title, ejected);
  const built = images.filter(({ outcome }) => outcome === 'built').map(({ service }) => service);
  const missing = images.filter(({ outcome }) => outcome === 'missing').map(({ service }) => service);
  const headline =
    missing.length > 0
      ? `${title}: ${missing.join(', ')} would be built`
      : built.length > 0
        ? `${title}: built ${built.join(', ')}`
        : `${title}: nothing had to be built`;
  return {
    lines: [headline, ...builtLines(images)],
    markdown: page(`## ${built.length + missing.length > 0 ? '📦' : '✅'} ${headline}`, builtTable(images)),
  };
}

/** builtLines returns what was done for images as lines of a log; none for none. Pure. */
export function builtLines(images: readonly BuiltImage[]): string[] {
  return images.length === 0 ? [] : textTable(images.map(rowOf));
}

/** builtTable returns what was done for images in GitHub's Markdown; empty for none. Pure. */
export function builtTable(images: readonly BuiltImage[]): string {
  return images.length === 0 ? '' : markdownTable(images.map(rowOf));
}

function renderEjected(title: string, ejected: readonly Ejected[]): { lines: string[]; markdown: string } {
  const headline = `${title}: wrote Dockerfiles for ${ejected.map(({ service }) => service).join(', ')}, and built nothing`;
  const rows = ejected.flatMap(({ service, files }) => files.map((file) => ({ service, file })));
  const next = 'Commit them, and remove template from their builds.';
  return {
    lines: [headline, ...textTable(rows), next],
    markdown: page(`## 📝 ${headline}`, markdownTable(rows), next),
  };
}

const OUTCOMES: Record<BuiltImage['outcome'], string> = {
  built: 'built',
  present: 'was there',
  missing: 'would be built',
};

function rowOf({ service, outcome, why, steps, ms, image, ...sizes }: BuiltImage): Row {
  return {
    service,
    image: outcome === 'missing' ? '–' : image,
    done: OUTCOMES[outcome],
    why,
    'from cache': steps === undefined ? '–' : `${steps.cached} of ${steps.total} steps`,
    time: ms === undefined ? '–' : `${(ms / 1000).toFixed(1)} s`,
    size: sizeOf(sizes),
  };
}

/** The size, and by how much it is another one than that of the image before: `12.3 MB (+0.4)`. */
function sizeOf({
  sizeBytes,
  previousSizeBytes,
}: Pick<BuiltImage, 'sizeBytes' | 'previousSizeBytes'>): string {
  if (sizeBytes === undefined) return '–';
  const size = `${megabytes(sizeBytes)} MB`;
  if (previousSizeBytes === undefined) return size;
  const difference = megabytes(sizeBytes - previousSizeBytes);
  if (/^-?0\.0$/.test(difference)) return `${size} (as before)`;
  return `${size} (${difference.startsWith('-') ? difference.replace('-', '−') : `+${difference}`})`;
}

const megabytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
