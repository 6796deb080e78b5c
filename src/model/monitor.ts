/** How the new copies of a service are watched once they have the traffic; times in milliseconds, shares from 0 to 1. */
export interface MonitorSpec {
  periodMs: number;
  /** Of tries: answers of 5xx, and none. */
  maxFailureRatio: number;
  /** From when on an answer is slow. */
  latencyMs: number;
  maxSlowRatio: number;
  /** Of a container's limit, or of its server. */
  maxMemoryRatio: number;
  /** So many tries are looked at together, at least. */
  minRequests: number;
  /** So many looks in a row find too much of something. */
  breaches: number;
}
