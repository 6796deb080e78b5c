import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RunnerLog } from '../../../src/actions/log.ts';
import { changeRequest } from '../../../src/commands/change.ts';
import { planOutput } from '../../../src/commands/plan.ts';
import type { Project } from '../../../src/commands/project.ts';
import { resultOf } from '../../../src/commands/result.ts';
import { loadEnvironment } from '../../../src/config/resolve.ts';
import type { DeployReport } from '../../../src/deploy/request.ts';
import { renderFailure } from '../../../src/report/failure.ts';
import { render } from '../../../src/report/result.ts';
import { HOST_KEYS } from '../../unit/config/host-keys.ts';
import type { Run } from '../world/faults.ts';
import { World } from '../world/world.ts';
import { complaintOf } from './story.ts';

/** In every value, as nothing else has it; it looks the same in addresses, JSON and Markdown. */
const MARK = 'zq7x';

/** Values as people have them, with what is hard in between. */
const valuesOf = (version: number): Record<string, string> =>
  Object.fromEntries(
    ['BARE', 'PASSWORD', 'IN_STEP', 'TOKEN', 'OTHER_NAME'].map((name) => [
      name,
      `${name} ${version} "p@ss|w*rd"\n$x /+?&=% <b> ${MARK} ${name}`,
    ]),
  );

/** A secret in each place that takes one. */
const FILE = `
project: shop
environments:
  production: { provider: static, user: deploy, servers: [{ name: a, host: 192.0.2.1, host_key: "${HOST_KEYS.ed25519}" }] }
secrets:
  named: { environment: OTHER_NAME }
  licence: { file: ./licence }
services:
  api:
    image: "api:\${VERSION}"
    port: 3000
    domain: api.example.com
    pre_deploy: migrate
    environment:
      LEVEL: info
      BARE:
      MADE: "postgres://app:\${PASSWORD}@db/app"
      STEP: "\${FROM_STEP}"
      OF_FILE: "\${licence}"
    secrets: [token, { source: named, target: /etc/app/named, mode: 0440 }, licence]
`;

let world: World;
let log: RunnerLog;
beforeEach(() => {
  world = new World({ images: 'digests' });
  log = new RunnerLog();
});
afterEach(() => expect(complaintOf(world)).toBeUndefined());

/** asked returns what a run of this version of the app asks for, as the action reads it; its log knows what to hide. */
function asked(version: number, secrets = valuesOf(1)) {
  const licence = Buffer.from(`licence ${MARK} of ${secrets.BARE}`);
  const variables = { VERSION: String(version), FROM_STEP: `set by a step: ${secrets.IN_STEP}` };
  const environment = loadEnvironment(FILE, 'switchyard.yml', variables, 'production', { secrets });
  const sources = { given: secrets, variables, files: new Map([['./licence', licence]]) };
  const project = { ...environment, sources, reach: {} } as unknown as Project;
  for (const value of [...Object.values(secrets), licence.toString()]) log.hide(value);
  const request = changeRequest(project, { secrets }, log, { scope: 'services' });
  return { wanted: environment.wanted, secrets: { secrets: request.secrets } };
}

/** What must be nowhere: the mark, and what base64 makes of a value or of one that was made from it. */
function formsOf(...all: ReturnType<typeof asked>[]): string[] {
  const values = all.flatMap(({ secrets }) => Object.values(secrets.secrets).flatMap(Object.values<string>));
  const given = [1, 2].flatMap((version) => Object.values(valuesOf(version)));
  const encoded = [...values, ...given].map((value) => Buffer.from(value));
  return [MARK, ...encoded.flatMap((bytes) => [bytes.toString('base64'), bytes.toString('base64url')])];
}

/** leaksIn returns the places whose text has one of the forms. */
function leaksIn(places: Record<string, unknown>, forms: readonly string[]): string[] {
  return Object.entries(places)
    .filter(([, content]) => {
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      return forms.some((form) => text.includes(form));
    })
    .map(([place]) => place);
}

