import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { StepGraph, upTo } from '../../../src/deploy/planning/graph.ts';
import type { Step } from '../../../src/deploy/steps/index.ts';

const step = (service: string): Step => ({ kind: 'end probe', service });

/** What each step of a graph needs, by the names of their services. */
function needsIn({ steps }: StepGraph): Record<string, string[]> {
  const nameOf = (id: string) => {
    const found = steps.find((one) => one.id === id)?.step;
    return found !== undefined && 'service' in found ? found.service : id;
  };
  return Object.fromEntries(steps.map(({ id, needs }) => [nameOf(id), needs.map(nameOf)]));
}

describe('a graph of steps', () => {
  test('a step needs those that it was added after, and each of several needs all of them', () => {
    const graph = new StepGraph();
    const started = graph.add([step('a'), step('b')]);
    const healthy = graph.add([step('c'), step('d')], started);
    graph.add(step('e'), healthy);
    expect(needsIn(graph)).toEqual({ a: [], b: [], c: ['a', 'b'], d: ['a', 'b'], e: ['c', 'd'] });
  });

  test('where there is nothing to add, what would have been needed is passed on: a chain holds', () => {
    const graph = new StepGraph();
    const started = graph.add(step('start'));
    const hooked = graph.add([], started);
    expect(hooked).toEqual(started);
    graph.add(step('switch'), graph.add([], hooked));
    expect(needsIn(graph)).toEqual({ start: [], switch: ['start'] });
    expect(graph.add([])).toEqual([]);
  });

  test('what others wait for beside something else passes nothing on', () => {
    const graph = new StepGraph();
    const answering = graph.add(step('answer'));
    const healthy = graph.add(step('healthy'), answering);
    expect(graph.aside([], answering)).toEqual([]);
    graph.add(step('switch'), [healthy, graph.aside([step('stage')], answering)]);
    expect(needsIn(graph)).toMatchObject({ stage: ['answer'], switch: ['healthy', 'stage'] });
  });

  test('what comes after all needs those that nothing else comes after', () => {
    const graph = new StepGraph();
    const started = graph.add(step('start'));
    graph.add(step('pull'));
    graph.add([step('healthy'), step('stage')], started);
    graph.add(step('sweep'), graph.ends());
    expect(needsIn(graph)).toMatchObject({ sweep: ['pull', 'healthy', 'stage'] });
    expect(new StepGraph().ends()).toEqual([]);
  });

  test('what it comes after may be given in parts, some of them empty, and counts once', () => {
    const graph = new StepGraph();
    const [a, b] = [graph.add(step('a')), graph.add(step('b'))];
    graph.add(step('c'), [a, [b, [], [a]]]);
    expect(needsIn(graph)).toMatchObject({ c: ['a', 'b'] });
  });

  test('every step has an id of its own that tells its kind', () => {
    const graph = new StepGraph();
    const ids = [...graph.add([step('a'), step('a')]), ...graph.add(step('a'))];
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^end probe \d+$/);
  });
});

describe('a part of a graph', () => {
  test('up to some steps has them and all that they need, in order, and nothing else', () => {
    const graph = new StepGraph();
    const pulled = graph.add([step('pull a'), step('pull b')]);
    const [drained = ''] = graph.add(step('drain'), pulled.slice(0, 1));
    const [gone = ''] = graph.add(step('remove'), [drained]);
    graph.add(step('start'), [gone, pulled]);
    const names = (ids: string[]) =>
      upTo(graph.steps, ids).map((one) => ('service' in one.step ? one.step.service : ''));
    expect(names([gone])).toEqual(['pull a', 'drain', 'remove']);
    expect(names([drained, ...pulled])).toEqual(['pull a', 'pull b', 'drain']);
    expect(names([])).toEqual([]);
  });

  test('can be run by itself, whatever the graph', () => {
    const edges = fc.array(fc.array(fc.nat(15), { maxLength: 4 }), { maxLength: 15 });
    fc.assert(
      fc.property(edges, fc.nat(15), (all, last) => {
        const graph = new StepGraph();
        const ids: string[] = [];
        for (const [at, to] of all.entries()) {
          const needs = to.filter((one) => one < at).map((one) => ids[one]!);
          ids.push(...graph.add(step(String(at)), needs));
        }
        const part = upTo(graph.steps, ids.slice(last, last + 1));
        const known = new Set<string>();
        for (const { id, needs } of part) {
          for (const need of needs) expect(known).toContain(need);
          known.add(id);
        }
        expect(part.at(-1)?.id).toBe(ids[last]);
      }),
      { seed: 3, numRuns: 100 },
    );
  });
});
