import { describe, expect, test } from '@jest/globals';
import { checkDistribution } from '../../../src/bootstrap/distribution.ts';
import { rulesOf } from '../../../src/bootstrap/phases/firewall-door.ts';
import { phasesOf, type Recipe } from '../../../src/bootstrap/recipe.ts';
import { inputOf, readSaid, runPhase } from '../../../src/bootstrap/run-phase.ts';
import { parseOpenPort } from '../../../src/model/bootstrap.ts';

const recipe: Recipe = {
  user: 'deploy',
  keys: ['ssh-ed25519 AAAA'],
  sshPort: 2222,
  openPorts: ['8080/tcp', '51820/udp'],
  neighbours: ['10.0.0.3', 'fd00::3'],
  swapBytes: 0,
};

test('doors come last, when the deploy user is there', () => {
  const phases = phasesOf(recipe);
  const first = phases.findIndex(({ isDoor }) => isDoor);
  expect(phases.slice(first).map(({ name }) => name)).toEqual(['ssh', 'firewall']);
  expect(phases.slice(0, first).map(({ name }) => name)).toContain('user');
});

test('a firewall opens SSH, the web and what is named, and lets neighbours through', () => {
  const rules = rulesOf({ sshPort: 2222, ports: recipe.openPorts, neighbours: recipe.neighbours });
  expect(rules).toContain('tcp dport { 2222, 80, 443, 8080 } accept');
  expect(rules).toContain('udp dport { 443, 68, 546, 51820 } accept');
  expect(rules).toContain('meta l4proto tcp ct original proto-dst { 2222, 80, 443, 8080 } accept');
  expect(rules).toContain('ip saddr { 10.0.0.3 } accept');
  expect(rules).toContain('ip6 saddr { fd00::3 } accept');
  expect(rulesOf({ sshPort: 22, ports: [], neighbours: [] })).not.toContain('saddr');
});

describe('a phase', () => {
  const hostile = `'; touch /tmp/x; echo "$(id)" \`id\``;

  test('is sent with its length, and each argument is a line of its own', () => {
    const input = inputOf({ name: 'any', script: 'exit 0\n', args: [hostile, ''] }, 'look');
    const size = Number(input.slice(0, input.indexOf('\n')));
    const rest = Buffer.from(input.slice(input.indexOf('\n') + 1));
    expect(rest.subarray(0, size).toString()).toMatch(/exit 0\n$/);
    expect(rest.subarray(size).toString()).toBe(`=look\n=${hostile}\n=\n.\n`);
  });

  test('takes no argument of several lines', () => {
    expect(() => inputOf({ name: 'any', script: '', args: ['a\nb'] }, 'look')).toThrow(/several lines/);
  });

  test('says what is missing, what is left, and facts; what else is printed says nothing', () => {
    expect(
      readSaid('lacks Docker\nleft a firewall\nnoise\nfact distribution debian 13\nfact none \n'),
    ).toEqual({
      lacks: ['Docker'],
      left: ['a firewall'],
      facts: { distribution: 'debian 13', none: '' },
    });
  });

  test.each([
    ['sudo: a password is required', /may not become root \(sudo: a password is required\)/],
    ['E: Unable to fetch some archives', /the phase any failed: E: Unable to fetch/],
  ])('that ends with "%s" is an error with these words', async (stderr, expected) => {
    const shell = { name: 'web-1', run: async () => ({ code: 1, stdout: '', stderr }) };
    await expect(runPhase(shell, { name: 'any', script: '', args: [] }, 'look')).rejects.toThrow(expected);
  });
});

test.each(['debian 12', 'debian 13', 'ubuntu 22.04', 'ubuntu 24.04', 'ubuntu 26.04'])(
  '%s is set up',
  (known) => {
    expect(() => checkDistribution('web-1', known)).not.toThrow();
  },
);

test.each(['debian 11', 'ubuntu 23.10', 'fedora 43', 'debian unknown', 'toString x', undefined])(
  '%s is refused',
  (other) => {
    expect(() => checkDistribution('web-1', other)).toThrow(/web-1: .* cannot be set up/);
  },
);

test.each([
  ['8080', '8080/tcp'],
  ['51820/udp', '51820/udp'],
  ['0', undefined],
  ['70000', undefined],
  ['80/http', undefined],
  ['80-90', undefined],
])('port %s is %s', (text, expected) => {
  expect(parseOpenPort(text)).toBe(expected);
});
