/** The two places a service can stand on one server. */
export type Side = 'base' | 'secondary';

/** otherSide returns the side that is not `side`. */
export function otherSide(side: Side): Side {
  return side === 'base' ? 'secondary' : 'base';
}
