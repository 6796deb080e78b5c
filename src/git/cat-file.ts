/** One object that `git cat-file --batch` printed. */
export interface GitObject {
  id: string;
  type: string;
  content: Buffer;
}

/**
 * parseObjects reads the output of `git cat-file --batch` for `count` names, in their order; a name that
 * stands for nothing is undefined. It throws when the output ends too early.
 */
export function parseObjects(output: Buffer, count: number): (GitObject | undefined)[] {
  const objects: (GitObject | undefined)[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    const end = output.indexOf(0x0a, at);
    if (end < 0) throw new Error(`git cat-file answered ${index} of ${count} names`);
    const header = output.toString('utf8', at, end);
    at = end + 1;
    const [, id, type, size] = /^([0-9a-f]{40,64}) (\w+) (\d+)$/.exec(header) ?? [];
    if (id === undefined || type === undefined) {
      objects.push(undefined);
      continue;
    }
    objects.push({ id, type, content: output.subarray(at, at + Number(size)) });
    at += Number(size) + 1;
  }
  return objects;
}
