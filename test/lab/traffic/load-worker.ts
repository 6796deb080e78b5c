/** The child's half of `load-process.ts`: a load worker answers its parent's questions and dies with it. */

/** What travels between a test and its load process, as JSON over Node's IPC channel. */
export type ToWorker = { id: number; question: string };
export type FromWorker =
  | { ready: true }
  | { id: number; value: unknown }
  | { id: number; error: string }
  | { event: string; value: unknown };

/** workerOptions reads the options that the parent gave to LoadProcess. */
export function workerOptions<Options>(): Options {
  return JSON.parse(process.argv[2] ?? '{}') as Options;
}

/** answerParent answers the parent's questions with these functions, from now until the parent goes away. */
export function answerParent(answers: Record<string, () => unknown>): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', async ({ id, question }: ToWorker) => {
    try {
      tellParent({ id, value: await answers[question]?.() });
    } catch (error) {
      tellParent({ id, error: String(error) });
    }
  });
  tellParent({ ready: true });
}

/** tellParent sends a message; silent when the parent is gone. */
export function tellParent(message: FromWorker): void {
  if (process.connected) process.send?.(message, () => {});
}