/** Every commit of the record and of the lease, with its files. */
function recorded(): Record<string, unknown> {
  const refs = ['refs/heads/switchyard-state', 'refs/switchyard/lease/shop/production'];
  const commits = refs.flatMap((ref) => {
    const found: [string, unknown][] = [];
    for (let id = world.remote.ref(ref); id !== undefined; id = world.remote.commit(id)?.parent) {
      const { message, files } = world.remote.commit(id)!;
      found.push([`commit ${found.length} of ${ref}`, [message, ...files]]);
    }
    return found;
  });
  return Object.fromEntries(commits);
}

/** All that stands on the server, but for the variables and files of the containers that need the values. */
function standing(): Record<string, unknown> {
  const { containers, volumes, networks, images } = world.machine('a');
  const isKept = (name: string) => name === 'shop_production_secrets' || name.includes('_files_');
  return Object.fromEntries([
    ...[...containers.values()].map(({ name, request, argv, labels, files }) => {
      const isOwn = labels['switchyard.service'] !== undefined;
      const { Env, ...rest } = request;
      return [`container ${name}`, [name, isOwn ? rest : request, argv, labels, ...files]];
    }),
    ...[...volumes.entries()].map(([name, volume]) => [
      `volume ${name}`,
      [name, volume.labels, ...(isKept(name) ? [] : volume.files)],
    ]),
    ...[...networks.values()].map((network) => [`network ${network.name}`, [network.name, network.labels]]),
    ...images.all().map((image) => [`image ${image.id}`, [image.labels, ...images.namesOf(image)]]),
  ]);
}

/** What a run has said and called. */
function said({ lines, calls }: Run): Record<string, unknown> {
  return { log: lines.join('\n'), calls: calls.join('\n') };
}

function rendered(report: DeployReport) {
  const services = resultOf(report, false);
  const author = { run: 'run', actor: 'ann', commit: undefined };
  const outputs = { changed: true, releases: {}, result: services };
  const { failure } = report;
  return render({
    kind: 'deployed',
    title: 'shop',
    author,
    report,
    services,
    outputs,
    failure,
    built: [],
  } as never);
}

