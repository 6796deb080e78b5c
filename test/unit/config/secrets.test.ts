import { describe, expect, test } from '@jest/globals';
import { loadEnvironment } from '../../../src/config/resolve.ts';
import { requireSecrets } from '../../../src/config/secrets.ts';
import { errorsOf, indented, localFile, messagesOf, SHOP } from './files.ts';

/** What a run brings along. */
interface Brought {
  secrets?: Record<string, string>;
  variables?: Record<string, string>;
  environment?: string;
  files?: Record<string, Buffer>;
}

/** resolved loads a file for a run, and returns what is wanted and the values of its secrets. */
function resolved(
  text: string,
  { secrets = {}, variables = {}, environment = 'local', ...brought }: Brought,
) {
  const found = loadEnvironment(text, 'switchyard.yml', variables, environment, { secrets });
  const services = found.wanted.services.map(({ name }) => name);
  const files = new Map(Object.entries(brought.files ?? {}));
  const sources = { given: secrets, variables, files };
  return {
    wanted: found.wanted,
    values: () => requireSecrets(found, services, sources, found.config.locate),
  };
}

/** api returns the variables of a service with these keys: those that everybody may read, and the secrets. */
function api(keys: string, brought: Brought = {}) {
  const image = keys.startsWith('image:') ? '' : '\n  image: acme/api';
  const text = localFile(`api:${image}\n  port: 3000\n${indented(keys, 2)}`);
  const { wanted, values } = resolved(text, brought);
  const [{ container }] = wanted.services as [(typeof wanted.services)[number]];
  return {
    plain: container.environment,
    names: container.secrets,
    values: () => values().api,
    record: JSON.stringify(wanted),
  };
}

describe('a variable without a value', () => {
  test('is a secret of the run, byte for byte', () => {
    const token = `--"'\n$(id)\`x\`\${A}$$\u{1F511}`;
    const { plain, names, values } = api('environment: [TOKEN, LEVEL=info]', {
      secrets: { TOKEN: token, OTHER: 'x' },
    });
    expect([plain, names, values()]).toEqual([{ LEVEL: 'info' }, ['TOKEN'], { TOKEN: token }]);
  });

  test('is a variable of the step where no secret has its name', () => {
    expect(api('environment: [TZ]', { variables: { TZ: 'UTC' } })).toMatchObject({
      plain: { TZ: 'UTC' },
      names: [],
    });
  });

  test('is the secret where both have its name', () => {
    const { names, values } = api('environment: { TOKEN: }', {
      secrets: { TOKEN: 'secret' },
      variables: { TOKEN: 'of the step' },
    });
    expect([names, values()]).toEqual([['TOKEN'], { TOKEN: 'secret' }]);
  });
});

describe('what is made from a secret is a secret', () => {
  const secrets = { DB_PASSWORD: 'hunter2!' };
  const made = 'postgres://app:hunter2!@db/app';

  test.each([
    ['in a map', 'environment: { URL: "postgres://app:${DB_PASSWORD}@db/app" }', made],
    ['in a list', 'environment: ["URL=postgres://app:${DB_PASSWORD}@db/app"]', made],
    ['without braces', 'environment: { URL: "x$DB_PASSWORD" }', 'xhunter2!'],
    ['in a default', 'environment: { URL: "${NOT_SET:-a ${DB_PASSWORD}}" }', 'a hunter2!'],
    ['of which only is known that it is there', 'environment: { URL: "${DB_PASSWORD:+yes}" }', 'yes'],
    ['beside what is none', 'environment: { URL: "$USER:$DB_PASSWORD:$$USER" }', 'app:hunter2!:$USER'],
    ['by an anchor', 'environment: { URL: &url "x$DB_PASSWORD" }\nx-again: *url', 'xhunter2!'],
    ['of two in a list', 'environment: ["URL=plain", "URL=x$DB_PASSWORD"]', 'xhunter2!'],
  ])('%s', (_how, keys, value) => {
    const { plain, names, values, record } = api(keys, { secrets, variables: { USER: 'app' } });
    expect([plain, names, values()]).toEqual([{}, ['URL'], { URL: value }]);
    expect(record).not.toContain('hunter2');
  });

  test('also where the step has put it together', () => {
    const { plain, names, values } = api('environment: ["URL", "COPY=${URL}", "LEVEL"]', {
      secrets,
      variables: { URL: made, LEVEL: 'info' },
    });
    expect([plain, names]).toEqual([{ LEVEL: 'info' }, ['COPY', 'URL']]);
    expect(values()).toEqual({ URL: made, COPY: made });
  });

  test('and what an environment says instead of it is not', () => {
    const text = localFile(
      'api: { image: a, port: 3000, environment: { URL: "x$DB_PASSWORD", OTHER: } }',
    ).replace(
      'provider: local }',
      'provider: local, services: { api: { environment: { URL: plain, OTHER: "$DB_PASSWORD" } } } }',
    );
    const { wanted, values } = resolved(text, { secrets });
    expect(wanted.services[0]?.container).toMatchObject({
      environment: { URL: 'plain' },
      secrets: ['OTHER'],
    });
    expect(values()).toEqual({ api: { OTHER: 'hunter2!' } });
  });

  test('a default that is not needed makes none', () => {
    expect(
      api('environment: { A: "${SET:-$DB_PASSWORD}" }', { secrets, variables: { SET: 'x' } }),
    ).toMatchObject({
      plain: { A: 'x' },
      names: [],
    });
  });
});

