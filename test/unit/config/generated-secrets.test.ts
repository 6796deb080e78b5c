import { describe, expect, test } from '@jest/globals';
import { checkRecipients, openAge, parseRecipient, recipientsOf, sealAge } from '../../../src/config/age.ts';
import { namedSecrets } from '../../../src/config/named-secrets.ts';
import { loadEnvironment } from '../../../src/config/resolve.ts';
import { requireSecret, splitSecrets } from '../../../src/config/secrets.ts';
import { localFile, messagesOf } from './files.ts';

// A key that is used nowhere else, and what belongs to it.
const KEY = 'AGE-SECRET-KEY-1EZEZDRWTXZHLR52Z3AU27Z3FJGQURRVS746ZTGZU7L2J7SURZAVQTFMWW2';
const RECIPIENT = 'age1jxjhwt7wxddvn2j9xh3pmem6rfwy4htj25fw00meytk9tnc2zq2q54yynd';

const SERVICES = `api:
  image: acme/api
  port: 3000
  environment: { URL: "//app:\${db_password}@db", TOKEN: }
  secrets: [db_password]
web:
  image: acme/web
  port: 3000`;

/** A file with these secrets at its top, and what a run is given beside it. */
function shop(secrets: string, given: Record<string, string> = {}) {
  const text = `${secrets}\n${localFile(SERVICES)}`;
  const found = loadEnvironment(text, 'switchyard.yml', {}, 'local', { secrets: given });
  const sources = { given, variables: {}, files: new Map() };
  return {
    ...found,
    sources,
    split: () => splitSecrets(found, ['api', 'web'], sources, found.config.locate),
  };
}

const GENERATED = 'secrets: { db_password: { generate: 32 }, unused: { generate: 16 } }';

describe('a generated secret', () => {
  test('is asked for by its length, and completes what is made from it', () => {
    const { needed, secrets, complete } = shop(GENERATED, { TOKEN: 'open-sesame' }).split();
    expect(needed).toEqual({ db_password: 32 });
    expect(secrets).toEqual({});
    expect(complete({ db_password: 'made' })).toEqual({
      api: { URL: '//app:made@db', TOKEN: 'open-sesame', 'secret db_password': 'made' },
      web: {},
    });
  });

  test('leaves nothing else untold that is missing', () => {
    expect(shop(GENERATED).split).toThrow('secret TOKEN was not passed');
  });

  test('is no matter of a run whose services use none', () => {
    const { needed, secrets } = shop('secrets: { db_password: { environment: PW } }', {
      TOKEN: 'a',
      PW: 'hunter2',
    }).split();
    expect(needed).toEqual({});
    expect(secrets.api).toMatchObject({ URL: '//app:hunter2@db' });
  });

  test('is listed with those who use it, beside the others', () => {
    expect(Object.fromEntries(namedSecrets(shop(GENERATED)))).toEqual({
      db_password: { from: 'generated', services: ['api'] },
      unused: { from: 'generated', services: [] },
      TOKEN: { from: 'run', services: ['api'] },
    });
  });

  test('is refused where the servers are not asked first', () => {
    const { sources, definitions } = shop(GENERATED);
    expect(() => requireSecret('db_password', sources, definitions)).toThrow(
      'secret db_password is made for services, and is not known here',
    );
  });

  test.each(['15', '129', '16.5', 'true'])('has no length of %s', (length) => {
    const messages = messagesOf(() => shop(`secrets: { db_password: { generate: ${length} } }`));
    expect(messages.join()).toMatch(/secrets\.db_password\.generate: .*(no length|must be a number)/);
  });

  test('has one origin', () => {
    const messages = messagesOf(() => shop('secrets: { a: { generate: 32, environment: A } }'));
    expect(messages.join()).toContain('says twice where the value comes from');
  });
});

describe('recipients', () => {
  test('stand at the top, or at an environment, one or several', () => {
    expect(shop('').recipients).toEqual([]);
    expect(shop(`age_recipients: ${RECIPIENT}`).recipients).toEqual([RECIPIENT]);
  });

  test('can open what is sealed for them, and nobody else', async () => {
    const sealed = await sealAge([RECIPIENT], 'open-sesame');
    expect(sealed).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/);
    expect((await openAge('x', Buffer.from(sealed), [KEY])).toString()).toBe('open-sesame');
    expect(await recipientsOf([KEY])).toEqual([RECIPIENT]);
  });

  test.each([
    [KEY, 'is a key that opens secrets'],
    ['ssh-ed25519 AAAA', '"ssh-ed25519 AAAA" is no recipient of age'],
    ['age1', '"age1" is no recipient of age'],
  ])('are not %s', (text, message) => {
    expect(() => parseRecipient(text)).toThrow(message);
  });

  test('are refused with a wrong letter, before anything is done', async () => {
    const wrong = RECIPIENT.replace(/.$/, 'q');
    await expect(checkRecipients([RECIPIENT, wrong])).rejects.toThrow(
      `nothing can be encrypted for ${wrong}`,
    );
  });
});
