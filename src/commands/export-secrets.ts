import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openAge, recipientsOf, sealAge } from '../config/age.ts';
import { messageOf, UserError } from '../model/errors.ts';
import type { SealedSecrets } from '../state/sealed-secrets.ts';
import type { Inputs } from './inputs.ts';
import type { Project } from './project.ts';
import type { ConcealingLog } from './surroundings.ts';

/** For whoever has asked for it alone. */
const MODE = 0o600;

/** exportSecrets writes the generated secrets that the key of the run opens into a file, and returns their names. */
export async function exportSecrets(
  { workspace, reach }: Pick<Project, 'workspace' | 'reach'>,
  { 'age-key': keys = [], file, plain }: Pick<Inputs, 'age-key' | 'file' | 'plain'>,
  log: ConcealingLog,
): Promise<string[]> {
  if (file === undefined) {
    throw new UserError('no file to export to is named', {
      hint: 'Write its path as the input "file": one that is not there yet, and that git ignores.',
    });
  }
  const store = await reach.openStore();
  const sealed = await store
    .read()
    .then((snapshot) => snapshot.sealedSecrets())
    .finally(() => store.close());
  const values = await openAll(sealed, keys);
  for (const value of Object.values(values)) log.hide(value);
  const text = `${JSON.stringify(values, null, 2)}\n`;
  await writeNew(
    resolve(workspace, file),
    plain ? text : await sealAge(await recipientsOf(keys), text),
    file,
  );
  return Object.keys(values);
}

async function openAll(sealed: SealedSecrets, keys: readonly string[]): Promise<Record<string, string>> {
  const names = Object.keys(sealed).sort();
  if (names.length === 0) {
    throw new UserError('there are no encrypted copies of generated secrets on the state branch', {
      hint: 'The next deploy of a service that uses some writes them for those that "age_recipients" names. Until then they are on the servers alone.',
    });
  }
  const opened = names.map(async (name) => {
    const text = await openAge(`the encrypted copy of secret ${name}`, Buffer.from(sealed[name]!.age), keys);
    return [name, text.toString()] as const;
  });
  return Object.fromEntries(await Promise.all(opened));
}

/** A file that is there already may be readable by others, or be a link. */
async function writeNew(path: string, text: string, said: string): Promise<void> {
  try {
    const handle = await open(path, 'wx', MODE);
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new UserError(`${said} cannot be written: ${messageOf(cause)}`, {
      hint: 'Name a file that is not there yet, in a folder that is.',
      cause,
    });
  }
}
