/** What an authority says of a request that it did not do (RFC 7807, RFC 8555 §6.7). */
export interface Problem {
  /** Without `urn:ietf:params:acme:error:`, such as `rateLimited`. */
  type: string;
  /** One line for people. */
  detail: string;
  status: number;
  /** What it says of single names. */
  ofNames: { name: string; detail: string }[];
}

const PREFIX = 'urn:ietf:params:acme:error:';
/** An authority quotes what it saw, which may be a whole page. */
const LONGEST = 600;

/** readProblem reads a problem of any shape that authorities send; `status` stands in where the problem has none. */
export function readProblem(value: unknown, status: number): Problem {
  const said = isRecord(value) ? value : {};
  const type = typeof said.type === 'string' ? said.type.replace(PREFIX, '') : 'unknown';
  const parts = Array.isArray(said.subproblems) ? said.subproblems.filter(isRecord) : [];
  return {
    type,
    detail: oneLine(said.detail) ?? type,
    status: typeof said.status === 'number' ? said.status : status,
    ofNames: parts.flatMap((part) => {
      const name = isRecord(part.identifier) ? part.identifier.value : undefined;
      return typeof name === 'string' ? [{ name, detail: oneLine(part.detail) ?? String(part.type) }] : [];
    }),
  };
}

/** oneLine returns a text of somebody else as one line of bounded length; undefined when it is no text or empty. */
export function oneLine(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  if (text === '') return undefined;
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
