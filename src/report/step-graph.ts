import type { PlannedStep } from '../deploy/planning/graph.ts';
import type { Step } from '../deploy/steps/index.ts';
import { mermaid } from './markdown.ts';

/** Mermaid draws no more boxes than a person would still follow. */
const MOST_BOXES = 40;
/** Servers are named in a box as long as there are few. */
const MOST_NAMES = 3;

/** Steps that differ by their servers only. */
interface Box {
  id: string;
  what: string;
  servers: Set<string>;
  needs: Set<Box>;
  /** All that comes before it. */
  before: Set<Box>;
}

/**
 * renderSteps draws the steps of a plan as boxes, with an arrow to each from what it needs; empty where there is no
 * order to see. What is done on several servers is one box, and a need that follows from others has no arrow. Pure.
 */
export function renderSteps(steps: readonly PlannedStep[]): string {
  const boxes = boxesOf(steps);
  if (boxes.length < 2) return '';
  const title = '### The steps, each after what it needs';
  if (boxes.length > MOST_BOXES) return `${title}\n\n${steps.length} steps are too many to draw.`;
  const isOneServer = new Set(boxes.flatMap(({ servers }) => [...servers])).size === 1;
  const labels = boxes.map(({ id, what, servers }) => {
    const where = isOneServer ? '' : whereText(servers);
    return `    ${id}["${what}${where}"]`;
  });
  const arrows = boxes.flatMap((box) => directNeeds(box).map(({ id }) => `    ${id} --> ${box.id}`));
  return `${title}\n\n${mermaid(['flowchart TD', ...labels, ...arrows])}`;
}

/**
 * Steps that are about the same and need the same are one box. No box can need itself: whatever needs one of its steps
 * needs more than they do.
 */
function boxesOf(steps: readonly PlannedStep[]): Box[] {
  const boxes = new Map<string, Box>();
  const boxOf = new Map<string, Box>();
  for (const { id, step, needs: ids } of steps) {
    const needs = new Set(ids.flatMap((need) => boxOf.get(need) ?? []));
    const what = titleOf(step);
    const key = [what, ...[...needs].map((need) => need.id).sort()].join('\n');
    const box = boxes.get(key) ?? {
      id: boxId(boxes.size),
      what,
      servers: new Set(),
      needs,
      before: new Set([...needs].flatMap((need) => [need, ...need.before])),
    };
    for (const server of serversOf(step)) box.servers.add(server);
    boxes.set(key, box);
    boxOf.set(id, box);
  }
  return [...boxes.values()];
}

function directNeeds({ needs }: Box): Box[] {
  return [...needs].filter((need) => ![...needs].some((other) => other.before.has(need)));
}

/** In few words: the kind of a step, and what it is about. */
function titleOf(step: Step): string {
  const which = 'hook' in step ? `${step.hook} of ` : '';
  return plain(`${step.kind} ${which}${subjectOf(step)}`);
}

function subjectOf(step: Step): string {
  if ('service' in step) return step.service;
  if ('moved' in step) return step.moved.join(', ');
  return 'image' in step ? step.image : '';
}

function serversOf(step: Step): readonly string[] {
  if ('server' in step) return [step.server];
  return 'servers' in step ? step.servers : [];
}

function whereText(servers: ReadonlySet<string>): string {
  if (servers.size === 0) return '';
  return `<br/>${servers.size > MOST_NAMES ? `${servers.size} servers` : plain([...servers].join(', '))}`;
}

/** `na`, `nb`, …: Mermaid takes some words for its own, `end` among them, and no box must be called so. */
function boxId(index: number): string {
  const digits = [...String(index)].map((digit) => String.fromCharCode(97 + Number(digit)));
  return `n${digits.join('')}`;
}

/** What could end a label, or mean something in it, is left out. */
function plain(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N} .,:/@_+-]/gu, ' ').trimEnd();
}
