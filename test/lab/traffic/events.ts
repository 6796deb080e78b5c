import { Loss } from './loss.ts';

/** eventsVersion returns the version that has sent exactly these events, and throws a Loss `mismatch` when one is missing or wrong. */
export function eventsVersion(body: string, count: number): string {
  const [, version = ''] = /^data: 1 (.*)$/m.exec(body) ?? [];
  const whole = Array.from({ length: count }, (_, index) => eventText(index + 1, version)).join('');
  if (version === '' || body !== whole)
    throw new Loss('mismatch', `events are ${JSON.stringify(body.slice(0, 80))}`);
  return version;
}

/** An event as the lab's app sends it. */
function eventText(number: number, version: string): string {
  return `id: ${number}\ndata: ${number} ${version}\n\n`;
}
