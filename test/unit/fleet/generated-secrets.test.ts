import { expect, test } from '@jest/globals';
import { makeSecret } from '../../../src/fleet/generated-secrets.ts';

const by = { run: 'run 1', now: Date.parse('2026-11-30T12:00:00Z') };

test('a secret has the characters that it was asked for, and says who made it', () => {
  const secret = makeSecret(128, by);
  expect(secret).toMatchObject({ made_at: '2026-11-30T12:00:00.000Z', run: 'run 1' });
  expect(secret.value).toMatch(/^[A-Za-z0-9]{128}$/);
  expect(makeSecret(128, by).value).not.toBe(secret.value);
  expect(makeSecret(128, by).id).not.toBe(secret.id);
});

test('every character comes, and about as often as the others', () => {
  const counts = new Map<string, number>();
  for (let made = 0; made < 500; made++) {
    for (const character of makeSecret(124, by).value)
      counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  // 1000 of each are expected, with a standard deviation of 31.
  expect(counts.size).toBe(62);
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(250);
});
