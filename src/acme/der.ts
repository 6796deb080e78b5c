/** An element of DER (X.690): what stands in certificates and requests for them. */
export interface DerElement {
  tag: number;
  content: Buffer;
  /** Tag, length and content, as they stand there. */
  whole: Buffer;
}

/** The tags that certificates are made of. */
export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** contextTag returns the tag of the field `[number]`, made of others or not. */
export function contextTag(number: number, isConstructed: boolean): number {
  return (isConstructed ? 0xa0 : 0x80) | number;
}

/** der encodes an element: its content is the parts, one after the other. */
export function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthBytes(content.length), content]);
}

function lengthBytes(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const digits = Buffer.from(evenHex(length.toString(16)), 'hex');
  return Buffer.concat([Buffer.from([0x80 | digits.length]), digits]);
}

/** derInteger encodes a number that is not negative, given as its bytes. */
export function derInteger(bytes: Buffer): Buffer {
  const isNegative = ((bytes[0] ?? 0) & 0x80) !== 0;
  return der(TAG.integer, isNegative ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

/** derObjectId encodes an object identifier such as `2.5.29.17`. */
export function derObjectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...others].flatMap((number) => {
    const groups = [number & 0x7f];
    for (let rest = number >>> 7; rest > 0; rest >>>= 7) groups.unshift(0x80 | (rest & 0x7f));
    return groups;
  });
  return der(TAG.objectId, Buffer.from(bytes));
}

/** derBits encodes whole bytes as a bit string. */
export function derBits(bytes: Buffer): Buffer {
  return der(TAG.bitString, Buffer.from([0]), bytes);
}

/** derTime encodes milliseconds since 1970 to the second, as RFC 5280 wants it: with two digits of the year until 2049. */
export function derTime(ms: number): Buffer {
  const digits = `${new Date(ms).toISOString().replaceAll(/\D/g, '').slice(0, 14)}Z`;
  return digits < '2050'
    ? der(TAG.utcTime, Buffer.from(digits.slice(2)))
    : der(TAG.generalizedTime, Buffer.from(digits));
}

/** readDer returns the elements that follow each other in `bytes`. It throws a RangeError when they do not end with it. */
export function readDer(bytes: Buffer): DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length; ) {
    const short = bytes.readUInt8(at + 1);
    const digits = short < 0x80 ? 0 : short & 0x7f;
    const length = digits === 0 ? short : bytes.readUIntBE(at + 2, digits);
    const start = at + 2 + digits;
    if (start + length > bytes.length) throw new RangeError('an element of DER is longer than what holds it');
    elements.push({
      tag: bytes.readUInt8(at),
      content: bytes.subarray(start, start + length),
      whole: bytes.subarray(at, start + length),
    });
    at = start + length;
  }
  return elements;
}

function evenHex(digits: string): string {
  return digits.length % 2 === 0 ? digits : `0${digits}`;
}
