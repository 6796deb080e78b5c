import { UserError, UserErrors } from '../../../src/model/errors.ts';

/** messagesOfAsync returns the messages of the mistakes that `work` fails with, none when it does not fail. */
export async function messagesOfAsync(work: Promise<unknown>): Promise<string[]> {
  try {
    await work;
    return [];
  } catch (error) {
    if (error instanceof UserErrors) return error.errors.map(({ message }) => message);
    if (error instanceof UserError) return [error.message];
    throw error;
  }
}
