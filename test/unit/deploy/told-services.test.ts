import { describe, expect, test } from '@jest/globals';
import { type Told, toldFile, toldVariables } from '../../../src/deploy/planning/told-services.ts';

const told: Told = {
  dependencies: { queue: 5400, 'queue.console': 5401, 'my-db': 5200, api: 5300 },
  connections: {
    queue: { kind: 'amqp', user: 'app', database: '/' },
    'my-db': {
      kind: 'postgres',
      user: 'app',
      database: 'shop',
      hasPassword: true,
      variables: ['DATABASE_URL'],
    },
  },
};

/** said returns what is in the file. */
function said(what: Told): string {
  const { content } = toldFile(what)!;
  return 'text' in content ? content.text : '';
}

describe('what a container is told of services', () => {
  test('is in variables, each only where there is something to say', () => {
    expect(toldVariables(told)).toEqual({
      SWITCHYARD_QUEUE_HOST: 'nginx',
      SWITCHYARD_QUEUE_PORT: '5400',
      SWITCHYARD_QUEUE_PORT_CONSOLE: '5401',
      SWITCHYARD_QUEUE_USER: 'app',
      SWITCHYARD_QUEUE_DATABASE: '/',
      SWITCHYARD_QUEUE_URL_FILE: '/run/secrets/switchyard/queue/url',
      SWITCHYARD_MY_DB_HOST: 'nginx',
      SWITCHYARD_MY_DB_PORT: '5200',
      SWITCHYARD_MY_DB_USER: 'app',
      SWITCHYARD_MY_DB_DATABASE: 'shop',
      SWITCHYARD_MY_DB_PASSWORD_FILE: '/run/secrets/switchyard/my-db/password',
      SWITCHYARD_MY_DB_URL_FILE: '/run/secrets/switchyard/my-db/url',
      SWITCHYARD_API_HOST: 'nginx',
      SWITCHYARD_API_PORT: '5300',
    });
  });

  test('is in a file for everybody, since it holds paths and no secret', () => {
    expect(toldFile(told)).toMatchObject({
      target: '/run/switchyard/services.json',
      mode: 0o444,
      uid: 0,
      gid: 0,
    });
    expect(JSON.parse(said(told))).toEqual({
      schema: 1,
      services: {
        api: { host: 'nginx', port: 5300 },
        'my-db': {
          host: 'nginx',
          port: 5200,
          kind: 'postgres',
          user: 'app',
          database: 'shop',
          passwordFile: '/run/secrets/switchyard/my-db/password',
          urlFile: '/run/secrets/switchyard/my-db/url',
        },
        queue: {
          host: 'nginx',
          port: 5400,
          ports: { console: 5401 },
          kind: 'amqp',
          user: 'app',
          database: '/',
          urlFile: '/run/secrets/switchyard/queue/url',
        },
      },
    });
  });

  test('has the same bytes in whatever order the file names services', () => {
    const backwards = {
      dependencies: Object.fromEntries(Object.entries(told.dependencies).reverse()),
      connections: Object.fromEntries(Object.entries(told.connections!).reverse()),
    };
    expect(said(backwards)).toBe(said(told));
  });

  test('is no file where variables say all that there is', () => {
    expect(toldFile({ dependencies: { api: 5300 }, connections: undefined })).toBeUndefined();
  });
});