describe('a secret anywhere else is refused, with what to write instead', () => {
  const secrets = { TOKEN: 'hunter2!' };

  test.each([
    ['image: "acme/api:$TOKEN"', 'image', /goes into environment, or into a file/],
    ['labels: { a: "x$TOKEN" }', 'labels.a', /goes into environment/],
    ['labels: ["a=$TOKEN"]', 'labels[0]', /goes into environment/],
    [
      'command: redis-server --requirepass $TOKEN',
      'command',
      /\["sh", "-c", 'exec program --password "\$\$TOKEN"'\]/,
    ],
    ['command: [redis-server, "$TOKEN"]', 'command[1]', /"sh", "-c"/],
    ['entrypoint: ["/run", "$TOKEN"]', 'entrypoint[1]', /"sh", "-c"/],
    ['healthcheck: { test: "curl -u $TOKEN" }', 'healthcheck.test', /"sh", "-c"/],
    ['healthcheck: { test: [CMD, curl, "$TOKEN"] }', 'healthcheck.test[2]', /"sh", "-c"/],
    ['healthcheck: { path: "/$TOKEN" }', 'healthcheck.path', /environment/],
    ['pre_deploy: "migrate $TOKEN"', 'pre_deploy', /"sh", "-c"/],
    ['post_deploy: { command: [warm, "$TOKEN"] }', 'post_deploy.command[1]', /"sh", "-c"/],
    ['domain: "$TOKEN.example.com"', 'domain', /vars/],
    ['domain: ["$TOKEN.example.com"]', 'domain[0]', /vars/],
    ['user: "$TOKEN"', 'user', /vars/],
    ['hostname: "$TOKEN"', 'hostname', /vars/],
    ['volumes: ["/srv/$TOKEN:/data:ro"]', 'volumes[0]', /vars/],
    [
      'volumes: [{ type: bind, source: "/$TOKEN", target: /data, read_only: true }]',
      'volumes[0].source',
      /vars/,
    ],
    ['logging: { options: { token: "$TOKEN" } }', 'logging.options.token', /environment/],
    ['logging: $TOKEN', 'logging', /environment/],
    ['deploy: $TOKEN', 'deploy', /environment/],
    ['environment: $TOKEN', 'environment', /environment/],
    ['sysctls: { a: "$TOKEN" }', 'sysctls.a', /environment/],
    ['extra_hosts: { a: "$TOKEN" }', 'extra_hosts.a', /environment/],
    ['annotations: { a: "$TOKEN" }', 'annotations.a', /environment/],
  ])('%s', (keys, path, hint) => {
    const [error, ...more] = errorsOf(() => api(keys, { secrets }));
    expect(more).toEqual([]);
    expect(error?.message).toBe(
      `services.api.${path}: is made from a secret (TOKEN), and what stands here is written down: on the record, in plans, on the servers`,
    );
    expect(error?.hint).toMatch(hint);
    expect(error?.location?.line).toBeGreaterThan(6);
  });

  test.each(['command: [app, "${DSN}"]', 'labels: { dsn: "${DSN}" }', 'user: "${DSN}"'])(
    '%s, where the step has put a secret into the env',
    (keys) => {
      const brought = { secrets: { TOKEN: 'correct-horse-7' }, variables: { DSN: 'app:correct-horse-7@db' } };
      expect(messagesOf(() => api(keys, brought))).toEqual([
        expect.stringContaining('is made from a secret (DSN)'),
      ]);
    },
  );

  test('a word that is a secret as well is a word', () => {
    const brought = { secrets: { STAGE: 'production' }, variables: { WHERE: 'production' } };
    expect(() => api('labels: { where: "${WHERE}" }', brought)).not.toThrow();
  });

  test('the name of a variable', () => {
    expect(messagesOf(() => api('environment: ["$TOKEN=x"]', { secrets }))).toEqual([
      'services.api.environment[0]: the name of a variable is a reference to a secret',
    ]);
  });

  test('in the project’s name, and the environment’s own keys', () => {
    const text = localFile('api: { image: a, port: 1 }').replace('project: shop', 'project: "$TOKEN"');
    expect(messagesOf(() => resolved(text, { secrets }))).toEqual([
      expect.stringContaining('project: is made from a secret (TOKEN)'),
    ]);
  });
});

