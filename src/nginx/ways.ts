import { containerName, type Scope } from '../model/names.ts';
import { type Route, type RoutePort, UNPOOLED, upstreamName } from './routes.ts';
import { directFlag, type OwnSlots, type RouteFlag, type Sides } from './sides.ts';
import { CONFIG_FOLDER, FLAG_FOLDER } from './tree.ts';

/** A way on which the traffic of a port may go, and its upstream. */
export interface Way {
  upstream: string;
  /** The copy on the server itself, `name:port`; undefined where there is none. */
  own?: string;
  /** The flag that has to be there for it; undefined for the one that needs none. */
  flag?: string;
}

/** waysOf returns the ways of an http port: with two of them, the second upstream has the name of its side. */
export function waysOf(
  scope: Scope,
  { service }: Pick<Route, 'service'>,
  port: RoutePort,
  flag: Pick<RouteFlag, 'name' | 'own'> | undefined,
): [Way, ...Way[]] {
  const upstream = upstreamName(scope, service, port);
  if (flag === undefined) return [{ upstream }];
  const { name, own } = flag;
  const ownOf = (way: keyof OwnSlots) =>
    own && { own: `${containerName(scope, service, own[way])}:${port.containerPort}` };
  return [
    { upstream, ...ownOf('plain') },
    { upstream: upstreamName(scope, service, port, 'secondary'), flag: name, ...ownOf('flagged') },
  ];
}

/** renderChoice renders the choice between ways: `$group` is the upstream then, and `$own` the copy on the server itself. */
export function renderChoice(ways: readonly Way[], indent: string): string {
  return ways
    .map(({ upstream, own, flag }) => {
      const set = `set $group ${upstream};${own === undefined ? '' : ` set $own ${own};`}`;
      return flag === undefined ? `${indent}${set}\n` : `${indent}if (${isThere(flag)}) { ${set} }\n`;
    })
    .join('');
}

/** isThere renders the condition that a flag is there. */
export function isThere(flag: string): string {
  return `-f ${CONFIG_FOLDER}/${FLAG_FOLDER}/${flag}`;
}

/** renderSide renders where requests go: `$side` with `$pooled` or `$single` behind it. */
export function renderSide(ways: readonly Way[]): string {
  const last = ways.at(-1)!;
  const direct =
    last.own === undefined || last.flag === undefined
      ? ''
      : `    if (${isThere(directFlag(last.flag))}) { set $side $own; set $pooled ""; set $single ""; }\n`;
  return `${renderChoice(ways, '    ')}    set $side $group;
    set $pooled $unpooled;
    set $single ${UNPOOLED};
${direct}`;
}

/** flagOf returns the flag that says which way the traffic of a route goes; undefined where there is one way. */
export function flagOf(sides: Sides | undefined): Pick<RouteFlag, 'name' | 'own'> | undefined {
  return sides && { name: sides.flag, own: sides.own };
}
