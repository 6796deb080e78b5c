import { expect, test } from '@jest/globals';
import { loadConfig } from '../../../src/config/load.ts';
import { resolveEnvironment } from '../../../src/config/resolve.ts';
import { requireSecrets } from '../../../src/config/secrets.ts';
import { errorsOf, SHOP } from './files.ts';

function secretsOf(text: string, secrets: Record<string, string>) {
  const loaded = loadConfig(text, 'switchyard.yml', {});
  return requireSecrets(resolveEnvironment(loaded, 'production'), secrets, loaded.locate);
}

test('every service gets its own, byte for byte', () => {
  const token = `--"'\n$(id)\`x\`\u{1F511}`;
  expect(secretsOf(SHOP, { API_TOKEN: token, OTHER: 'x' })).toEqual({ cache: {}, api: { API_TOKEN: token } });
});

test('all that are missing or blank are told at once, at their place', () => {
  const text = SHOP.replace('[API_TOKEN]', '[API_TOKEN, BLANK, constructor]');
  const errors = errorsOf(() => secretsOf(text, { API_TOKN: 'x', BLANK: ' \n' }));
  expect(errors.map(({ message }) => message)).toEqual([
    'services.api: secret API_TOKEN is not set; did you mean "API_TOKN"?',
    'services.api: secret BLANK is blank',
    'services.api: secret constructor is not set',
  ]);
  expect(errors[0]?.hint).toContain('secrets: ${{ toJSON(secrets) }}');
  expect(errors.map(({ location }) => [location?.line, location?.column])).toEqual([
    [32, 15],
    [32, 26],
    [32, 33],
  ]);
});

test('a secret named by the environment has its place there', () => {
  const text = SHOP.replace('environment: { LOG_LEVEL: warn }', 'secrets: [FROM_HERE]');
  const [error] = errorsOf(() => secretsOf(text, {}));
  expect(error?.message).toBe('services.api: secret FROM_HERE was not passed: the input secrets is empty');
  expect(error?.location).toMatchObject({ line: 12, column: 24 });
});

test('one that is not set is told apart from all that were not passed', () => {
  const [unset] = errorsOf(() => secretsOf(SHOP, { github_token: 'x' }));
  expect(unset).toMatchObject({
    message: 'services.api: secret API_TOKEN is not set',
    hint: expect.stringContaining('gh secret set API_TOKEN'),
  });
  const [unpassed] = errorsOf(() => secretsOf(SHOP, {}));
  expect(unpassed).toMatchObject({
    message: 'services.api: secret API_TOKEN was not passed: the input secrets is empty',
    hint: expect.not.stringContaining('gh secret set'),
  });
});