describe('secrets as files', () => {
  const files = (keys: string, brought: Brought = {}, top = '') => {
    const text = `${localFile(`api:\n  image: acme/api\n  port: 3000\n${indented(keys, 2)}`)}${top}\n`;
    const { wanted, values } = resolved(text, brought);
    return { files: wanted.services[0]?.container.files, values: () => values().api };
  };

  test('in the short form, for the user of the container alone', () => {
    const { files: found, values } = files('secrets: [api_token]', { secrets: { API_TOKEN: 'one' } });
    expect(found).toEqual([
      { target: '/run/secrets/api_token', mode: 0o400, content: { secret: 'secret api_token' } },
    ]);
    expect(values()).toEqual({ 'secret api_token': 'one' });
  });

  test('in the long form', () => {
    const { files: found } = files(`
      secrets:
        - { source: a, target: token, uid: "1000", gid: 100, mode: 0440 }
        - { source: a, target: /etc/app/token, mode: 0o444 }
    `);
    const content = { secret: 'secret a' };
    expect(found).toEqual([
      { target: '/run/secrets/token', uid: 1000, gid: 100, mode: 0o440, content },
      { target: '/etc/app/token', mode: 0o444, content },
    ]);
  });

  test('a service without one has no files', () => {
    expect(files('secrets: []').files).toBeUndefined();
  });

  test('the same name is another value where the file says so', () => {
    const top =
      'secrets: { db-password: { environment: GITHUBS_OTHER }, licence: { file: ./a.key }, c: { external: true } }';
    const brought = {
      secrets: { GITHUBS_OTHER: 'other', DB_PASSWORD: 'not this', C: 'three' },
      files: { './a.key': Buffer.from([0, 255, 10]) },
    };
    const { files: found, values } = files('secrets: [db-password, licence, c]', brought, top);
    expect(values()).toEqual({
      'secret db-password': 'other',
      'secret licence': 'AP8K',
      'secret c': 'three',
    });
    expect(found?.[1]?.content).toEqual({ secret: 'secret licence', encoding: 'base64' });
  });

  test('an environment says where its own values come from', () => {
    const text = `${localFile(
      'api: { image: a, port: 3000, secrets: [token], environment: ["URL=x${token}"] }',
    ).replace(
      'provider: local }',
      'provider: local, secrets: { token: { environment: STAGING } } }\n  other: { provider: local }',
    )}secrets: { token: { environment: PRODUCTION } }\n`;
    const secrets = { STAGING: 'staged', PRODUCTION: 'produced' };
    const valuesIn = (environment: string) => resolved(text, { secrets, environment }).values().api;
    expect(valuesIn('local')).toEqual({ URL: 'xstaged', 'secret token': 'staged' });
    expect(valuesIn('other')).toEqual({ URL: 'xproduced', 'secret token': 'produced' });
  });

  test('a variable of the step that the file calls a secret is one', () => {
    const { wanted, values } = resolved(
      `${localFile('api: { image: a, port: 3000, environment: [PASSWORD] }')}secrets: { p: { environment: PASSWORD } }\n`,
      { variables: { PASSWORD: 'short' } },
    );
    expect(wanted.services[0]?.container).toMatchObject({ environment: {}, secrets: ['PASSWORD'] });
    expect(values()).toEqual({ api: { PASSWORD: 'short' } });
  });

  test('a file with nothing in it is a blank one', () => {
    const top = 'secrets: { f: { file: ./blank.key } }';
    const { values } = files('secrets: [f]', { files: { './blank.key': Buffer.from('\n') } }, top);
    expect(messagesOf(values)).toEqual([
      'services.api: secret f is blank: there is nothing in the file ./blank.key',
    ]);
  });

  test('what is too large for a variable is none for a file', () => {
    const secrets = { BIG: 'x'.repeat(140_000) };
    expect(files('secrets: [big]', { secrets }).values()?.['secret big']).toHaveLength(140_000);
    expect(messagesOf(files('environment: [BIG]', { secrets }).values)).toEqual([
      expect.stringContaining('services.api: variable BIG has 137 KB'),
    ]);
  });

  test('what is missing is told at its place, by the name to set', () => {
    const top = 'secrets: { b: { environment: OTHER_NAME }, f: { file: ./none.key } }';
    const { values } = files('secrets: [api-token, b, f]', { secrets: { X: 'x' } }, top);
    const errors = errorsOf(values);
    expect(errors.map(({ message, location }) => [location?.line, location?.column, message])).toEqual([
      [8, 15, 'services.api: secret api-token is not set'],
      [8, 26, 'services.api: secret OTHER_NAME is not set'],
      [8, 29, 'services.api: secret f is missing: there is no file ./none.key'],
    ]);
    expect(errors[0]?.hint).toContain('gh secret set API_TOKEN');
  });

  test.each([
    ['secrets: { A: b }', '', 'services.api.secrets: must be a list, not a map'],
    ['secrets: ["a b"]', '', 'services.api.secrets[0]: "a b" cannot be the name of a secret'],
    ['secrets: [a, a]', '', 'services.api.secrets: two secrets would be the file /run/secrets/a'],
    ...['/', '..', '.', '/run/', 'a/', '/a:b'].map((target): [string, string, string] => [
      `secrets: [{ source: a, target: "${target}" }]`,
      '',
      `services.api.secrets[0].target: "${target}" is no place for the file of a secret`,
    ]),
    ['secrets: [".."]', '', 'services.api.secrets[0]: ".." cannot be the name of a secret'],
    ['secrets: [{ target: a }]', '', 'services.api.secrets[0].source: is required'],
    ['secrets: [{ source: a, mode: 9 }]', '', 'services.api.secrets[0].mode: 9 is no mode of a file'],
    [
      'secrets: [{ source: a, uid: app }]',
      '',
      'services.api.secrets[0].uid: "app" is no number of a user or group',
    ],
    ['', 'secrets: { a: { environment: A, file: b } }', 'secrets.a: says twice where the value comes from'],
    [
      '',
      'secrets: { a: { driver: x } }',
      'secrets.a.driver: not supported: it is for Swarm; write environment or file.',
    ],
  ])('%s%s', (keys, top, message) => {
    expect(messagesOf(() => files(keys, {}, top))).toEqual([message]);
  });
});

