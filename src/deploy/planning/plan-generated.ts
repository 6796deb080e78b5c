import type { KeepGeneratedStep, RecordGeneratedStep } from '../steps/generated-secrets.ts';
import type { PlanInput } from './input.ts';

/** planKeepGenerated returns the steps that bring generated secrets to the servers that lack some. Pure. */
export function planKeepGenerated({ generated, reached }: PlanInput): KeepGeneratedStep[] {
  const { lacking, made } = generated;
  return reached.flatMap((server) => {
    const names = lacking[server] ?? [];
    const isMade = (name: string) => made.includes(name);
    if (names.length === 0) return [];
    return [
      {
        kind: 'keep generated',
        server,
        brought: names.filter((name) => !isMade(name)),
        made: names.filter(isMade),
      },
    ];
  });
}

/** planRecordGenerated returns the step that says on the record which there are, where it says something else. Pure. */
export function planRecordGenerated({ generated }: PlanInput): RecordGeneratedStep[] {
  const { unrecorded, unsealed, recipients } = generated;
  if (Object.keys(unrecorded).length + unsealed.length === 0) return [];
  return [
    { kind: 'record generated', secrets: unrecorded, sealed: [...unsealed], recipients: [...recipients] },
  ];
}
