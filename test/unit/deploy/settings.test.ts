import type { ContainerInspectResponse } from '@docker/node-sdk';
import { describe, expect, test } from '@jest/globals';
import { defaultsOf, settingsFound } from '../../../src/deploy/observation/container-settings.ts';
import { type Blueprint, settingsOf } from '../../../src/deploy/planning/blueprint.ts';
import { changedSettings } from '../../../src/deploy/planning/container-settings.ts';
import { createRequest } from '../../../src/deploy/steps/container-request.ts';
import { REPOSITORY, service } from '../../simulation/stories/specs.ts';

const api = service('api', { environment: { LEVEL: 'info' }, secrets: ['TOKEN'], volumes: ['data'] });
const blueprint: Blueprint = {
  scope: { project: 'shop', environment: 'production' },
  repository: REPOSITORY,
  service: 'api',
  container: {
    ...api.container,
    labels: { team: 'a' },
    user: 'node',
    resources: { cpus: 0.5, memoryBytes: 256e6 },
    logging: { driver: 'json-file', options: { 'max-size': '10m' } },
    volumes: [
      ...api.container.volumes,
      { type: 'bind', source: '/srv//data/', target: '/srv/', readOnly: true },
    ],
  },
  containerPort: 3000,
  ports: { host: 8123, internal: 5123 },
  publishOn: '10.0.0.1',
  dependencies: { db: 5432 },
  secretsVersion: 1,
};
const asked = settingsOf(blueprint, { slot: 'base', release: 3 });
const image = defaultsOf({ Env: ['PATH=/bin', 'NODE_VERSION=24'], Cmd: ['server'], Entrypoint: ['node'] });

/** What an engine says of a container that was made from the blueprint. */
function inspected(): ContainerInspectResponse {
  const request = createRequest(asked, { TOKEN: 'sesame' });
  return {
    Config: {
      ...request,
      Env: [...(request.Env ?? []), 'PATH=/bin', 'NODE_VERSION=24'],
      Cmd: ['server'],
      Entrypoint: ['node'],
    },
    HostConfig: structuredClone(request.HostConfig!),
    Mounts: [
      {
        Type: 'volume',
        Name: 'shop_production_data',
        Source: '/var/lib/docker/…',
        Destination: '/data',
        RW: true,
      },
      { Type: 'bind', Source: '/srv/data', Destination: '/srv', RW: false },
    ],
    NetworkSettings: { Networks: { shop_production_network: {} } },
  };
}

const changed = (change: (container: ContainerInspectResponse) => void, isImageKnown = true) => {
  const container = inspected();
  change(container);
  return changedSettings(asked, settingsFound(container), isImageKnown ? image : undefined);
};
const env =
  (...pairs: string[]) =>
  (container: ContainerInspectResponse) => {
    container.Config!.Env!.push(...pairs);
  };

describe('what was changed by hand', () => {
  test('nothing, in a container as the engine made it, also when its image is not known', () => {
    expect(changed(() => undefined)).toEqual([]);
    expect(changed(() => undefined, false)).toEqual([]);
    expect(changedSettings(asked, { ...asked, command: [], entrypoint: [] }, undefined)).toEqual([]);
  });

  test.each<[string, string[], (container: ContainerInspectResponse) => void]>([
    ['another value', ['environment.LEVEL'], env('LEVEL=debug')],
    ['a variable more', ['environment.DEBUG'], env('DEBUG=1')],
    ['a variable of the image with another value', ['environment.NODE_VERSION'], env('NODE_VERSION=8')],
    ['the address of a dependency', ['environment.SWITCHYARD_DB_PORT'], env('SWITCHYARD_DB_PORT=1')],
    ['the value of a secret is for its version to tell', [], env('TOKEN=other')],
    ['another image', ['image'], ({ Config }) => Object.assign(Config!, { Image: 'api:mine' })],
    ['a command', ['command'], ({ Config }) => Object.assign(Config!, { Cmd: ['sh'] })],
    ['an entrypoint', ['entrypoint'], ({ Config }) => Object.assign(Config!, { Entrypoint: null })],
    ['another user', ['user'], ({ Config }) => Object.assign(Config!, { User: 'root' })],
    ['a label', ['labels.team'], ({ Config }) => Object.assign(Config!, { Labels: { team: 'b' } })],
    [
      'a port open to the world',
      ['ports'],
      ({ HostConfig }) =>
        Object.assign(HostConfig!, { PortBindings: { '3000/tcp': [{ HostIp: '', HostPort: '80' }] } }),
    ],
    ['a port not open', ['ports'], ({ HostConfig }) => Object.assign(HostConfig!, { PortBindings: {} })],
    ['a volume less', ['volumes'], ({ Mounts }) => void Mounts!.pop()],
    ['a volume that may be written', ['volumes'], ({ Mounts }) => Object.assign(Mounts![1]!, { RW: true })],
    [
      'docker update',
      ['restart', 'resources.memory_bytes', 'resources.pids'],
      ({ HostConfig }) =>
        Object.assign(HostConfig!, { RestartPolicy: { Name: '' }, Memory: 1e9, PidsLimit: 7 }),
    ],
    [
      'a limit that the engine has dropped',
      [],
      ({ HostConfig }) => Object.assign(HostConfig!, { Memory: 0, NanoCpus: 0 }),
    ],
    [
      'options of the engine beside ours',
      [],
      ({ HostConfig }) => Object.assign(HostConfig!.LogConfig!.Config!, { compress: 'true' }),
    ],
    [
      'another log',
      ['logging.options.max-size'],
      ({ HostConfig }) => Object.assign(HostConfig!.LogConfig!, { Config: {} }),
    ],
    [
      'a network less',
      ['networks'],
      ({ NetworkSettings }) => Object.assign(NetworkSettings!, { Networks: { bridge: {} } }),
    ],
  ])('%s', (_what, names, change) => {
    expect(changed(change)).toEqual(names);
  });

  test('what the image gives is not judged where it is not known', () => {
    expect(changed(env('DEBUG=1'), false)).toEqual([]);
    expect(changed(({ Config }) => Object.assign(Config!, { Cmd: ['sh'] }), false)).toEqual([]);
    expect(changed(env('LEVEL=debug'), false)).toEqual(['environment.LEVEL']);
  });

  test('each slot has a port of its own', () => {
    const beside = settingsOf(blueprint, { slot: 'secondary', release: 3 });
    expect(changedSettings(beside, settingsFound(inspected()), image)).toEqual(['ports']);
  });

  test('labels of ours and names on the network tell what a container is, not how it is made', () => {
    const renamed = settingsOf({ ...blueprint, secretsVersion: 2 }, { slot: 'base', release: 4 });
    expect(renamed.ownLabels).not.toEqual(asked.ownLabels);
    expect(changedSettings(renamed, settingsFound(inspected()), image)).toEqual([]);
  });
});
