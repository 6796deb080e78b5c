/**
 * namesInTree returns the names of the entries of a tree object, in its order. `format` says how long an entry's id
 * is: 20 bytes for `sha1`, 32 for `sha256`.
 */
export function namesInTree(content: Buffer, format: string): string[] {
  const idLength = format === 'sha256' ? 32 : 20;
  const names: string[] = [];
  for (let at = 0; at < content.length; ) {
    // An entry is `<mode> <name>`, a zero byte, and the id.
    const space = content.indexOf(0x20, at);
    const end = content.indexOf(0, space);
    names.push(content.toString('utf8', space + 1, end));
    at = end + 1 + idLength;
  }
  return names;
}
