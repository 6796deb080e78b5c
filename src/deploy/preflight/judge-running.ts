import type { ObservedCopy, ObservedServer } from '../planning/observed.ts';
import type { Plan } from '../planning/plan.ts';
import { adviseUnfinished, describeUnfinished } from '../planning/unfinished-hook.ts';
import type { Finding } from './findings.ts';

/** A container that came back this often does not run well. */
const MANY_RESTARTS = 3;

/** judgeHealth names the containers of the environment that do not do well now. */
export function judgeHealth({ name: server, copies }: ObservedServer): Finding[] {
  const found = { server, check: 'health' as const };
  // How what is taken over does is nobody's promise.
  const ours = copies.filter(({ isAdopted }) => !isAdopted);
  const ill = ours.flatMap((copy) => {
    const complaint = complaintOf(copy);
    return complaint === undefined ? [] : [`${copy.name} ${complaint}`];
  });
  if (ill.length === 0) return [{ ...found, level: 'ok', message: 'what runs there runs well' }];
  return ill.map((message) => ({
    ...found,
    level: 'warning',
    message,
    hint: 'Look at its log on the server: docker logs --tail 50, and its name.',
  }));
}

function complaintOf({ isRunning, condition }: ObservedCopy): string | undefined {
  const { state = 'running', restarts = 0, health } = condition ?? {};
  if (state === 'restarting' || (isRunning && restarts >= MANY_RESTARTS))
    return `was started again ${restarts} times`;
  if (!isRunning) return `does not run (${state})`;
  return health === 'unhealthy' ? 'is unhealthy, by the health check of its image' : undefined;
}

/** judgeHooks names the hooks of which nobody knows how they ended: a deploy changes nothing, and asks. */
export function judgeHooks({ unfinished }: Plan): Finding[] {
  return unfinished.map((hook) => ({
    server: '',
    check: 'hook',
    level: 'error',
    message: describeUnfinished(hook),
    hint: adviseUnfinished(hook),
  }));
}

/** judgeLease says whether a deploy could begin now. */
export function judgeLease(holder: string | undefined): Finding {
  const found = { server: '', check: 'lease' as const };
  if (holder === undefined) return { ...found, level: 'ok', message: 'nobody changes the environment' };
  return {
    ...found,
    level: 'warning',
    message: `the environment is being changed by ${holder}`,
    hint: 'A deploy waits for it; what it changes may make this plan another one.',
  };
}
