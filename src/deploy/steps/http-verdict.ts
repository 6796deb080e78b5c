import { isDeepStrictEqual } from 'node:util';
import type { HttpAnswer } from '../../fleet/http.ts';
import type { Healthcheck } from '../../model/spec.ts';

/** What is wrong with a copy, for people. */
export interface Complaint {
  why: string;
  /** What to do about it, where more can be said than that the app does not do well. */
  advice?: string;
  /** A connection of the check's own was refused. */
  isRefused?: boolean;
}

/** How a copy is asked over HTTP. */
interface Asked {
  path: string;
  host: string;
}

/** With a path of its own, an app says by its answer whether it can serve. */
const USUAL: readonly [number, number][] = [[200, 399]];
/** `/` may ask for a login, or may not be there: who says so works. */
const WITHOUT_PATH: readonly [number, number][] = [[100, 499]];
/** As much of a value of the app's as is shown. */
const SHOWN = 60;

/**
 * complaintAbout returns what is wrong with an answer to a health check; undefined for a good one. A redirect, a login, a
 * host that the app does not take and an answer without content are told apart, since each has another remedy. Pure.
 */
export function complaintAbout(
  { status, headers, body }: HttpAnswer,
  asked: Asked,
  { path, expect = {} }: Pick<Healthcheck, 'path' | 'expect'>,
): Complaint | undefined {
  const answered = `GET ${asked.path} answered ${status}`;
  const wanted = expect.status ?? (path === undefined ? WITHOUT_PATH : USUAL);
  if (!wanted.some(([from, to]) => from <= status && status <= to))
    return complainOfStatus(answered, status, headers, asked);
  if (expect.json === undefined) return undefined;
  if (body.trim() === '')
    return { why: `${answered} without any content, and JSON is expected`, advice: NO_JSON };
  const found = parsed(body);
  if (found === undefined)
    return { why: `${answered} with what is no JSON: ${JSON.stringify(shortened(body))}`, advice: NO_JSON };
  const difference = differenceOf(found, expect.json, '');
  return difference === undefined ? undefined : { why: `${answered}, and ${difference}` };
}

const NO_JSON =
  'Does the path lead to the health check of the app? Without "expect: { json: … }" its status alone counts.';

function complainOfStatus(
  answered: string,
  status: number,
  headers: HttpAnswer['headers'],
  { host }: Asked,
): Complaint {
  if (status >= 300 && status < 400 && status !== 304) {
    const to = [headers.location].flat()[0];
    return {
      why: to === undefined ? `${answered}, a redirect` : `${answered}, a redirect to ${shortened(to)}`,
      advice: /^https:/i.test(to ?? '')
        ? 'The app sends plain HTTP to https: ask it as the proxy in front does, "healthcheck: { headers: { X-Forwarded-Proto: https } }", or let it answer this path without that.'
        : 'Redirects are not followed: set "path" to where it leads, or take it with "expect: { status: 200-399 }".',
    };
  }
  if (status === 401 || status === 403) {
    return {
      why: `${answered}: the app wants to know who asks`,
      advice: `Let it answer this path without a login, set "path" to one that needs none, or take it with "expect: { status: ${status} }".`,
    };
  }
  if (status === 400 || status === 421) {
    return {
      why: `${answered} to the host ${host}`,
      advice: `Does the app take that host (ALLOWED_HOSTS in Django, config.hosts in Rails)? Add it there, or set "healthcheck: { headers: { Host: … } }".`,
    };
  }
  if (status === 404 || status === 405)
    return { why: answered, advice: 'Is "path" of the health check one that the app answers to GET?' };
  if (status < 300)
    return {
      why: `${answered}, which "expect" does not name`,
      advice: `If that is healthy, add it: "expect: { status: [${status}, …] }".`,
    };
  return { why: answered };
}

/** Where what was found differs from what is wanted, as the end of a sentence. */
function differenceOf(found: unknown, wanted: unknown, at: string): string | undefined {
  if (!isMap(wanted)) {
    if (isDeepStrictEqual(found, wanted)) return undefined;
    return `"${at}" is ${shortened(JSON.stringify(found))}, not ${shortened(JSON.stringify(wanted))}`;
  }
  if (!isMap(found)) return at === '' ? 'its JSON is no map' : `"${at}" is no map`;
  for (const [name, value] of Object.entries(wanted)) {
    const inside = at === '' ? name : `${at}.${name}`;
    if (!Object.hasOwn(found, name)) return `its JSON has no "${inside}"`;
    const difference = differenceOf(found[name], value, inside);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined for what is no JSON, which no JSON is. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function shortened(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