describe('a value of a secret, or one that was made from it', () => {
  test('arrives where it is needed', async () => {
    const { wanted, secrets } = asked(1);
    await world.deploy(wanted, secrets);
    const values = valuesOf(1);
    const container = world.servingContainer('api');
    expect(container.environment).toEqual({
      LEVEL: 'info',
      BARE: values.BARE,
      MADE: `postgres://app:${values.PASSWORD}@db/app`,
      STEP: `set by a step: ${values.IN_STEP}`,
      OF_FILE: `licence ${MARK} of ${values.BARE}`,
    });
    expect(container.readFile('/run/secrets/token')).toBe(values.TOKEN);
    expect(container.readFile('/etc/app/named')).toBe(values.OTHER_NAME);
    expect(container.readFile('/run/secrets/licence')).toBe(`licence ${MARK} of ${values.BARE}`);
  });

  test('is in no record, label, name, image, command line, plan, status, summary or log', async () => {
    const [one, two] = [asked(1), asked(2, valuesOf(2))];
    const reports = [await world.deploy(one.wanted, one.secrets)];
    const dry = await world.plan(two.wanted, two.secrets);
    reports.push(await world.deploy(two.wanted, two.secrets));
    const status = await world.status(two.wanted);
    const places = {
      ...recorded(),
      ...standing(),
      'the plan of a pull request': render({
        kind: 'dry run',
        title: 'shop',
        report: dry,
        built: [],
      } as never),
      'the output of a plan': planOutput(dry),
      'a status': render({ kind: 'status', report: status } as never),
      'the summary of a deploy': reports.map((report) => rendered(report)),
      'the outputs of a deploy': reports.map((report) => resultOf(report, false)),
    };
    const forms = formsOf(one, two);
    const { name, request } = world.servingContainer('api');
    expect(Object.keys(places)).toContain(`container ${name}`);
    // Where they have to be they are found.
    expect(leaksIn({ whole: request }, forms)).toEqual(['whole']);
    expect(leaksIn(places, forms)).toEqual([]);
    expect(world.runs.flatMap((run) => leaksIn(said(run), forms))).toEqual([]);
  });

  test('is shown by no app that tells it, be it in a hook that ends well or in a version that fails', async () => {
    const one = asked(1);
    await world.deploy(one.wanted, one.secrets);
    const two = asked(2, valuesOf(2));
    const tales = Object.values(two.secrets.secrets.api!).flatMap((value) => [
      value,
      JSON.stringify({ value }),
      encodeURIComponent(value),
      Buffer.from(value).toString('base64'),
    ]);
    world.registry.define('api:2', {
      status: 503,
      says: tales,
      commands: { migrate: { says: tales.join('\n') } },
    });
    const ended = await world.tryDeploy(two.wanted, two.secrets);
    const report = ended.how === 'done' ? ended.value : undefined;
    const failure = ended.how === 'failed' ? ended.error : report?.failure;
    const shown = {
      log: said(world.runs.at(-1)!).log,
      failure: renderFailure('production: the deploy', failure),
      summary: report === undefined ? '' : rendered(report).markdown,
    };
    const forms = formsOf(one, two);
    // The app has told them: what people see is what was cleaned.
    expect(leaksIn(shown, forms)).not.toEqual([]);
    const cleaned = Object.fromEntries(
      Object.entries(shown).map(([place, text]) => [place, log.clean(String(text))]),
    );
    expect(leaksIn(cleaned, forms)).toEqual([]);
    expect(leaksIn({ ...recorded(), ...standing() }, forms)).toEqual([]);
  });
});

describe('what is made from secrets is kept as they are', () => {
  test('the same is no change, another one is a new release, and a rollback brings the old one back', async () => {
    const one = asked(1);
    await world.deploy(one.wanted, one.secrets);
    expect((await world.deploy(one.wanted, one.secrets)).changed).toBe(false);
    const two = asked(1, { ...valuesOf(1), PASSWORD: 'another' });
    const { plan } = await world.deploy(two.wanted, two.secrets);
    expect(plan.changes).toMatchObject([{ to: 2, effect: 'toggle', reasons: ['secrets'] }]);
    expect(world.servingContainer('api').environment.MADE).toBe('postgres://app:another@db/app');
    const hidden: string[] = [];
    const hide = (value: string) => void hidden.push(value);
    await world.deploy(two.wanted, { services: ['api'], rollback: 'previous', hide });
    // Nobody has passed them to that run.
    const licence = `licence ${MARK} of ${valuesOf(1).BARE}`;
    expect(hidden).toEqual(expect.arrayContaining([...Object.values(one.secrets.secrets.api!), licence]));
    const container = world.servingContainer('api');
    expect(container.environment.MADE).toBe(`postgres://app:${valuesOf(1).PASSWORD}@db/app`);
    expect(container.readFile('/run/secrets/token')).toBe(valuesOf(1).TOKEN);
  });

  test('a file is there again after a reboot, and one with another value is a new release', async () => {
    const one = asked(1);
    await world.deploy(one.wanted, one.secrets);
    world.switchOff('a', 1000);
    await world.clock.pass(20_000);
    expect(world.servingContainer('api').readFile('/run/secrets/token')).toBe(valuesOf(1).TOKEN);
    const two = asked(1, { ...valuesOf(1), TOKEN: 'another' });
    const { plan } = await world.deploy(two.wanted, two.secrets);
    expect(plan.changes).toMatchObject([{ to: 2, effect: 'toggle', reasons: ['secrets'] }]);
    expect(world.servingContainer('api').readFile('/run/secrets/token')).toBe('another');
  });
});
