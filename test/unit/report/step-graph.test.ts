import { describe, expect, test } from '@jest/globals';
import type { PlannedStep } from '../../../src/deploy/planning/graph.ts';
import { renderSteps } from '../../../src/report/step-graph.ts';
import { mistakesIn } from '../docs/mermaid.ts';
import { toggleOn } from './reports.ts';

/** The picture of steps, without its frame. */
function drawn(steps: readonly PlannedStep[]): string {
  return /```mermaid\n([\s\S]*?)\n```/.exec(renderSteps(steps))?.[1] ?? 'nothing was drawn';
}

/** sweep removes a container that nobody needs. */
function sweep(name: string, server: string, needs: string[] = []): PlannedStep {
  return {
    id: name,
    step: { kind: 'forget secrets', server, sets: [{ service: name, version: 1 }] },
    needs,
  };
}

describe('the picture of a plan', () => {
  test('a toggle on two servers is a chain, whose boxes name the servers', () => {
    expect(drawn(toggleOn(['a', 'b']).steps)).toBe(`flowchart TD
    na["pull api:2<br/>a, b"]
    nb["start api<br/>a, b"]
    nc["healthy api<br/>a, b"]
    nd["switch api<br/>a, b"]
    ne["prove api<br/>a, b"]
    nf["drain api<br/>a, b"]
    ng["remove api<br/>a, b"]
    na --> nb
    nb --> nc
    nc --> nd
    nd --> ne
    ne --> nf
    nf --> ng`);
  });

  test('is no larger for more servers', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    expect(drawn(toggleOn(names).steps)).toBe(
      drawn(toggleOn(['a', 'b']).steps).replaceAll('a, b', '5 servers'),
    );
  });

  test('names no server where there is only one', () => {
    expect(drawn(toggleOn(['a']).steps)).toBe(drawn(toggleOn(['a', 'b']).steps).replaceAll('<br/>a, b', ''));
  });

  test('steps of the same kind that need something else are boxes of their own', () => {
    const steps = [sweep('x', 'a'), sweep('y', 'a', ['x']), sweep('z', 'b')];
    expect(drawn(steps)).toBe(`flowchart TD
    na["forget secrets<br/>a, b"]
    nb["forget secrets<br/>a"]
    na --> nb`);
  });

  test('a need that follows from another has no arrow', () => {
    const steps = [sweep('x', 'a'), sweep('y', 'a', ['x']), sweep('z', 'a', ['x', 'y'])];
    expect(drawn(steps).split('\n').slice(-2)).toEqual(['    na --> nb', '    nb --> nc']);
  });

  test('is left out where there is no order to see, and where nobody could follow it', () => {
    expect(renderSteps([])).toBe('');
    expect(renderSteps([sweep('x', 'a')])).toBe('');
    const chain = Array.from({ length: 50 }, (_, index) =>
      sweep(`s${index}`, 'a', index === 0 ? [] : [`s${index - 1}`]),
    );
    expect(renderSteps(chain)).toMatch('50 steps are too many to draw.');
    expect(renderSteps(chain)).not.toMatch('mermaid');
  });

  test('every line is one that Mermaid knows, whatever the names', () => {
    const odd = toggleOn(['a"]; end', '2001:db8::1', 'b|c(d)']).steps;
    expect(mistakesIn(drawn(odd))).toEqual([]);
    expect(drawn(odd)).toMatch('["start api<br/>a    end, 2001:db8::1, b c d"]');
  });
});