describe('servers', () => {
  const server = (keys: string) => `
project: shop
environments:
  production: { provider: static, user: "$LOGIN", servers: [{ ${keys}, jump: { host: "$ADDRESS" } }] }
services: { api: { image: a, port: 3000 } }
`;
  const brought = { secrets: { ADDRESS: '203.0.113.9', LOGIN: 'deploy' }, environment: 'production' };

  test('are reached by secrets, where they have a name', () => {
    const { wanted } = resolved(server('name: web-1, host: "$ADDRESS"'), brought);
    expect(wanted.servers).toMatchObject([
      { name: 'web-1', host: '203.0.113.9', user: 'deploy', jump: { host: '203.0.113.9' } },
    ]);
  });

  test('without a name are known by their host, which is no secret then', () => {
    const [error] = errorsOf(() => resolved(server('host: "$ADDRESS"'), brought));
    expect(error?.message).toMatch('servers[0].host: is made from a secret (ADDRESS)');
    expect(error?.hint).toMatch('Give it a name');
  });
});

describe('what is missing', () => {
  test('is told at once, at its place, and no value with it', () => {
    const keys = `
      environment: [TOKEN, BLANK, constructor, "URL=postgres://\${DB_PASSWORD}@db", "B=\${BLANK}"]
    `;
    const { values } = api(keys, { secrets: { TOKN: 'x', BLANK: ' \n' } });
    const errors = errorsOf(values);
    expect(errors.map(({ message }) => message)).toEqual([
      'services.api: secret TOKEN is not set; did you mean "TOKN"?',
      'services.api: secret BLANK is blank',
      'services.api: secret constructor is not set',
      'services.api: variable DB_PASSWORD is not set',
      'services.api: variable BLANK is not set',
    ]);
    expect(errors.map(({ location }) => [location?.line, location?.column])).toEqual([
      [8, 19],
      [8, 26],
      [8, 33],
      [8, 62],
      [8, 85],
    ]);
    expect(errors[0]?.hint).toContain('secrets: ${{ toJSON(secrets) }}');
    expect(errors[3]?.hint).toContain('or pass it with the input secrets');
  });

  test('of a service of the environment has its place there', () => {
    const text = SHOP.replace('environment: { LOG_LEVEL: warn }', 'environment: { FROM_HERE: }');
    const [error] = errorsOf(resolved(text, { environment: 'production' }).values);
    expect(error?.message).toBe('services.api: secret FROM_HERE was not passed: the input secrets is empty');
    expect(error?.location).toMatchObject({ line: 12 });
  });

  test('is told apart from all that were not passed', () => {
    const [unset] = errorsOf(resolved(SHOP, { secrets: { github_token: 'x' } }).values);
    expect(unset).toMatchObject({
      message: 'services.api: secret API_TOKEN is not set',
      hint: expect.stringContaining('gh secret set API_TOKEN'),
    });
    const [unpassed] = errorsOf(resolved(SHOP, {}).values);
    expect(unpassed).toMatchObject({
      message: 'services.api: secret API_TOKEN was not passed: the input secrets is empty',
      hint: expect.not.stringContaining('gh secret set'),
    });
    const [made] = errorsOf(api('environment: { A: "x$TOKEN" }').values);
    expect(made?.hint).toMatch(/The input secrets is empty.*secrets: inherit/);
  });

  describe('is no matter of what is not deployed', () => {
    const file = (other: string, services = 'api: { image: a, port: 3000 }', local = '') =>
      `project: shop
environments:
  other: { ${other} }
  local: { provider: local${local} }
services:
  ${services}
`;
    const load = (text: string, environment = 'local') =>
      loadEnvironment(text, 'switchyard.yml', {}, environment);
    const MISSING = 'variable ONLY_THERE is not set';

    test.each([
      'provider: local, services: { api: { environment: { A: "${ONLY_THERE}" } } }',
      'provider: local, services: { api: { image: "a:${ONLY_THERE}", labels: { a: "$ONLY_THERE" } } }',
      'provider: local, services: { api: { env_file: "${ONLY_THERE}.env", volumes: ["${ONLY_THERE}:/x"] } }',
      'provider: local, secrets: { token: { environment: "${ONLY_THERE}" } }',
      'provider: local, secrets: { token: { file: "${ONLY_THERE:?say it}" } }',
      'provider: local, configs: { app: { file: "${ONLY_THERE}" } }',
      'provider: local, edge: { trusted_proxies: "${ONLY_THERE}" }, retain_releases: "${ONLY_THERE}"',
      'provider: "${ONLY_THERE}"',
      'provider: static, user: "${ONLY_THERE}", servers: [{ host: "${ONLY_THERE}", private_ip: "$ONLY_THERE" }]',
    ])('%s', (other) => {
      expect(load(file(other)).wanted.services).toHaveLength(1);
    });

    test('and what that environment has wrong beside it is told', () => {
      const other = 'provider: local, retain_releases: "${ONLY_THERE}", services: { api: { prot: 1 } }';
      expect(messagesOf(() => load(file(other)))).toEqual([
        'environments.other.services.api.prot: unknown key; did you mean "port"?',
      ]);
    });

    test.each([
      ['image: "a:${ONLY_THERE}"', 'image: a'],
      ['domain: ["${ONLY_THERE}"]', 'domain: [b.example.com, c.example.com]'],
      ['domain: ["${ONLY_THERE}", d.example.com]', 'domain: b.example.com'],
      ['volumes: ["${ONLY_THERE}:/a:ro", "b:/b:ro"]', 'volumes: ["c:/c:ro"]'],
      ['logging: { driver: "${ONLY_THERE}" }', 'logging: { driver: journald }'],
      ['labels: { a: "${ONLY_THERE}", b: c }', 'labels: { a: d }'],
    ])('nor of a value that the environment replaces: %s by %s', (said, over) => {
      const services = `api: { ${said.startsWith('image') ? '' : 'image: a, '}port: 3000, ${said} }`;
      const { wanted } = load(file('provider: local', services, `, services: { api: { ${over} } }`));
      expect(wanted.services).toHaveLength(1);
    });

    test.each([
      ['labels: ["a=${ONLY_THERE}"]', 'labels: [b=c]'],
      ['labels: { a: "${ONLY_THERE}" }', 'labels: { b: c }'],
      ['tmpfs: "/${ONLY_THERE}"', 'tmpfs: /b'],
      ['healthcheck: { interval: "${ONLY_THERE}" }', 'healthcheck: { timeout: 1s }'],
      ['pre_deploy: { command: a, timeout: "${ONLY_THERE}" }', 'pre_deploy: b'],
    ])('but of one that it adds to: %s and %s', (said, over) => {
      const services = `api: { image: a, port: 3000, ${said} }`;
      const text = file('provider: local', services, `, services: { api: { ${over} } }`);
      expect(messagesOf(() => load(text))).toEqual([expect.stringContaining(MISSING)]);
    });

    test.each(['configs: { app: { file: "${ONLY_THERE}" } }', 'secrets: { app: { file: "${ONLY_THERE}" } }'])(
      'nor of a definition that the environment replaces: %s',
      (top) => {
        const own = `, ${top.replace('file: "${ONLY_THERE}"', 'environment: HERE')}`;
        const text = `${top}\n${file('provider: local', 'api: { image: a, port: 3000 }', own)}`;
        expect(load(text).wanted.services).toHaveLength(1);
        expect(messagesOf(() => load(text, 'other'))).toEqual([expect.stringContaining(MISSING)]);
      },
    );

    test('nor of a value that the environment replaces; the others are left alone then', () => {
      const services = 'api: { image: "a:${ONLY_THERE}", port: 3000 }';
      const text = file('provider: local', services, ', services: { api: { image: "a:1" } }');
      const { wanted, config } = load(text);
      expect(wanted.services[0]?.container.image).toBe('a:1');
      expect(Object.keys(config.config.environments)).toEqual(['local']);
      expect(messagesOf(() => load(text, 'other'))).toEqual([expect.stringContaining(MISSING)]);
    });

    test.each([
      ['api: { image: "a:${ONLY_THERE}", port: 3000 }', ''],
      ['api: { image: a, port: 3000 }', ', services: { api: { image: "a:${ONLY_THERE}" } }'],
      ['api: { image: a, port: 3000 }', ', retain_releases: "${ONLY_THERE}"'],
    ])('what it needs is told: %s%s', (services, local) => {
      expect(messagesOf(() => load(file('provider: local', services, local)))).toEqual([
        expect.stringContaining(MISSING),
      ]);
    });

    test('a name that no environment has is told before what each of them would need', () => {
      const text = file('provider: local, retain_releases: "${ONLY_THERE}"');
      expect(messagesOf(() => load(text, 'lokal'))).toEqual([
        'there is no environment "lokal"; did you mean "local"?',
      ]);
    });
  });
});
