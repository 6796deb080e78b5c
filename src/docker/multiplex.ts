/*
 * The engine's stream of a container without a terminal is made of frames: one byte of stream type, three zero bytes,
 * a big-endian length and the payload (Engine API, ContainerAttach, "Stream format").
 */
const HEADER_BYTES = 8;
const STDOUT = 1;

/** A piece of what a command prints: a frame, or a part of one. */
export interface Piece {
  stream: 'stdout' | 'stderr';
  bytes: Buffer;
}

/** FrameReader takes the frames of a stream apart, however the stream is cut into chunks. */
export class FrameReader {
  #header = Buffer.alloc(0);
  #stream: Piece['stream'] = 'stdout';
  /** Bytes of the present frame that have not come yet. */
  #missing = 0;

  /** Whether the stream may end here: no frame is half read. */
  get isBetweenFrames(): boolean {
    return this.#missing === 0 && this.#header.length === 0;
  }

  /** read returns what a chunk holds, in its order. */
  read(chunk: Buffer): Piece[] {
    const pieces: Piece[] = [];
    for (let rest = chunk; rest.length > 0; ) {
      if (this.#missing === 0) {
        rest = this.#readHeader(rest);
        continue;
      }
      const bytes = rest.subarray(0, this.#missing);
      pieces.push({ stream: this.#stream, bytes });
      this.#missing -= bytes.length;
      rest = rest.subarray(bytes.length);
    }
    return pieces;
  }

  /** #readHeader takes from `chunk` what the header of the next frame still needs, and returns what follows. */
  #readHeader(chunk: Buffer): Buffer {
    const needed = HEADER_BYTES - this.#header.length;
    this.#header = Buffer.concat([this.#header, chunk.subarray(0, needed)]);
    if (this.#header.length === HEADER_BYTES) {
      this.#stream = this.#header[0] === STDOUT ? 'stdout' : 'stderr';
      this.#missing = this.#header.readUInt32BE(4);
      this.#header = Buffer.alloc(0);
    }
    return chunk.subarray(needed);
  }
}

/** isFramed tells whether a whole stream is made of frames, which that of a container with a terminal is not. */
export function isFramed(stream: Buffer): boolean {
  return stream.length === 0 || (stream[0]! <= 2 && stream[1] === 0 && stream[2] === 0 && stream[3] === 0);
}

/** demultiplex splits a whole stream of frames into stdout and stderr. */
export function demultiplex(stream: Buffer): { stdout: string; stderr: string } {
  const pieces = new FrameReader().read(stream);
  const textOf = (name: Piece['stream']): string =>
    Buffer.concat(pieces.filter(({ stream }) => stream === name).map(({ bytes }) => bytes)).toString();
  return { stdout: textOf('stdout'), stderr: textOf('stderr') };
}
