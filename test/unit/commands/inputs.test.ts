import { describe, expect, test } from '@jest/globals';
import { INPUTS, type InputName, readInputs } from '../../../src/commands/inputs.ts';
import { UserError, UserErrors } from '../../../src/model/errors.ts';

/** Of those that are required the one that every command has. */
const ALL = (Object.keys(INPUTS) as InputName[]).filter(
  (name) => name === 'environment' || !('required' in INPUTS[name]),
);

/** given reads the inputs as the runner has them: a text each, empty when it was not given. */
function given(inputs: Partial<Record<InputName, string>>, names: readonly InputName[] = ALL) {
  return readInputs(names, (name) => inputs[name as InputName] ?? '');
}

function refusal(inputs: Partial<Record<InputName, string>>): UserError {
  try {
    given(inputs);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('what is read', () => {
  test('an environment alone: everything else has its default', () => {
    expect(given({ environment: ' production ' })).toEqual({
      environment: 'production',
      service: undefined,
      action: 'renew',
      backup: 'latest',
      mode: 'plan',
      folder: 'backups',
      operation: 'create',
      task: 'list',
      plain: false,
      presets: false,
      'revocation-reason': 'superseded',
      domains: undefined,
      reason: undefined,
      to: 'previous',
      zones: undefined,
      'exclude-servers': undefined,
      config: 'switchyard.yml',
      'ssh-private-key': undefined,
      secrets: {},
      images: {},
      push: undefined,
      'build-secrets': {},
      'allow-dirty': false,
      'state-branch': 'switchyard-state',
      'github-token': undefined,
      'lease-wait': 15 * 60_000,
      'unfinished-hook': undefined,
      'dry-run': false,
      eject: false,
      comment: true,
      'exit-code': false,
    });
  });

  test('secrets of builds, one a line, byte for byte behind the first sign', () => {
    const { 'build-secrets': read } = given({ environment: 'x', 'build-secrets': 'A=b=c d\nB= $(x)' });
    expect(read).toEqual({ A: 'b=c d', B: ' $(x)' });
    const refused = refusal({ environment: 'x', 'build-secrets': 'A=b\nhunter2' });
    expect(refused.message).toBe('input build-secrets has a line (2) that is not of the form name=value');
  });

  test('lists by lines; blank ones and blanks around are nothing', () => {
    const { service, zones } = given({ environment: 'x', service: '\n api \n\n web\r\n', zones: '  \n' });
    expect([service, zones]).toEqual([['api', 'web'], undefined]);
  });

  test('images by service; digests and ports stay whole', () => {
    const images = 'api=ghcr.io/acme/api@sha256:0=1\n web = localhost:5000/web:2 ';
    expect(given({ environment: 'x', images }).images).toEqual({
      api: 'ghcr.io/acme/api@sha256:0=1',
      web: 'localhost:5000/web:2',
    });
  });

  test('how long to wait for the lease, as Compose writes durations', () => {
    expect(given({ environment: 'x', 'lease-wait': ' 1m30s ' })['lease-wait']).toBe(90_000);
    expect(given({ environment: 'x', 'lease-wait': '0' })['lease-wait']).toBe(0);
    expect(() => given({ environment: 'x', 'lease-wait': '5' })).toThrow(
      'input lease-wait "5" is no duration',
    );
  });

  test('secrets as the runner writes them, byte for byte', () => {
    const secrets = { TOKEN: 'quote " and\nnewline', EMPTY: '', github_token: 'ghs_x' };
    expect(given({ environment: 'x', secrets: JSON.stringify(secrets) }).secrets).toEqual(secrets);
  });

  test.each([
    ['true', true],
    ['True', true],
    ['TRUE', true],
    ['false', false],
    ['False', false],
    ['', false],
  ])('dry-run "%s" is %s', (text, value) => {
    expect(given({ environment: 'x', 'dry-run': text })['dry-run']).toBe(value);
  });

  test('a key and a token are taken as they are', () => {
    const inputs = given({ environment: 'x', 'ssh-private-key': ' key\n', 'github-token': 'ghs_x' });
    expect([inputs['ssh-private-key'], inputs['github-token']]).toEqual([' key\n', 'ghs_x']);
  });

  test('a hook of which nobody knows how it ended: to be run again, or taken for done', () => {
    const answer = (text: string) => given({ environment: 'x', 'unfinished-hook': text })['unfinished-hook'];
    expect([answer(' run\n'), answer('done'), answer(' ')]).toEqual(['run', 'done', undefined]);
  });

  test('only what a command asks for, whatever the environment says', () => {
    const inputs = readInputs(['environment'], (name) => (name === 'environment' ? 'x' : 'true'));
    expect(inputs).toEqual({ environment: 'x' });
  });
});

describe('what is refused', () => {
  test.each<[Partial<Record<InputName, string>>, string]>([
    [{}, 'input environment is required'],
    [{ environment: ' \n' }, 'input environment is required'],
    [{ environment: 'x', images: 'api' }, 'input images "api" is not of the form service=image'],
    [{ environment: 'x', images: '=image' }, 'input images "=image" is not of the form service=image'],
    [{ environment: 'x', images: 'api=' }, 'input images "api=" is not of the form service=image'],
    [{ environment: 'x', 'dry-run': 'yes' }, 'input dry-run "yes" is neither true nor false'],
    [{ environment: 'x', 'unfinished-hook': 'no' }, 'input unfinished-hook "no" is neither run nor done'],
  ])('%j', (inputs, message) => {
    const error = refusal(inputs);
    expect(error.message).toBe(message);
    expect(error.hint).toBeTruthy();
  });

  test.each([
    'hunter2',
    '{"TOKEN": "hunter2"',
    '["hunter2"]',
    '"hunter2"',
    '{"TOKEN": {"a": "hunter2"}}',
    '{"hunter2": 5}',
  ])('secrets that are no object of strings are never repeated: %s', (secrets) => {
    const error = refusal({ environment: 'x', secrets });
    expect(error.message).toBe('input secrets is not a JSON object of strings; pass ${{ toJSON(secrets) }}');
    expect(JSON.stringify([error.message, error.hint, String(error.cause), error.stack])).not.toContain(
      'hunter2',
    );
  });

  test('all mistakes at once', () => {
    const error = refusal({ images: 'api', 'dry-run': 'maybe', secrets: '{' });
    expect(error).toBeInstanceOf(UserErrors);
    expect((error as UserErrors).errors).toHaveLength(4);
  });
});
