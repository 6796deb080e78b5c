/**
 * demultiplex splits the engine's stream of a container without a terminal into stdout and stderr.
 * Each frame is one byte of stream type, three zero bytes, a big-endian length and the payload
 * (Engine API, ContainerAttach, "Stream format").
 */
export function demultiplex(stream: Buffer): { stdout: string; stderr: string } {
  const parts: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  for (let at = 0; at + 8 <= stream.length; ) {
    const length = stream.readUInt32BE(at + 4);
    parts[stream[at] === 2 ? 'stderr' : 'stdout'].push(stream.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return { stdout: Buffer.concat(parts.stdout).toString(), stderr: Buffer.concat(parts.stderr).toString() };
}
